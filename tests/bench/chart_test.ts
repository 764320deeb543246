import { assertEquals, assertMatch } from "@std/assert";
import { chart } from "../../bench/chart.ts";

const rates = (...values: number[]) => values.map((value) => ({ value }));
const row = { work: "Echo <32 B>", unit: "messages/s", targets: [], charted: true } as const;
const runs = { floor: rates(400), "npm:ws": rates(100, 100), "Sluice, callbacks": rates(190, 210) };

const svg = chart([{ ...row, runs }, { ...row, work: "not shown", charted: false, runs }]);

Deno.test("a panel has a bar for each subject, as long as its median", () => {
  const bars = Array.from(
    svg.matchAll(/<rect class="(floor|peer|ours)".* width="(\d+)" height/g),
    ([, kind, width]) => ({
      kind,
      width: Number(width),
    }),
  );
  assertEquals(bars.map(({ kind }) => kind), ["floor", "peer", "ours"]);
  const [floor, peer, ours] = bars.map(({ width }) => width);
  assertEquals([floor! / peer!, ours! / peer!], [4, 2]);
});

Deno.test("bars are labelled with the number and with the ratio to the first peer", () => {
  const labels = Array.from(svg.matchAll(/>([^<]+×)</g), ([, label]) => label);
  assertEquals(labels, ["400/s · 4.0×", "100/s · 1×", "200/s · 2.0×"]);
});

Deno.test("the chart has an escaped text alternative and dark colours, and shows only the rows to be charted", () => {
  assertMatch(
    svg,
    /<desc id="desc">Echo &lt;32 B&gt;: floor 400\/s; npm:ws 100\/s; Sluice, callbacks 200\/s\.<\/desc>/,
  );
  assertMatch(svg, /@media \(prefers-color-scheme: dark\)/);
  assertEquals(svg.includes("not shown"), false);
});
