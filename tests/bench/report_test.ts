import { assertEquals, assertStringIncludes } from "@std/assert";
import { report } from "../../bench/report.ts";
import type { Result } from "../../bench/results.ts";

const results: Result[] = [
  {
    work: "echo",
    unit: "messages/s",
    targets: [
      { ours: "Sluice, callbacks", against: "Bun", atLeast: 1 },
      { ours: "Sluice, callbacks", against: "floor", atLeast: 0.9 },
      { ours: "Sluice, callbacks", against: "absent", atLeast: 9 },
      { ours: "Sluice, callbacks", against: "Bun", atLeast: 1.7, byProcessorTime: true },
      { ours: "floor", against: "Bun" },
    ],
    runs: {
      floor: [{ value: 4_000_000, cpu: 0.25, busy: 1, otherBusy: 0.5 }],
      Bun: [{ value: 1_000_000, cpu: 1, busy: 1, otherBusy: 0.25 }],
      "Sluice, callbacks": [{ value: 1_500_000, cpu: 0.625, busy: 0.998, otherBusy: 0.3 }],
    },
  },
  {
    work: "memory",
    unit: "bytes",
    targets: [{ ours: "Sluice, callbacks", against: "Deno.upgradeWebSocket", atMost: 0.5 }],
    runs: { "Deno.upgradeWebSocket": [{ value: 20_000 }], "Sluice, callbacks": [{ value: 9_000 }] },
  },
  {
    work: "latency",
    unit: "µs",
    targets: [],
    runs: { Bun: [{ value: 30, latency: { rate: 5_000, p50: 10, p99: 30, p999: 90 } }] },
    others: 0.25,
  },
];
const curves = [{ work: "Topics", unit: "bytes", sizes: [1, 10, 100], costs: [50, 60, 600] }] as const;
const text = report({ results, curves, about: ["Deno 9.9.9"] });

const lines = (start: string) => text.split("\n").filter((line) => line.startsWith(start));

Deno.test("the report shows every measurement, and whether each measured target is met", () => {
  assertStringIncludes(text, "\n- Deno 9.9.9\n");
  assertStringIncludes(text, "2 of 4 targets are met");
  assertEquals(lines("| echo | Sluice, callbacks | ").slice(0, 3), [
    "| echo | Sluice, callbacks | Bun | 1.50× | 1.50 to 1.50 | 1.60× | at least 1× | yes |",
    "| echo | Sluice, callbacks | floor | 0.38× | 0.38 to 0.38 | 0.40× | at least 0.9× | **no** |",
    "| echo | Sluice, callbacks | Bun | 1.50× | 1.50 to 1.50 | 1.60× | at least 1.7× by processor time | **no** |",
  ]);
  assertEquals(lines("| echo | floor | Bun"), ["| echo | floor | Bun | 4.00× | 4.00 to 4.00 | 4.00× | – | – |"]);
  assertEquals(lines("| memory | Sluice")[0]?.includes("| 0.45× | 0.45 to 0.45 | – | at most 0.5× | yes |"), true);
});

Deno.test("the report shows the processor time of each subject, and a dash if there is none", () => {
  assertEquals(lines("| echo | Bun"), [
    "| echo | Bun | 1,000,000 messages/s | 1,000,000 to 1,000,000 | 1.00 | 100 % | 25 % |",
  ]);
  assertEquals(lines("| memory | Deno"), [
    "| memory | Deno.upgradeWebSocket | 20,000 bytes | 20,000 to 20,000 | – | – | – |",
  ]);
});

Deno.test("the report shows what the load generator can do with a core to itself", () => {
  assertEquals(lines("| echo | 8"), ["| echo | 8,000,000 | 4,000,000 |"]);
});

Deno.test("the report shows three percentiles of a latency, the exponent of a curve, and which rows were disturbed", () => {
  assertEquals(lines("| latency | Bun | 5,000"), ["| latency | Bun | 5,000 messages/s | 10 | 30 | 90 |"]);
  assertEquals(lines("| Topics"), ["| Topics | 1.00 | at most 1.05 | yes | 1: 50, 10: 60, 100: 600 | bytes |"]);
  assertEquals(lines("| latency | 25"), ["| latency | 25 % |"]);
});
