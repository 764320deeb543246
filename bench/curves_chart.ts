/**
 * The curves as a picture: a panel for each, both axes in logarithms, so that what grows in proportion rises at 45 degrees.
 *
 * @module
 */
import { exponentOf, type Growth } from "./growth.ts";
import { escape, HEAD, MARGIN, picture, WIDTH } from "./svg.ts";

const COLUMNS = 3;
const PANEL = { width: (WIDTH - 2 * MARGIN) / COLUMNS, height: 250 };
const PLOT = { left: 8, top: 16, size: 170 };

/** Draws all curves. */
export function curvesChart(curves: readonly Growth[]): string {
  const panels = curves.map((curve, at) =>
    panel(curve, MARGIN + (at % COLUMNS) * PANEL.width, HEAD + Math.floor(at / COLUMNS) * PANEL.height)
  );
  return picture({
    title: "How the costs of Sluice grow",
    heading: "How the costs of Sluice grow",
    notes: [
      "Both axes have a logarithmic scale. The dashed line is growth in proportion.",
      "The exponent is that of the upper half of the sizes: 1 is in proportion, less is less.",
    ],
    description: curves.map((curve) => `${curve.work}: exponent ${exponentOf(curve).toFixed(2)}.`).join(" "),
    height: HEAD + Math.ceil(curves.length / COLUMNS) * PANEL.height,
    panels,
  });
}

function panel(curve: Growth, x: number, y: number): string {
  const { work, unit, sizes, costs } = curve;
  const [left, top, size] = [x + PLOT.left, y + PLOT.top, PLOT.size];
  // One scale for both axes: as many decades up as to the right, and from the last point down.
  const decades = Math.log10(sizes.at(-1)! / sizes[0]!);
  const place = (at: number, cost: number) => {
    const right = Math.log10(sizes[at]! / sizes[0]!) / decades;
    const down = Math.log10(costs.at(-1)! / cost) / decades;
    return `${Math.round(left + right * size)},${Math.round(top + Math.min(1, Math.max(0, down)) * size)}`;
  };
  const points = costs.map((cost, at) => place(at, cost));
  const dots = points.map((point) => `<circle class="ours" cx="${point.replace(",", '" cy="')}" r="3"/>`);
  const ends = `${sizes[0]!.toLocaleString("en")} to ${sizes.at(-1)!.toLocaleString("en")}, exponent ${
    exponentOf(curve).toFixed(2)
  }`;
  return `<text class="title" x="${x}" y="${y}">${escape(work)}</text>
<rect class="axis" x="${left}" y="${top}" width="${size}" height="${size}"/>
<line class="floor" x1="${left}" y1="${top + size}" x2="${left + size}" y2="${top}"/>
<polyline class="line" points="${points.join(" ")}"/>
${dots.join("\n")}
<text class="quiet" x="${left}" y="${top + size + 16}">${escape(ends)}</text>
<text class="quiet" x="${left}" y="${top + size + 32}">${
    escape(`${amount(costs[0]!)} to ${amount(costs.at(-1)!)} ${unit}`)
  }</text>`;
}

/** A number in three digits at most. */
function amount(number: number): string {
  const [part, letter] = number >= 1e9
    ? [1e9, " G"]
    : number >= 1e6
    ? [1e6, " M"]
    : number >= 1e4
    ? [1e3, " k"]
    : [1, ""];
  return `${Number((number / part).toPrecision(3))}${letter}`;
}
