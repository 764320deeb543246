import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { connectedPair, rawClient, rawServer } from "../../lib/testing/mod.ts";
import {
  CONNECTED_PAIR_OPTION_KINDS,
  FAKE_TIME_OPTION_KINDS,
  MEMORY_PAIR_OPTION_KINDS,
} from "../../lib/testing/testing_options.ts";

Deno.test("a pair's ends take the options of accept and connect, and its handler those of serve", () => {
  const { server, client, handler } = CONNECTED_PAIR_OPTION_KINDS;
  server.check({ protocols: "chat" }, "server");
  assertThrows(() => server.check({ host: "a" }, "server"), TypeError, 'Option "server" has no option "host"');
  assertThrows(() => client.check({ conn: {} }, "client"), TypeError, 'Option "client" has no option "conn"');
  handler.check({ message() {} }, "handler");
  assertThrows(() => handler.check({ onMessage() {} }, "handler"), TypeError, 'did you mean "message"?');
});

Deno.test("a pair's capacity may be 0 or infinite, and a clock starts at a date", () => {
  for (const capacity of [0, Infinity]) MEMORY_PAIR_OPTION_KINDS.capacity.check(capacity, "capacity");
  for (const date of [0, -1, new Date()]) FAKE_TIME_OPTION_KINDS.date.check(date, "date");
  for (const date of [NaN, new Date(NaN), "today"]) assertThrows(() => FAKE_TIME_OPTION_KINDS.date.check(date, "date"));
});

Deno.test("the error for an option at the wrong place says where it belongs", async () => {
  const says = async (call: (options: object) => Promise<unknown>, name: string) =>
    (await assertRejects(() => call({ [name]: {} }), TypeError)).message;
  const fields = 'pass the header fields that the raw peer sends in "fields"';
  for (const name of ["headers", "client"]) {
    assertEquals(await says(rawClient, name), `rawClient() has no option "${name}": ${fields}`);
  }
  assertEquals(await says(rawClient, "upgrade"), 'rawClient() has no option "upgrade": pass it in "server"');
  assertEquals(await says(rawServer, "headers"), 'rawServer() has no option "headers": pass it in "client"');
  assertEquals(await says(rawServer, "server"), `rawServer() has no option "server": ${fields}`);
  assertEquals(await says(connectedPair, "headers"), 'connectedPair() has no option "headers": pass it in "client"');
  assertEquals(
    await says(connectedPair, "pingInterval"),
    'connectedPair() has no option "pingInterval": pass it in "server" or "client"',
  );
});

Deno.test("the header fields of a raw peer are an object of strings: Headers, a Map and pairs are refused", async () => {
  for (const fields of [new Headers({ Cookie: "a" }), new Map([["Cookie", "a"]]), [["Cookie", "a"]], { Cookie: 1 }]) {
    const { message } = await assertRejects(() => rawClient({ ...{ fields } as object }), TypeError);
    assertStringIncludes(message, 'must be an object of strings, such as { Cookie: "id=1" }');
  }
  await using raw = await rawClient({ fields: { Cookie: "a", Origin: undefined } });
  assertStringIncludes(raw.head, "101");
});
