import { assertEquals } from "@std/assert";
import { CONSOLE_HTML } from "../../lib/standalone/console_html.ts";
import { CONSOLE_SCRIPT } from "../../lib/standalone/console_script.ts";

const idsOf = (pattern: RegExp, text: string) => Array.from(text.matchAll(pattern), ([, id]) => id!);
const IDS = idsOf(/\sid="([^"]+)"/g, CONSOLE_HTML);

Deno.test("no two elements have one identifier", () => {
  assertEquals(IDS.filter((id, at) => IDS.indexOf(id) !== at), []);
});

Deno.test("what the script and the labels name is there", () => {
  const named = [
    ...idsOf(/\$\("([^"]+)"\)/g, CONSOLE_SCRIPT),
    ...idsOf(/\bon\("([^"]+)"/g, CONSOLE_SCRIPT),
    ...idsOf(/\s(?:for|aria-labelledby|aria-describedby)="([^"]+)"/g, CONSOLE_HTML),
  ];
  assertEquals(named.filter((id) => !IDS.includes(id)), []);
});

Deno.test("every button says what it does in a form: it submits, or it does not", () => {
  assertEquals(CONSOLE_HTML.match(/<button(?! type="(submit|button)")/g), null);
});
