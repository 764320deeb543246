import { assertEquals } from "@std/assert";
import { isOurs } from "../../lib/workers/orders.ts";

Deno.test("Sluice's messages are distinguished from the application's", () => {
  assertEquals(isOurs({ sluice: "ping" }), true);
  for (const data of [null, undefined, 1, "ping", [], {}, { kind: "ping" }, { sluice: 1 }]) {
    assertEquals(isOurs(data), false);
  }
});
