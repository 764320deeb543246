import { assert, assertEquals, assertStrictEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { serve, type WebSocketServer } from "../../lib/server/serve.ts";
import type { ServeOptions } from "../../lib/server/server_options.ts";
import type { WebSocketHandler } from "../../lib/connection/readers/callbacks.ts";
import { utf8 } from "../_support/frames.ts";
import { close, RawPeer, requestText, text } from "../_support/raw_peer.ts";
import { settle, soon, until } from "../_support/wait.ts";

// How a server starts to accept, goes on whatever happens, and stops.

function start(options: ServeOptions = {}, handler: WebSocketHandler = {}): { server: WebSocketServer; port: number } {
  const server = serve({ hostname: "127.0.0.1", port: 0, pingInterval: 0, ...options }, handler);
  assert(server.addr.transport === "tcp");
  return { server, port: server.addr.port };
}

/** Answers the server's close frame and ends. */
async function goAway(peer: RawPeer, code = 1001, reason = ""): Promise<void> {
  await peer.expect(close(code, reason));
  await peer.send(close(code));
  await peer.expectEnd();
  peer.close();
}

/** Asserts that a connection is refused, or reset where it came in the very turn in which the listener was closed. */
async function assertNobodyListens(port: number): Promise<void> {
  const connecting = RawPeer.dial(port).then(async (peer) => {
    using dialed = peer;
    return await dialed.readText();
  });
  const error = await connecting.catch((error) => error);
  assert(error instanceof Deno.errors.ConnectionRefused || error instanceof Deno.errors.ConnectionReset, `${error}`);
}

Deno.test("T13: shutdown closes every connection with 1001 and waits for each handler", async () => {
  const events: string[] = [];
  const { server, port } = start({}, {
    async close() {
      await settle();
      events.push("handled");
    },
  });
  const peers = [await RawPeer.connect(port), await RawPeer.connect(port)];
  await until(() => server.connections.size === 2, "Both connections");
  const stopped = server.shutdown().then(() => events.push("stopped"));
  assertStrictEquals(server.shutdown(), server.shutdown());
  await goAway(peers[0]!);
  await until(() => events.length > 0, "The first one's end");
  await settle();
  assertEquals(events, ["handled"], "one is left");
  await goAway(peers[1]!);
  await soon(stopped, "The shutdown");
  await server.finished;
  assertEquals(events, ["handled", "handled", "stopped"]);
  assertEquals(server.connections.size, 0);
  await assertNobodyListens(port);
});

Deno.test("T13: during a shutdown, new handshakes are refused with 503", async () => {
  const { server, port } = start();
  const peer = await RawPeer.connect(port);
  await until(() => server.connections.size === 1, "The connection");
  const stopped = server.shutdown();
  using late = await RawPeer.dial(port);
  await late.send(utf8(requestText()));
  assertStringIncludes(await late.readText(), "HTTP/1.1 503 Service Unavailable\r\n");
  late.close();
  await goAway(peer);
  await soon(stopped, "The shutdown");
});

Deno.test("shutdown takes a code, a reason and a time, after which it drops the remaining connections", async () => {
  const infos: unknown[] = [];
  const { server, port } = start({ closeTimeout: 0 }, {
    close: (_, { closeCode, wasClean }) => void infos.push({ closeCode, wasClean }),
  });
  using peer = await RawPeer.connect(port);
  await until(() => server.connections.size === 1, "The connection");
  const stopped = server.shutdown({ code: 1012, reason: "restart", timeout: 50 });
  await peer.expect(close(1012, "restart"));
  await soon(stopped, "The shutdown"); // though the peer answers nothing
  assertEquals(infos, [{ closeCode: 1006, wasClean: false }]);
  await peer.expectEnd().catch(() => {});
});

Deno.test("a shutdown without a time waits for closeTimeout", async () => {
  const { server, port } = start({ closeTimeout: 50 });
  using peer = await RawPeer.connect(port);
  await until(() => server.connections.size === 1, "The connection");
  await soon(server.shutdown(), "The shutdown");
  await peer.expect(close(1001));
});

for (const lifted of [0, Infinity]) {
  Deno.test(`with a closeTimeout of ${lifted} a shutdown waits for its peers without a limit`, async () => {
    const { server, port } = start({ closeTimeout: lifted });
    const peer = await RawPeer.connect(port);
    await until(() => server.connections.size === 1, "The connection");
    const stopped = server.shutdown();
    await peer.expect(close(1001));
    assertEquals(server.connections.size, 0);
    await peer.send(close(1001));
    peer.close();
    await soon(stopped, "The shutdown");
  });
}

Deno.test("an invalid code or reason throws, and the server goes on", async () => {
  const { server, port } = start();
  assertThrows(() => server.shutdown({ code: 1005 }), RangeError, "1005");
  assertThrows(() => server.shutdown({ reason: "x".repeat(124) }), RangeError, "124");
  const peer = await RawPeer.connect(port);
  const stopped = server.shutdown();
  await goAway(peer);
  await stopped;
});

Deno.test("shutdown of a server without connections is quick, and so is await using", async () => {
  const { server } = start();
  await server.shutdown();
  {
    await using other = start().server;
    assert(other.addr.transport === "tcp");
  }
});

Deno.test("a signal shuts the server down", async () => {
  const controller = new AbortController();
  const { server, port } = start({ signal: controller.signal });
  const peer = await RawPeer.connect(port);
  await until(() => server.connections.size === 1, "The connection");
  controller.abort();
  await goAway(peer);
  await soon(server.finished, "The end");
});

Deno.test("a signal that is aborted before the start starts nothing", async () => {
  const { server, port } = start({ signal: AbortSignal.abort() });
  await soon(server.finished, "The end");
  await assertNobodyListens(port);
});

/** A listener whose `accept` throws these errors first, one each call, and then works. */
function faulty(errors: Error[]): { listener: Deno.Listener; calls: () => number } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accept = listener.accept.bind(listener);
  let calls = 0;
  listener.accept = () => {
    const error = errors[calls++];
    return error === undefined ? accept() : Promise.reject(error);
  };
  return { listener, calls: () => calls };
}

Deno.test("T8: the accept loop survives EMFILE, pauses, and reports a series of errors once", async () => {
  const reports: unknown[] = [];
  const emfile = () => new Error("Too many open files (os error 24)");
  const { listener, calls } = faulty([emfile(), emfile(), emfile()]);
  const started = performance.now();
  const { server, port } = start({ listener, onError: (error) => void reports.push(error) });
  const peer = await RawPeer.connect(port);
  assert(performance.now() - started >= 50 + 100 + 200 - 1, "the pause is 50 ms first, and twice as long each time");
  assertEquals([reports.length, calls()], [1, 5]);
  const stopped = server.shutdown();
  await goAway(peer);
  await stopped;
});

Deno.test("T8: errors after an accepted connection are a new series", async () => {
  const reports: unknown[] = [];
  const { listener } = faulty([new Error("first")]);
  const accept = listener.accept;
  let accepted = 0;
  listener.accept = async () => {
    if (accepted === 1) {
      accepted++;
      throw new Error("second");
    }
    const conn = await accept();
    accepted++;
    return conn;
  };
  const { server, port } = start({ listener, onError: (error) => void reports.push(error) });
  const peers = [await RawPeer.connect(port), await RawPeer.connect(port)];
  assertEquals(reports.map(String), ["Error: first", "Error: second"]);
  const stopped = server.shutdown();
  for (const peer of peers) await goAway(peer);
  await stopped;
});

Deno.test("T9: clients that disconnect before they are accepted are skipped, without a pause or a report", async () => {
  const reports: unknown[] = [];
  const { listener, calls } = faulty([
    ...Array.from({ length: 50 }, () => new Deno.errors.ConnectionAborted("Connection aborted")),
    ...Array.from({ length: 50 }, () => new Deno.errors.ConnectionReset("Connection reset")),
  ]);
  const { server, port } = start({ listener, onError: (error) => void reports.push(error) });
  const peer = await RawPeer.connect(port);
  assertEquals([reports, calls()], [[], 102]);
  const stopped = server.shutdown();
  await goAway(peer);
  await stopped;
});

Deno.test("a shutdown does not wait for the accept loop's pause, and leaves no timer", async () => {
  const { listener, calls } = faulty(Array.from({ length: 100 }, () => new Error("Too many open files")));
  const { server } = start({ listener, onError() {} });
  await until(() => calls() > 0, "The first failure");
  await soon(server.shutdown(), "The shutdown");
});

Deno.test("a listener that other code closes shuts the server down", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { server, port } = start({ listener });
  const peer = await RawPeer.connect(port);
  await until(() => server.connections.size === 1, "The connection");
  listener.close();
  await goAway(peer);
  await soon(server.finished, "The end");
});

Deno.test("A3: a handler that hangs delays a shutdown until its time is up, and no longer", async () => {
  const gate = Promise.withResolvers<void>();
  const { server, port } = start({}, async (socket) => {
    await socket.closed;
    await gate.promise;
  });
  const peer = await RawPeer.connect(port);
  await peer.send(text("hello"));
  let stopped = false;
  const stopping = server.shutdown({ timeout: 300 }).then(() => stopped = true);
  await peer.expect(close(1001));
  await settle();
  assertEquals(stopped, false);
  await soon(stopping, "The shutdown");
  assertEquals(server.connections.size, 0);
  gate.resolve();
  peer.close();
});
