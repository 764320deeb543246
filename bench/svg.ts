/**
 * What both pictures share: their size, their colours, light and dark, and their head.
 *
 * @module
 */

/** The width of a picture. */
export const WIDTH = 880;
/** The room at its sides. */
export const MARGIN = 24;
/** Where the panels begin. */
export const HEAD = 110;

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
  .line { fill: none; stroke: #0b7285; stroke-width: 2; }
  .axis { fill: none; stroke: #d1d9e0; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .quiet { fill: #9ea7b3; }
    .card { fill: #0d1117; stroke: #3d444d; }
    .peer { fill: #656c76; }
    .floor { stroke: #9ea7b3; }
    .ours { fill: #22b8cf; }
    .line { stroke: #22b8cf; }
    .axis { stroke: #3d444d; }
  }
`;

/** What a picture is made of. */
export interface Picture {
  /** What it is called where it is not seen. */
  readonly title: string;
  /** What stands above it. */
  readonly heading: string;
  /** Two lines below the heading. */
  readonly notes: readonly string[];
  /** The same in words. */
  readonly description: string;
  readonly height: number;
  readonly panels: readonly string[];
}

/** Draws it. */
export function picture({ title, heading, notes, description, height, panels }: Picture): string {
  const lines = notes.map((note, at) => `<text class="quiet" x="${MARGIN}" y="${62 + 16 * at}">${escape(note)}</text>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title desc">
<title id="title">${escape(title)}</title>
<desc id="desc">${escape(description)}</desc>
<style>${STYLE}</style>
<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>
<text class="heading" x="${MARGIN}" y="40">${escape(heading)}</text>
${[...lines, ...panels].join("\n")}
</svg>
`;
}

/** Makes text of any text. */
export function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
