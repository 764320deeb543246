/**
 * The style of the console: light or dark as the system prefers, with one, two or three columns depending on the width of the
 * window.
 *
 * @module
 */

/** The style sheet. */
export const CONSOLE_STYLE = `
:root {
  color-scheme: light dark;
  --page: light-dark(#f3f5f8, #0e1116);
  --card: light-dark(#ffffff, #171b22);
  --field: light-dark(#ffffff, #0e1116);
  --line: light-dark(#d7dde4, #2a313b);
  --edge: light-dark(#8b96a3, #5d6875);
  --text: light-dark(#1a2029, #e6eaf0);
  --soft: light-dark(#566170, #9aa6b5);
  --accent: light-dark(#0a5bc4, #74b3ff);
  --on-accent: light-dark(#ffffff, #08121f);
  --second: light-dark(#b3470b, #f2a468);
  --good: light-dark(#187a3b, #57c97c);
  --bad: light-dark(#c0272d, #ff8b85);
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100dvh; display: flex; flex-direction: column; background: var(--page); color: var(--text);
  font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; font-variant-numeric: tabular-nums; }
header { display: flex; align-items: center; justify-content: space-between; gap: 4px 16px; flex-wrap: wrap;
  padding: 12px 20px; background: var(--card); border-bottom: 1px solid var(--line); }
h1, h2, p, figure, dl, dd, ol { margin: 0; padding: 0; }
h1 { font-size: 18px; letter-spacing: -.01em; }
h1 span { font-weight: 400; color: var(--soft); }
h2 { font-size: 14px; font-weight: 650; }
#state { color: var(--soft); overflow-wrap: anywhere; }
#state::before { content: ""; display: inline-block; width: 9px; height: 9px; border-radius: 50%; margin-right: 8px;
  background: var(--bad); }
#state[data-state=open]::before { background: var(--good); }
#state[data-state=connecting]::before { background: var(--second); }
main { flex: 1; display: grid; grid-template-columns: minmax(0, 348px) minmax(0, 1fr) minmax(0, 396px); gap: 16px;
  padding: 16px 20px 20px; width: 100%; max-width: 1680px; margin: 0 auto; }
.stack { display: flex; flex-direction: column; gap: 16px; min-width: 0; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px 16px;
  display: flex; flex-direction: column; gap: 10px; min-width: 0; }
.row { display: flex; align-items: flex-end; gap: 10px; min-width: 0; }
.grow { flex: 1 1 0; min-width: 0; }
.bar { display: flex; align-items: center; justify-content: space-between; gap: 10px; min-height: 28px; }
label { display: flex; flex-direction: column; gap: 4px; font-size: 13px; color: var(--soft); }
label.code { width: 68px; }
label:has([type=radio]), label:has([type=checkbox]) { flex-direction: row; align-items: center; gap: 6px; color: var(--text); }
fieldset { border: 0; margin: 0; padding: 0; display: flex; gap: 14px; flex-wrap: wrap; align-self: center; }
input, select, textarea, button { font: inherit; color: inherit; border-radius: 6px; border: 1px solid var(--edge); }
input, select, textarea { width: 100%; min-width: 0; color: var(--text); background: var(--field); padding: 6px 9px; font-size: 14px; }
input:not([type=radio], [type=checkbox]), select, button { height: 34px; }
input[type=radio], input[type=checkbox] { width: 16px; height: 16px; margin: 0; accent-color: var(--accent); }
input[type=number] { appearance: textfield; }
textarea, #query, #protocols { font-family: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, monospace; font-size: 13px; }
textarea { display: block; resize: vertical; min-height: 76px; line-height: 1.45; }
::placeholder { color: var(--soft); opacity: 1; }
button { cursor: pointer; padding: 0 14px; background: var(--card); white-space: nowrap; font-weight: 550; }
button:hover:enabled { border-color: var(--text); }
button.wide { width: 112px; padding: 0; flex: none; }
button.small { height: 28px; padding: 0 10px; font-size: 13px; }
button.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
button.primary:hover:enabled { filter: brightness(1.1); border-color: var(--accent); }
button:disabled { cursor: default; background: transparent; border-color: var(--line); color: var(--soft); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.hint { font-size: 12.5px; color: var(--soft); }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.ping { border-top: 1px solid var(--line); padding-top: 12px; align-items: center; }
.ping output { font-weight: 650; margin-left: 6px; }
dt { color: var(--soft); font-size: 12.5px; }
.facts { display: flex; flex-direction: column; gap: 2px; }
.facts div { display: flex; gap: 8px; }
.facts dt { flex: none; width: 78px; }
.facts dd { font-size: 12.5px; flex: 1; min-width: 0; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.fill, .live { flex: 1; }
.fill textarea { flex: 1; }
.log { padding: 14px 0 0; min-height: 0; overflow: hidden; }
.log .bar { padding: 0 16px; }
#scroll { flex: 1 1 0; min-height: 0; overflow: auto; border-top: 1px solid var(--line); scrollbar-width: thin; }
#scroll:focus-visible { outline-offset: -2px; border-radius: 0 0 9px 9px; }
#log { list-style: none; font-size: 13px; }
#log:empty::after { content: "Nothing yet"; display: block; padding: 16px; color: var(--soft); }
#log li { display: grid; grid-template-columns: 14px minmax(0, 1fr) auto; gap: 0 8px; padding: 6px 16px 7px;
  border-bottom: 1px solid var(--line); }
#log .way { font-weight: 700; grid-row: span 2; color: var(--soft); }
#log .sent .way { color: var(--accent); }
#log .received .way { color: var(--second); }
#log .error .way, #log .error .what { color: var(--bad); }
#log .what { font-weight: 600; }
#log .what i { font-style: normal; font-weight: 400; color: var(--soft); }
#log .meta { color: var(--soft); white-space: nowrap; font-size: 12.5px; }
#log pre { grid-column: 2 / -1; margin: 1px 0 0; font: 13px/1.45 ui-monospace, "SF Mono", "Cascadia Mono", Menlo, monospace;
  white-space: pre-wrap; overflow-wrap: anywhere; }
#log pre.folded { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; }
#log .fold { grid-column: 2 / -1; display: flex; gap: 8px; margin-top: 4px; }
#log .fold button { height: 24px; padding: 0 8px; font-size: 12px; }
figure { flex: 1; display: grid; grid-template: auto minmax(104px, 1fr) auto / minmax(0, 1fr) 44px; gap: 4px 6px; }
figcaption { grid-column: 1 / -1; display: flex; flex-wrap: wrap; gap: 2px 12px; font-size: 12.5px; color: var(--soft); white-space: nowrap; }
figcaption span:first-child { color: var(--text); font-weight: 600; flex: 1; }
.key b { color: var(--text); font-weight: 600; display: inline-block; min-width: 64px; }
.key::before { content: ""; display: inline-block; width: 14px; border-top: 2px solid; margin-right: 5px; vertical-align: 4px; }
.key.a::before { color: var(--accent); }
.key.b::before { color: var(--second); border-top-style: dashed; }
svg { display: block; width: 100%; height: 100%; min-height: 0; position: relative; }
path { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; stroke-linejoin: round; stroke-linecap: round; }
path.grid { stroke: var(--line); stroke-width: 1; }
path.a { stroke: var(--accent); }
path.b { stroke: var(--second); stroke-dasharray: 5 4; }
.axis { display: flex; flex-direction: column; justify-content: space-between; font-size: 11.5px; line-height: 1; color: var(--soft);
  white-space: nowrap; }
.span { display: flex; justify-content: space-between; font-size: 11.5px; line-height: 1; color: var(--soft); }
.results { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 10px; }
.results dd { font-size: 14px; font-weight: 650; white-space: nowrap; }
.check { font-size: 13px; }
@media (max-width: 1180px) {
  main { grid-template-columns: minmax(0, 348px) minmax(0, 1fr); }
  .measures { grid-column: 1 / -1; display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); }
}
@media (max-width: 760px) {
  header { padding: 12px 14px; }
  main { grid-template-columns: minmax(0, 1fr); padding: 12px 14px 20px; gap: 12px; }
  .stack { gap: 12px; }
  .measures { grid-template-columns: minmax(0, 1fr); }
  .log { height: 340px; order: -2; }
  .stack:first-child { display: contents; }
  #message { order: -1; }
  input, select, textarea { font-size: 16px; }
}
@media (max-width: 420px) { .results { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
@media (prefers-reduced-motion: no-preference) { button { transition: border-color .12s, filter .12s; } }
`;
