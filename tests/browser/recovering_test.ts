import { assertThrows } from "@std/assert";
import { recovering } from "../../lib/browser/recovering.ts";

Deno.test("invalid options throw at the call", () => {
  const wrong = (options: object) => Reflect.apply(recovering, undefined, ["ws://localhost", options]);
  assertThrows(() => wrong({ protocols: "x" }), TypeError, "protocols");
  assertThrows(() => wrong({ topics: 7 }), TypeError, "topics");
  assertThrows(() => wrong({ acknowledge: "yes" }), TypeError, "acknowledge");
  assertThrows(() => wrong({ session: "a b" }), TypeError, "session");
  assertThrows(() => wrong({ headers: {} }), TypeError, "headers");
});
