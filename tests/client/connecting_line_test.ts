import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { startConnecting } from "../../lib/client/connecting.ts";
import { ConnectingLine } from "../../lib/client/connecting_line.ts";
import { WebSocket } from "../../lib/client/websocket.ts";
import { WebSocketStream } from "../../lib/client/websocket_stream.ts";
import { serve } from "../../lib/server/serve.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { RawPeer } from "../_support/raw_peer.ts";
import { settle, soon } from "../_support/wait.ts";
import { ends } from "./_web_support.ts";

// RFC 6455 §4.1: "There MUST be no more than one connection in a CONNECTING state."

const LOOPBACK = { hostname: "127.0.0.1", port: 0 } as const;

/** Handshakes that a test ends, by the name that each was started with. */
function line() {
  const line = new ConnectingLine();
  const begun: string[] = [];
  const ends = new Map<string, PromiseWithResolvers<string>>();
  return {
    line,
    begun,
    start(name: string, host: string, signal = new AbortController().signal, handshakeTimeout = 1_000) {
      return line.take(host, { signal, handshakeTimeout }, () => {
        const end = Promise.withResolvers<string>();
        begun.push(name);
        ends.set(name, end);
        return end.promise;
      });
    },
    succeed: (name: string) => ends.get(name)!.resolve(name),
    fail: (name: string) => ends.get(name)!.reject(new Error(name)),
  };
}

Deno.test("handshakes with one host run one after another, in order, whether the previous one succeeds or fails", async () => {
  const { line: hosts, begun, start, succeed, fail } = line();
  const [a, b, c] = [start("a", "one:80"), start("b", "one:80"), start("c", "one:80")];
  await settle();
  assertEquals(begun, ["a"]);
  fail("a");
  await assertRejects(() => a, Error, "a");
  await settle();
  assertEquals(begun, ["a", "b"]);
  succeed("b");
  assertEquals(await b, "b");
  await settle();
  assertEquals([begun, hosts.hosts], [["a", "b", "c"], 1]);
  succeed("c");
  await c;
});

Deno.test("handshakes with different hosts, or with different ports of one host, do not wait for each other", async () => {
  const { line: hosts, begun, start, succeed } = line();
  const names = ["one:80", "one:81", "two:80"];
  const all = names.map((host) => start(host, host));
  await settle();
  assertEquals(begun, names);
  assertEquals(hosts.hosts, 3);
  succeed("one:81");
  await settle();
  assertEquals(hosts.hosts, 2);
  names.forEach(succeed);
  await Promise.all(all);
  await settle();
  assertEquals(hosts.hosts, 0, "nothing is kept of a host that no handshake is under way with");
});

Deno.test("an attempt that is aborted while it waits leaves the line, and those behind it move up when the previous one is done", async () => {
  const { begun, start, succeed } = line();
  const controller = new AbortController();
  const reason = new Error("enough");
  const a = start("a", "one:80");
  const b = start("b", "one:80", controller.signal);
  const c = start("c", "one:80");
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => b), reason);
  await settle();
  assertEquals(begun, ["a"]);
  succeed("a");
  await a;
  await settle();
  assertEquals(begun, ["a", "c"]);
  succeed("c");
  await c;
});

Deno.test("a handshake that hangs delays the others for its handshakeTimeout, or for the default if it has none", async () => {
  using time = new FakeTime();
  for (const [handshakeTimeout, wait] of [[300, 300], [0, 10_000]] as const) {
    const { begun, start, succeed } = line();
    const hanging = start("hanging", "one:80", undefined, handshakeTimeout);
    const next = start("next", "one:80");
    await time.advance(wait - 1);
    assertEquals(begun, ["hanging"]);
    await time.advance(1);
    assertEquals(begun, ["hanging", "next"]);
    succeed("hanging");
    succeed("next");
    await Promise.all([hanging, next]);
    assertEquals(time.timers, 0);
  }
});

Deno.test("a WebSocket waits until a WebSocketStream to the same host is open", async () => {
  using listener = Deno.listen(LOOPBACK);
  const url = `ws://127.0.0.1:${listener.addr.port}/`;
  const stream = new WebSocketStream(url, { pingInterval: 0 });
  const socket = new WebSocket(url, { pingInterval: 0 });
  const opened = new Promise((resolve) => socket.onopen = resolve);
  const first = new RawPeer(await soon(listener.accept(), "The first connection"), "server");
  const accepting = listener.accept();
  let connected = false;
  void accepting.then(() => connected = true);
  await settle();
  assertEquals(connected, false);
  await first.answer();
  await soon(stream.opened, "The stream");
  const conn = await soon(accepting, "The second connection");
  const second = new RawPeer(conn, "server");
  await second.answer();
  await soon(opened, "The socket");
  const closed = new Promise((resolve) => socket.onclose = resolve);
  for (const peer of [first, second]) peer.conn.close();
  await soon(closed, "The end");
  await stream.closed.catch(() => {});
});

Deno.test("many sockets to one host all open, and close cancels one that waits before it dials", async () => {
  const requests: string[] = [];
  await using server = serve(
    { ...LOOPBACK, upgrade: (request) => void requests.push(new URL(request.url).search) },
    {},
  );
  const sockets = Array.from({ length: 20 }, (_, i) => new WebSocket(`${server.url}/?${i}`));
  const outcomes = sockets.map((socket) =>
    new Promise((resolve) => {
      socket.onopen = () => resolve("open");
      socket.onclose = () => resolve("closed");
    })
  );
  sockets[3]!.close();
  const expected = sockets.map((_, i) => i === 3 ? "closed" : "open");
  assertEquals(await soon(Promise.all(outcomes), "All of them"), expected);
  assertEquals(requests, expected.flatMap((outcome, i) => outcome === "open" ? [`?${i}`] : []));
  const ends = sockets.filter((_, i) => i !== 3).map((socket) => new Promise((resolve) => socket.onclose = resolve));
  for (const socket of sockets) socket.close();
  await soon(Promise.all(ends), "The ends");
});

Deno.test("an attempt over a given transport does not wait", async () => {
  const opened: number[] = [];
  const first = ends();
  const second = ends();
  const outcome = (at: number) => ({ opened: () => void opened.push(at), failed() {} });
  const one = startConnecting("ws://example.com/", first.options, outcome(1));
  startConnecting("ws://example.com/", second.options, outcome(2));
  await second.peer.answer();
  await settle();
  assertEquals(opened, [2]);
  one.giveUp();
  second.conn.reset();
});
