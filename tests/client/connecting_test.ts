import { assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { startConnecting } from "../../lib/client/connecting.ts";
import type { ConnectOptions } from "../../lib/client/client_options.ts";
import { ConnectionError, HandshakeError } from "../../lib/errors.ts";
import type { Connection } from "../../lib/connection/connection.ts";
import { utf8 } from "../_support/frames.ts";
import { settle, soon } from "../_support/wait.ts";
import { ends, thrownName, URL_HERE } from "./_web_support.ts";

/** Starts an attempt, and tells how it went: a connection or what it failed with. */
function starts(options: ConnectOptions) {
  const outcome = Promise.withResolvers<{ connection?: Connection; error?: unknown }>();
  let told = 0;
  const tell = (how: { connection?: Connection; error?: unknown }) => {
    told++;
    outcome.resolve(how);
  };
  const { url, giveUp } = startConnecting(URL_HERE, options, {
    opened: (connection) => tell({ connection }),
    failed: (error) => tell({ error }),
  });
  return { url, giveUp, outcome: () => soon(outcome.promise, "The outcome"), told: () => told };
}

Deno.test("invalid options throw at the call, and nothing is dialled", () => {
  const { options, conn } = ends();
  const outcome = { opened() {}, failed() {} };
  const call = (more: ConnectOptions, url = URL_HERE) =>
    thrownName(() => startConnecting(url, { ...options, ...more }, outcome));
  assertEquals(call({}, "chat"), "SyntaxError");
  assertEquals(call({ protocols: ["a", "a"] }), "SyntaxError");
  assertEquals(call({ protocols: "no token" }), "SyntaxError");
  assertEquals(call({ headers: { Upgrade: "h2c" } }), "TypeError");
  assertEquals(call({ maxMessageBytes: -1 }), "RangeError");
  assertEquals(call({ perMessageDeflate: { clientMaxWindowBits: 99 } }), "RangeError");
  assertEquals([conn.writes, conn.closes], [[], 0]);
});

Deno.test("a successful attempt reports the connection once, and aborting it later does nothing", async () => {
  const { options, peer } = ends();
  const { url, giveUp, outcome, told } = starts(options);
  assertEquals(url, URL_HERE);
  await peer.answer();
  const { connection } = await outcome();
  giveUp();
  await settle();
  assertEquals([told(), connection?.readyState], [1, 1]);
  connection?.abort();
});

Deno.test("a refusal is a ConnectionError with the HandshakeError as its cause", async () => {
  const { options, peer } = ends();
  const { outcome } = starts(options);
  await peer.readHead();
  await peer.send(utf8("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno"));
  const { error } = await outcome();
  assertInstanceOf(error, ConnectionError);
  assertEquals([error.closeCode, error.message], [1006, "Server answered 401, not 101"]);
  assertInstanceOf(error.cause, HandshakeError);
  assertEquals([error.cause.status, new TextDecoder().decode(error.cause.body)], [401, "no"]);
});

Deno.test("an attempt that is aborted at once dials nothing, and reports it after the call", async () => {
  const { options, conn } = ends();
  const { giveUp, outcome, told } = starts(options);
  giveUp();
  assertEquals(told(), 0);
  assertInstanceOf((await outcome()).error, ConnectionError);
  assertEquals(conn.writes, []);
});

Deno.test("aborting during the handshake closes the transport", async () => {
  const { options, peer, conn } = ends();
  const { giveUp, outcome } = starts(options);
  await peer.readHead();
  giveUp();
  const { error } = await outcome();
  assertInstanceOf(error, ConnectionError);
  assertEquals([error.closeCode, conn.closes], [1006, 1]);
});

Deno.test("the signal's reason is reported unchanged, and nothing is dialled if the signal was aborted before", async () => {
  const reason = new Error("enough");
  const before = ends({ signal: AbortSignal.abort(reason) });
  assertStrictEquals((await starts(before.options).outcome()).error, reason);
  assertEquals(before.conn.writes, []);

  const controller = new AbortController();
  const during = ends({ signal: controller.signal });
  const { outcome } = starts(during.options);
  await during.peer.readHead();
  controller.abort(reason);
  assertStrictEquals((await outcome()).error, reason);
});

Deno.test("aborting when the response arrives leaves either a connection or a closed transport, never both and never neither", async () => {
  for (let turns = 0; turns < 12; turns++) {
    const { options, peer, conn } = ends();
    const { giveUp, outcome, told } = starts(options);
    await peer.answer();
    // Each round gives up a little later in what is left of the handshake.
    for (let turn = 0; turn < turns; turn++) await null;
    giveUp();
    const { connection } = await outcome();
    await settle();
    assertEquals([told(), conn.closes === 0], [1, connection !== undefined]);
    connection?.abort();
  }
});

Deno.test("aborting after the connection is made but before its callback leaves no connection", async () => {
  for (let turns = 0; turns < 12; turns++) {
    let early: boolean | undefined;
    const giveUpLater = async () => {
      for (let turn = 0; turn < turns; turn++) await null;
      early = told() === 0;
      giveUp();
    };
    const { options, peer, conn } = ends({ observer: { opened: () => void giveUpLater() } });
    const { giveUp, outcome, told } = starts(options);
    await peer.answer();
    const { connection } = await outcome();
    await settle();
    assertEquals([told(), connection === undefined, conn.closes > 0], [1, early, early], `${turns} turns`);
    connection?.abort();
  }
});
