import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import type { Connection } from "../../lib/connection/connection.ts";
import { ConnectionError, HandshakeError } from "../../lib/errors.ts";
import { createAcceptor } from "../../lib/server/acceptor.ts";
import { http1Exchange } from "../../lib/server/exchange.ts";
import { Handshake, type HandshakeOwner, hostnameOf } from "../../lib/server/handshake.ts";
import type { AcceptOptions, UpgradeInfo } from "../../lib/server/server_options.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { utf8 } from "../_support/frames.ts";
import { connPair } from "../_support/pair.ts";
import { RawPeer, requestText } from "../_support/raw_peer.ts";
import { settle, until } from "../_support/wait.ts";
import { statusLine } from "./_support.ts";

/** A server in memory, and how its handshakes ended. */
function shaking(options: AcceptOptions = {}, stopping?: AbortSignal) {
  const acceptor = createAcceptor(options, { stopping });
  const opened: Connection[] = [];
  const failed: unknown[] = [];
  const begin = () => {
    const [near, far] = connPair();
    const owner: HandshakeOwner<unknown> = {
      handshake: undefined,
      admit() {},
      onOpen: (connection) => void opened.push(connection),
      onNone: (error) => void failed.push(error),
    };
    new Handshake(acceptor, http1Exchange(near, acceptor.http1), owner);
    return { owner, near, peer: new RawPeer(far, "client") };
  };
  return { begin, opened, failed };
}

Deno.test("pending handshakes share one timer, and finished ones leave neither a timer nor a listener", async () => {
  using time = new FakeTime();
  const { signal } = new AbortController();
  let listeners = 0;
  Object.assign(signal, { addEventListener: () => void listeners++ });
  const { begin, opened } = shaking({ pingInterval: 0 }, signal);
  const all = Array.from({ length: 20 }, begin);
  assertEquals([time.timers, listeners], [1, 0]);
  for (const { peer } of all) await peer.ask(requestText());
  await until(() => opened.length === 20, "The connections");
  assertEquals([time.timers, listeners], [0, 0]);
  assertEquals(all.map(({ owner }) => owner.handshake), all.map(() => undefined));
  for (const connection of opened) connection.abort();
});

Deno.test("H1: each handshake has its own deadline, and those that finish before it are not refused", async () => {
  using time = new FakeTime();
  const { begin, opened, failed } = shaking({ handshakeTimeout: 1_000, pingInterval: 0 });
  const first = begin();
  await time.advance(400);
  const second = begin();
  await time.advance(400);
  const third = begin();
  await second.peer.ask(requestText());
  await time.advance(200);
  assertEquals(statusLine(await first.peer.readText()), "HTTP/1.1 408 Request Timeout");
  assertEquals([opened.length, failed.length, third.near.closes], [1, 0, 0]);
  await time.advance(800);
  assertEquals(statusLine(await third.peer.readText()), "HTTP/1.1 408 Request Timeout");
  await time.advance(2_000);
  assertEquals(failed.map((error) => error instanceof HandshakeError && error.limit), [
    "handshakeTimeout",
    "handshakeTimeout",
  ]);
  assertEquals([first.near.closes, third.near.closes, time.timers], [1, 1, 0]);
  opened[0]?.abort();
});

Deno.test("at the deadline a pending hook is aborted, its client gets 503, and its late decision is ignored", async () => {
  using time = new FakeTime();
  const { promise, resolve } = Promise.withResolvers<void>();
  let seen: UpgradeInfo | undefined;
  const upgrade: AcceptOptions["upgrade"] = (_, info) => {
    seen = info;
    return promise;
  };
  const { begin, opened, failed } = shaking({ handshakeTimeout: 1_000, upgrade });
  const { peer } = begin();
  await peer.send(utf8(requestText()));
  await settle();
  assertEquals(seen?.signal.aborted, false);
  await time.advance(1_000);
  assertEquals(statusLine(await peer.readText()), "HTTP/1.1 503 Service Unavailable");
  assertInstanceOf(seen?.signal.reason, HandshakeError);
  resolve();
  await settle();
  peer.close();
  await until(() => failed.length === 1, "The end");
  assertStrictEquals(failed[0], seen?.signal.reason);
  assertEquals([opened.length, time.timers], [0, 0]);
});

Deno.test("H23: stop refuses a handshake with 503 at any step, and its owner learns of the end once", async () => {
  for (const sent of ["", "GET / ", requestText()]) {
    const reason = new ConnectionError("going down");
    const { begin, opened, failed } = shaking({ upgrade: () => new Promise<void>(() => {}) });
    const { owner, peer } = begin();
    if (sent !== "") await peer.send(utf8(sent));
    await settle();
    owner.handshake?.stop(reason);
    assertEquals(owner.handshake, undefined);
    assertEquals(statusLine(await peer.readText()), "HTTP/1.1 503 Service Unavailable");
    peer.close();
    await until(() => failed.length === 1, "The end");
    assert(failed[0] instanceof HandshakeError && failed[0].cause === reason);
    assertEquals(opened.length, 0);
  }
});

Deno.test("a handshake that begins after the server has stopped is refused with 503", async () => {
  const { begin, failed } = shaking({}, AbortSignal.abort(new Error("enough")));
  const { peer } = begin();
  assertEquals(statusLine(await peer.readText()), "HTTP/1.1 503 Service Unavailable");
  peer.close();
  await until(() => failed.length === 1, "The end");
});

Deno.test("the hook may return at once, later or never", async () => {
  for (const upgrade of [() => ({ protocol: "" }), () => Promise.resolve({ protocol: "" }), () => {}]) {
    const { begin, opened } = shaking({ upgrade });
    const { peer } = begin();
    assertEquals(statusLine(await peer.ask(requestText())), "HTTP/1.1 101 Switching Protocols");
    await until(() => opened.length === 1, "The connection");
    opened[0]?.abort();
  }
});

Deno.test("the host of an address is its IP address; a Unix socket has none", () => {
  assertEquals(hostnameOf({ transport: "tcp", hostname: "::1", port: 1 }), "::1");
  assertEquals([hostnameOf({ transport: "unix", path: "/run/a" }), hostnameOf(undefined)], [undefined, undefined]);
});
