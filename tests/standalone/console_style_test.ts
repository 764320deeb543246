import { assert, assertEquals } from "@std/assert";
import { CONSOLE_STYLE } from "../../lib/standalone/console_style.ts";

/** The colours by name, light and dark. */
const COLOURS = new Map(
  Array.from(
    CONSOLE_STYLE.matchAll(/--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g),
    ([, name, light, dark]) => [name!, [light!, dark!] as const],
  ),
);

/** Relative luminance, WCAG 2.2. */
function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const value = parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

function contrast(one: string, other: string): number {
  const [dark, light] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (light! + 0.05) / (dark! + 0.05);
}

Deno.test("text has a contrast of at least 4.5, light and dark, and the borders of fields of 3 (WCAG 2.2 §1.4.3, §1.4.11)", () => {
  const pairs = [
    ["text", "page", 4.5],
    ["text", "card", 4.5],
    ["text", "field", 4.5],
    ["soft", "page", 4.5],
    ["soft", "card", 4.5],
    ["soft", "field", 4.5],
    ["accent", "card", 4.5],
    ["second", "card", 4.5],
    ["bad", "card", 4.5],
    ["on-accent", "accent", 4.5],
    ["edge", "card", 3],
    ["good", "card", 3],
  ] as const;
  for (const [ink, paper, least] of pairs) {
    for (const scheme of [0, 1] as const) {
      const value = contrast(COLOURS.get(ink)![scheme], COLOURS.get(paper)![scheme]);
      assert(value >= least, `${ink} on ${paper}, ${scheme === 0 ? "light" : "dark"}: ${value.toFixed(2)}`);
    }
  }
});

Deno.test("every colour has a name, and every used name is defined", () => {
  const rules = CONSOLE_STYLE.slice(CONSOLE_STYLE.indexOf("}"));
  assertEquals(rules.match(/#[0-9a-f]{3,8}\b(?=[;\s)])/gi), null);
  const used = Array.from(CONSOLE_STYLE.matchAll(/var\(--([a-z-]+)\)/g), ([, name]) => name!);
  assertEquals(used.filter((name) => !COLOURS.has(name)), []);
});

Deno.test("the style sheet loads nothing", () => {
  assertEquals(CONSOLE_STYLE.match(/url\(|@import/g), null);
});
