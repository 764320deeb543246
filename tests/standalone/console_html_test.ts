import { assertEquals } from "@std/assert";
import { CONSOLE_HTML } from "../../lib/standalone/console_html.ts";
import { CONSOLE_SCRIPT } from "../../lib/standalone/console_script.ts";

const idsOf = (pattern: RegExp, text: string) => Array.from(text.matchAll(pattern), ([, id]) => id!);
const IDS = idsOf(/\sid="([^"]+)"/g, CONSOLE_HTML);

Deno.test("no two elements have the same id", () => {
  assertEquals(IDS.filter((id, at) => IDS.indexOf(id) !== at), []);
});

Deno.test("every id that the script and the labels use exists", () => {
  const named = [
    ...idsOf(/\$\("([^"]+)"\)/g, CONSOLE_SCRIPT),
    ...idsOf(/\bon\("([^"]+)"/g, CONSOLE_SCRIPT),
    ...idsOf(/\s(?:for|aria-labelledby|aria-describedby)="([^"]+)"/g, CONSOLE_HTML),
  ];
  assertEquals(named.filter((id) => !IDS.includes(id)), []);
});

Deno.test("every button in a form has a type: it submits, or it does not", () => {
  assertEquals(CONSOLE_HTML.match(/<button(?! type="(submit|button)")/g), null);
});
