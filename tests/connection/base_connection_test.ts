import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { BaseConnection } from "../../lib/connection/base_connection.ts";
import { Connection } from "../../lib/connection/connection.ts";
import type { ReaderKind } from "../../lib/connection/driven_connection.ts";
import { resolveLimits } from "../../lib/limits.ts";
import { transportOf } from "../../lib/transport/transport.ts";
import { connPair } from "../_support/pair.ts";
import { close } from "../_support/raw_peer.ts";
import { closed, open } from "./_support.ts";

const KINDS: readonly ReaderKind[] = ["callbacks", "iterator", "batches", "messages"];

Deno.test("a connection has the properties that it was created with, and the application's data", async () => {
  const facts = {
    role: "client",
    url: "wss://example.com/chat",
    protocol: "chat",
    extensions: "x-none",
    extensionProcessors: [],
    remoteAddr: { transport: "tcp", hostname: "192.0.2.1", port: 443 },
    localAddr: { transport: "tcp", hostname: "192.0.2.2", port: 50_000 },
    data: { user: 1 },
  } as const;
  const [conn] = connPair();
  const connection = new Connection<{ user: number }>({
    ...facts,
    fields: [],
    transport: transportOf(conn),
    limits: resolveLimits({ pingInterval: 0 }),
    rest: new Uint8Array(0),
  });
  for (const fact of ["role", "url", "protocol", "extensions", "extensionProcessors", "data"] as const) {
    assertStrictEquals(connection[fact], facts[fact]);
  }
  assertEquals([connection.remoteAddr, connection.localAddr], [facts.remoteAddr, facts.localAddr]);
  assertEquals([connection instanceof BaseConnection, connection.reader, connection.aborted], [true, undefined, false]);
  connection.data = { user: 2 };
  assertEquals(connection.data, { user: 2 });
  connection.abort();
  assertEquals(connection.aborted, true);
  await closed(connection);
});

Deno.test("a reader may claim a connection again; another reader's claim throws and changes nothing", async () => {
  for (const kind of KINDS) {
    const { connection } = open();
    connection.claim(kind);
    connection.claim(kind);
    for (const other of KINDS.filter((other) => other !== kind)) {
      assertThrows(
        () => connection.claim(other),
        TypeError,
        `Cannot read through ${other}: the connection is read through its ${kind}`,
      );
    }
    assertEquals(connection.reader, kind);
    connection.abort();
    await closed(connection);
  }
});

Deno.test("with lendPayloads only callbacks may claim a connection", async () => {
  const { connection } = open({ lendPayloads: true });
  for (const kind of KINDS.filter((kind) => kind !== "callbacks")) {
    assertThrows(
      () => connection.claim(kind),
      TypeError,
      `Cannot read through ${kind}: with lendPayloads, only callbacks read`,
    );
  }
  assertEquals(connection.reader, undefined);
  connection.claim("callbacks");
  assertEquals(connection.reader, "callbacks");
  connection.abort();
  await closed(connection);
});

Deno.test("a connection's streams are created once, and creating them claims nothing", async () => {
  const { connection } = open();
  for (const name of ["readable", "writable", "opened"] as const) {
    assertStrictEquals(connection[name], connection[name]);
  }
  assertEquals(connection.reader, undefined);
  connection.abort();
  await closed(connection);
});

Deno.test("the owner's closing callback and then onend are called once each, however the connection ends", async () => {
  for (const how of ["peer", "abort", "fail"] as const) {
    const { connection, peer } = open();
    const calls: string[] = [];
    connection.owner = { onClosing: () => void calls.push(`closing ${connection.readyState}`), report() {} };
    connection.onend = () => void calls.push(`end ${connection.readyState}`);
    if (how === "peer") await peer.send(close(1000));
    if (how === "abort") connection.abort();
    if (how === "fail") connection.fail(new Error("mine"));
    await peer.closeWrite();
    await closed(connection);
    connection.abort();
    assertEquals(calls, how === "abort" ? ["closing 3", "end 3"] : ["closing 2", "end 3"]);
  }
});
