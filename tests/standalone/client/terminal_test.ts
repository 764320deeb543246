import { assert, assertEquals } from "@std/assert";
import { createStyle, escapeControls, hexView, oneLine } from "../../../lib/standalone/client/terminal.ts";

Deno.test("terminal control sequences are shown and not executed; tabs and line feeds stay", () => {
  assertEquals(escapeControls("\x1b]0;title\x07"), "\\x1b]0;title\\x07");
  assertEquals(escapeControls("\x9b31m red \x7f\r\b\0"), "\\x9b31m red \\x7f\\x0d\\x08\\x00");
  assertEquals(escapeControls("\u202egnp.exe\u2066\u2028"), "\\u202egnp.exe\\u2066\\u2028");
  assertEquals(escapeControls("a\tb\nç € 👍 עברית"), "a\tb\nç € 👍 עברית");
});

Deno.test("no control characters are left except tab and line feed", () => {
  const all = String.fromCharCode(...Array.from({ length: 0x100 }, (_, code) => code));
  const left = Array.from(escapeControls(all), (char) => char.charCodeAt(0)).filter((code) =>
    code < 0x20 || (code >= 0x7f && code < 0xa0)
  );
  assertEquals(left, [9, 10]);
});

Deno.test("a line break in a line is escaped", () => {
  assertEquals(oneLine("Not you,\r\n\tnot now"), "Not you,\\x0d not now");
});

Deno.test("there are colours only if they are enabled", () => {
  const text = (colors: boolean) => Object.values(createStyle(colors)).map((paint) => paint("x"));
  assertEquals(text(false), ["x", "x", "x"]);
  for (const painted of text(true)) assert(painted.startsWith("\x1b[") && painted.endsWith("mx\x1b[0m"));
});

Deno.test("the hex view has sixteen bytes a line, with their offset and their ASCII characters", () => {
  assertEquals(hexView(new Uint8Array(0)), "");
  assertEquals(
    hexView(new TextEncoder().encode("Hello, world! ~\x7f\x1b[31m\xff")),
    "00000000  48 65 6c 6c 6f 2c 20 77  6f 72 6c 64 21 20 7e 7f  |Hello, world! ~.|\n" +
      "00000010  1b 5b 33 31 6d c3 bf                              |.[31m..|",
  );
  assertEquals(hexView(new Uint8Array(16 * 17)).split("\n").at(-1)!.slice(0, 12), "00000100  00");
});
