/**
 * The results as a picture: a panel for each row, in which the longest bar is the most.
 *
 * @module
 */
import { isOurs, SERVERS } from "./names.ts";
import { ratioOf, type Result, spreadOf } from "./results.ts";
import { escape, HEAD, MARGIN, picture, WIDTH } from "./svg.ts";

const COLUMN = { gap: 32, width: (WIDTH - 2 * MARGIN - 32) / 2 };
const BAR = { height: 16, pitch: 24, from: 160, width: 140 };
const PANEL = { title: 26, gap: 26 };

/** Draws the rows that are `charted`. */
export function chart(results: readonly Result[]): string {
  const shown = results.filter(({ charted }) => charted);
  const panels: string[] = [];
  let y = HEAD;
  for (let at = 0; at < shown.length; at += 2) {
    const pair = shown.slice(at, at + 2);
    for (const [column, result] of pair.entries()) {
      panels.push(panel(result, MARGIN + column * (COLUMN.width + COLUMN.gap), y));
    }
    y += PANEL.title + PANEL.gap + BAR.pitch * Math.max(...pair.map(({ runs }) => Object.keys(runs).length));
  }
  return picture({
    title: "Sluice beside its peers",
    heading: "Sluice beside its peers, one core for each",
    notes: [
      "Longer is faster; in memory, shorter is better. Every panel has a scale of its own, and 1× is its first peer.",
      "The floor is no WebSocket at all: a loop that answers canned bytes.",
    ],
    description: description(shown),
    height: y - PANEL.gap + MARGIN,
    panels,
  });
}

function panel(result: Result, x: number, y: number): string {
  const subjects = Object.keys(result.runs);
  const values = subjects.map((subject) => spreadOf(result, subject)?.median ?? 0);
  const longest = Math.max(...values);
  const base = basis(result);
  const bars = subjects.map((subject, at) => {
    const top = y + PANEL.title - 12 + at * BAR.pitch;
    const value = values[at]!;
    const width = Math.max(2, Math.round(value / longest * BAR.width));
    const baseline = top + BAR.height - 3;
    const ours = isOurs(subject);
    const bold = ours ? ` class="bold"` : "";
    const kind = ours ? "ours" : subject === SERVERS.floor ? "floor" : "peer";
    const ratio = base === undefined ? undefined : ratioOf(result, { ours: subject, against: base });
    const label = short(value, result.unit) + (ratio === undefined ? "" : ` · ${factor(ratio.median)}×`);
    const start = x + BAR.from;
    return `<text${bold} x="${start - 8}" y="${baseline}" text-anchor="end">${escape(subject)}</text>
<rect class="${kind}" x="${start}" y="${top}" width="${width}" height="${BAR.height}" rx="2"/>
<text${bold} x="${start + width + 6}" y="${baseline}">${escape(label)}</text>`;
  });
  return `<text class="title" x="${x}" y="${y}">${escape(result.work)}</text>\n${bars.join("\n")}`;
}

/** What the ratios of a panel compare with: the first peer. */
function basis({ runs }: Result): string | undefined {
  return Object.keys(runs).find((subject) => subject !== SERVERS.floor && !isOurs(subject));
}

/** The same in words. */
function description(results: readonly Result[]): string {
  return results.map((result) => {
    const values = Object.keys(result.runs).map((subject) =>
      `${subject} ${short(spreadOf(result, subject)?.median ?? 0, result.unit)}`
    );
    return `${result.work}: ${values.join("; ")}.`;
  }).join(" ");
}

function short(value: number, unit: Result["unit"]): string {
  if (unit === "ms" || unit === "µs") return `${value.toFixed(1)} ${unit}`;
  if (unit === "bytes") return `${(value / 1000).toFixed(1)} KB`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} M/s`;
  if (value >= 1e4) return `${Math.round(value / 1e3)} k/s`;
  return value >= 1e3 ? `${(value / 1e3).toFixed(1)} k/s` : `${Math.round(value)}/s`;
}

function factor(ratio: number): string {
  return ratio === 1 ? "1" : ratio.toFixed(ratio < 10 ? 1 : 0);
}
