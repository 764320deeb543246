/**
 * The results as a picture: a panel for each row, in which the longest bar is the most.
 *
 * @module
 */
import { isOurs, SERVERS } from "./names.ts";
import { ratioOf, type Result, spreadOf } from "./results.ts";

const WIDTH = 880;
const MARGIN = 24;
const HEAD = 110;
const COLUMN = { gap: 32, width: (WIDTH - 2 * MARGIN - 32) / 2 };
const BAR = { height: 16, pitch: 24, from: 160, width: 140 };
const PANEL = { title: 26, gap: 26 };

const STYLE = `
  text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
  .heading { font-size: 20px; font-weight: 650; }
  .title { font-size: 13px; font-weight: 650; }
  .quiet { fill: #59636e; }
  .card { fill: #ffffff; stroke: #d1d9e0; }
  .peer { fill: #8c959f; }
  .floor { fill: none; stroke: #8c959f; stroke-dasharray: 3 2; }
  .ours { fill: #0b7285; }
  .bold { font-weight: 650; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .quiet { fill: #9ea7b3; }
    .card { fill: #0d1117; stroke: #3d444d; }
    .peer { fill: #656c76; }
    .floor { stroke: #9ea7b3; }
    .ours { fill: #22b8cf; }
  }
`;

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
  const height = y - PANEL.gap + MARGIN;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title desc">
<title id="title">Sluice beside its peers</title>
<desc id="desc">${escape(description(shown))}</desc>
<style>${STYLE}</style>
<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>
<text class="heading" x="${MARGIN}" y="40">Sluice beside its peers, one core for each</text>
<text class="quiet" x="${MARGIN}" y="62">Longer is faster; in memory, shorter is better. Every panel has a scale of its own, and 1× is its first peer.</text>
<text class="quiet" x="${MARGIN}" y="78">The floor is no WebSocket at all: a loop that answers canned bytes.</text>
${panels.join("\n")}
</svg>
`;
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
  if (unit === "ms") return `${value.toFixed(1)} ms`;
  if (unit === "bytes") return `${(value / 1000).toFixed(1)} KB`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} M/s`;
  if (value >= 1e4) return `${Math.round(value / 1e3)} k/s`;
  return value >= 1e3 ? `${(value / 1e3).toFixed(1)} k/s` : `${Math.round(value)}/s`;
}

function factor(ratio: number): string {
  return ratio === 1 ? "1" : ratio.toFixed(ratio < 10 ? 1 : 0);
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
