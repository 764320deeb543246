import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { createAcceptor } from "../../lib/server/acceptor.ts";

Deno.test("invalid options throw when they are compiled", () => {
  assertThrows(() => createAcceptor({ maxMessageBytes: 0 }), RangeError, "maxMessageBytes");
  assertThrows(() => createAcceptor({ origins: ["example.com"] }), TypeError, "example.com");
  assertThrows(() => createAcceptor({ proxies: ["localhost"] }), TypeError, "Cannot trust proxy");
});

Deno.test("all handshakes of a server share one list of deadlines, and none if they have no time limit", () => {
  const { deadlines, handshakeDeadlines } = createAcceptor({ handshakeTimeout: 1_000 });
  assertEquals(handshakeDeadlines?.time, 1_000);
  assertStrictEquals(deadlines.after(1_000), handshakeDeadlines);
  assertEquals(createAcceptor({ handshakeTimeout: 0 }).handshakeDeadlines, undefined);
});

Deno.test("ordinary requests are parsed if the server answers them, and the signal is the options' unless the server has its own", () => {
  const { signal } = new AbortController();
  const alone = createAcceptor({ signal });
  assertEquals([alone.http1.ordinary, alone.stopping === signal], [false, true]);
  const own = new AbortController();
  const served = createAcceptor({ signal }, { stopping: own.signal, http: () => Promise.resolve(undefined) });
  assertEquals([served.http1.ordinary, served.stopping === own.signal], [true, true]);
});
