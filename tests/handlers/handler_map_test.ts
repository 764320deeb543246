import { assertEquals } from "@std/assert";
import { parseHandlerMap } from "../../lib/handlers/handler_map.ts";

Deno.test("a map file has an alias and a resource name on each line, separated by any space", () => {
  assertEquals(parseHandlerMap("/a /b\n  /c\t \t/d  \r\n/e /a"), {
    aliases: [{ alias: "/a", existing: "/b" }, { alias: "/c", existing: "/d" }, { alias: "/e", existing: "/a" }],
    faults: [],
  });
});

Deno.test("a map file's empty lines and comments after # are ignored", () => {
  assertEquals(parseHandlerMap("\n# /x /y\n   \n/a /b # why\n/c /d#\n"), {
    aliases: [{ alias: "/a", existing: "/b" }, { alias: "/c", existing: "/d" }],
    faults: [],
  });
});

Deno.test("an invalid line of a map file is reported with its number, and the others count", () => {
  assertEquals(parseHandlerMap("/a\n/b /c\n/d /e /f"), {
    aliases: [{ alias: "/b", existing: "/c" }],
    faults: [
      'Line 1 is skipped: it must be an alias and a resource name, not "/a"',
      'Line 3 is skipped: it must be an alias and a resource name, not "/d /e /f"',
    ],
  });
});
