import { assertEquals } from "@std/assert";
import { CONSOLE_SCRIPT } from "../../lib/standalone/console_script.ts";

Deno.test("the script is one element, and contains no end tag", () => {
  // A module may await at the top.
  const AsyncFunction: FunctionConstructor = Object.getPrototypeOf(async () => {}).constructor;
  AsyncFunction(CONSOLE_SCRIPT);
  assertEquals(/<\/script|<!--/i.test(CONSOLE_SCRIPT), false);
});

Deno.test("data from a server never becomes markup or code", () => {
  assertEquals(
    CONSOLE_SCRIPT.match(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(|setTimeout\("/g),
    null,
  );
});

Deno.test("the script names no other server", () => {
  assertEquals(CONSOLE_SCRIPT.match(/(https?|wss?):\/\//g), null);
});
