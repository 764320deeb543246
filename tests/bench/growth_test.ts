import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { exponentOf } from "../../bench/growth.ts";
import { curvesChart } from "../../bench/curves_chart.ts";

const sizes = [1, 10, 100, 1_000];

Deno.test("the exponent is 1 for linear growth and 2 for quadratic growth, and a fixed cost does not hide it", () => {
  const exponent = (...costs: number[]) => exponentOf({ sizes, costs }).toFixed(3);
  assertEquals([exponent(3, 30, 300, 3_000), exponent(900, 900, 10_000, 1_000_000)], ["1.000", "2.000"]);
  assertThrows(() => exponentOf({ sizes: [1], costs: [1] }), RangeError);
});

Deno.test("the curves' picture has a panel for each curve, a dot for each size, and a text alternative", () => {
  const curve = { work: "Topics <of one>", unit: "bytes", sizes, costs: [5, 50, 500, 5_000] } as const;
  const svg = curvesChart([curve]);
  assertMatch(svg, /<desc id="desc">Topics &lt;of one&gt;: exponent 1\.00\.<\/desc>/);
  assertMatch(svg, /<polyline class="line" points="32,296 89,239 145,183 202,126"\/>/);
  assertMatch(svg, /(<circle [^>]*>\s*){4}/);
  assertMatch(svg, />1 to 1,000, exponent 1\.00<.*\n.*>5 to 5000 bytes</);
});
