import { assertThrows } from "@std/assert";
import { checkDriven } from "../../lib/connection/driven_connection.ts";
import { connectedPair } from "../../lib/testing/connected_pair.ts";

Deno.test("a connection of this module is one, and anything else is not", async () => {
  await using pair = await connectedPair();
  checkDriven(pair.client, "send");
  checkDriven(pair.server, "send");
  for (const value of [undefined, null, 1, {}, { readyState: 1, send() {} }]) {
    const check = () => Reflect.apply(checkDriven, undefined, [value, "send"]);
    assertThrows(check, TypeError, "Cannot send: the socket is not a connection of this module");
  }
});
