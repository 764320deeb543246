/**
 * A reader of Prometheus' exposition format 0.0.4 that takes nothing for granted.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";

/** Samples by their name and labels, as in `websocket_messages_total{direction="in"}`. */
export type Samples = ReadonlyMap<string, number>;

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
const HELP = new RegExp(`^# HELP (${NAME}) (.+)$`);
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram)$`);
const SAMPLE = new RegExp(`^(${NAME})(\\{(?:${LABEL})(?:,${LABEL})*\\})? (\\S+)$`);

/** Reads a scrape line by line, and asserts every rule that a metric's lines must keep. */
export function readExposition(text: string): Samples {
  assert(text.endsWith("\n"), "the last line ends too");
  const samples = new Map<string, number>();
  const seen = new Set<string>();
  let metric = "";
  let type = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const help = HELP.exec(line);
    const typed = TYPE.exec(line);
    if (help !== null) {
      metric = help[1]!;
      assert(!seen.has(metric), `${metric} comes in one group`);
      seen.add(metric);
      type = "";
    } else if (typed !== null) {
      assertEquals(typed[1], metric);
      type = typed[2]!;
      assertEquals(type === "counter", metric.endsWith("_total"), metric);
    } else {
      const sample = SAMPLE.exec(line);
      assert(sample !== null, `no line of the format: ${line}`);
      const [, name = "", labels = "", value] = sample;
      assert(type !== "", `${name} has a type before its samples`);
      const suffix = type === "histogram" ? "(_bucket|_sum|_count)" : "";
      assert(new RegExp(`^${metric}${suffix}$`).test(name), `${name} among the samples of ${metric}`);
      assert(!samples.has(name + labels), `${name}${labels} comes once`);
      assert(Number.isFinite(Number(value)), line);
      samples.set(name + labels, Number(value));
    }
  }
  checkHistograms(samples);
  return samples;
}

/** Buckets count all that is at most their bound, and the last of them everything. */
function checkHistograms(samples: Samples): void {
  const buckets = new Map<string, [bound: number, count: number][]>();
  for (const [key, count] of samples) {
    const [, name, labels = "", bound] = /^(.*)_bucket\{(.*?),?le="(.*)"\}$/.exec(key) ?? [];
    if (name === undefined) continue;
    const series = `${name}_count${labels === "" ? "" : `{${labels}}`}`;
    buckets.set(series, [...buckets.get(series) ?? [], [bound === "+Inf" ? Infinity : Number(bound), count]]);
  }
  for (const [series, all] of buckets) {
    assertEquals(all, all.toSorted(([a], [b]) => a - b), `${series}: bounds in order`);
    assertEquals(all, all.toSorted(([, a], [, b]) => a - b), `${series}: counts never fall`);
    assertEquals(all.at(-1), [Infinity, samples.get(series)]);
    assert(samples.has(series.replace("_count", "_sum")));
  }
}
