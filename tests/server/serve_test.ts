import { within } from "../_support/deadline.ts";
import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import { ConnectionError, HandshakeError } from "../../lib/errors.ts";
import type { WebSocketHandler } from "../../lib/connection/readers/callbacks.ts";
import { serve, type WebSocketServer } from "../../lib/server/serve.ts";
import type { ServeOptions } from "../../lib/server/server_options.ts";
import { utf8 } from "../_support/frames.ts";
import { NO_UNIX_SOCKETS, unless } from "../_support/needs.ts";
import { close, RawPeer, requestText, text } from "../_support/raw_peer.ts";
import { cert, key } from "../_support/tls.ts";
import { settle, soon, until } from "../_support/wait.ts";
import { overlook, SERVER_FULL } from "../_support/printed.ts";

overlook(SERVER_FULL);

/** The two ways to write an echo. */
const ECHOES: Record<string, WebSocketHandler> = {
  "a function": async (socket) => {
    for await (const message of socket) await socket.send(message);
  },
  "callbacks": { message: (socket, data) => void socket.send(data) },
};

/** A server on a free port of the loopback interface. What is reported fails the test unless it is taken. */
function start(
  handler: WebSocketHandler = ECHOES["callbacks"]!,
  options: ServeOptions = {},
): { server: WebSocketServer; port: number; reports: unknown[] } {
  const reports: unknown[] = [];
  const server = serve(
    { hostname: "127.0.0.1", port: 0, pingInterval: 0, onError: (error) => void reports.push(error), ...options },
    handler,
  );
  return { server, port: portOf(server), reports };
}

function portOf({ addr }: WebSocketServer): number {
  assert(addr.transport === "tcp");
  return addr.port;
}

/** Ends a connection as a client does. */
async function leave(peer: RawPeer): Promise<void> {
  await peer.send(close(1000));
  await peer.expect(close(1000));
  await peer.expectEnd();
  peer.close();
}

for (const [what, echo] of Object.entries(ECHOES)) {
  Deno.test(`serve runs ${what} for each connection, and its set of connections is empty afterwards`, async () => {
    const { server, port, reports } = start(echo);
    const peers = await Promise.all([1, 2, 3].map(() => RawPeer.connect(port)));
    for (const peer of peers) await peer.send(text("hello"));
    for (const peer of peers) await peer.expect(text("hello"));
    assertEquals(server.connections.size, 3);
    assertEquals([...server.connections].every(({ readyState }) => readyState === 1), true);
    await leave(peers[0]!);
    await until(() => server.connections.size === 2, "The first one's end");
    peers[1]!.close();
    await until(() => server.connections.size === 1, "The second one's end");
    await leave(peers[2]!);
    await until(() => server.connections.size === 0, "The last one's end");
    await server.shutdown();
    assertEquals(reports, [], "how clients leave is no mistake of ours");
  });

  Deno.test(`T2: a reset is not reported by ${what}, and other connections go on`, async () => {
    const { server, port, reports } = start(echo);
    const [gone, stays] = [await RawPeer.connect(port), await RawPeer.connect(port)];
    await gone.send(text("unread"), text("unread"));
    await gone.readBytes(1);
    gone.close(); // over unread bytes: a reset
    await until(() => server.connections.size === 1, "The end");
    await stays.send(text("hello"));
    await stays.expect(text("hello"));
    await leave(stays);
    await server.shutdown();
    assertEquals(reports, []);
  });
}

Deno.test("a connection that broke a rule in its first bytes is removed from the server's connections", async () => {
  const { server, port } = start(async (socket) => void await socket.closed);
  const peer = await RawPeer.dial(port);
  // A close frame of one byte, right behind the request.
  await peer.send(utf8(requestText()), Uint8Array.of(0x88, 0x81, 0, 0, 0, 0, 1));
  await peer.readHead();
  await peer.expectClose(1002);
  peer.close();
  await until(() => server.connections.size === 0, "The end");
  await soon(server.shutdown(), "The shutdown");
});

Deno.test("§7.1.1: the server ends the TCP connection first, right behind its close frame", async () => {
  await using started = start().server;
  const peer = await RawPeer.connect(portOf(started));
  await peer.send(close(4000, "done"));
  await peer.expect(close(4000));
  await peer.expectEnd();
  peer.close();
});

Deno.test("a protocol error over TCP: the close frame arrives, then the end, even though bytes were left unread", async () => {
  const { server, port, reports } = start();
  const peer = await RawPeer.connect(port);
  await peer.send(text("good"), "83", new Uint8Array(5_000));
  await peer.expect(text("good"));
  assertEquals((await peer.readFrame()).payload.slice(0, 2), Uint8Array.of(3, 234));
  await peer.expectEnd();
  peer.close();
  await server.shutdown();
  assertEquals(reports, []);
});

Deno.test("A1: an error of a handler is reported, closes its connection with 1011, and no other", async () => {
  const mistake = new Error("a mistake");
  const { server, port, reports } = start({
    message(socket, data) {
      if (data === "bad") throw mistake;
      void socket.send(data);
    },
  });
  const [bad, good] = [await RawPeer.connect(port), await RawPeer.connect(port)];
  await bad.send(text("bad"));
  await bad.expect(close(1011));
  await bad.expectEnd();
  bad.close();
  await good.send(text("good"));
  await good.expect(text("good"));
  await leave(good);
  await server.shutdown();
  assertEquals(reports, [mistake]);
});

Deno.test("H22: errors of hooks are reported, and errors of clients are not", async () => {
  const mistake = new Error("a mistake");
  const { server, port, reports } = start(undefined, {
    upgrade({ path }) {
      if (path === "/bad") throw mistake;
      if (path === "/no") throw new HandshakeError("No", { status: 403 });
    },
  });
  const ask = async (request: string): Promise<string> => {
    using peer = await RawPeer.dial(port);
    await peer.send(utf8(request));
    return (await peer.readText()).slice(9, 12);
  };
  assertEquals(await ask(requestText({}, "GET /bad HTTP/1.1")), "500");
  assertEquals(await ask(requestText({}, "GET /no HTTP/1.1")), "403");
  assertEquals(await ask("nonsense\r\n\r\n"), "400");
  using gone = await RawPeer.dial(port);
  await gone.send(utf8("GET /"));
  gone.close();
  await server.shutdown();
  assertEquals(reports, [mistake]);
});

Deno.test("without onError, errors are printed", async () => {
  const printed: unknown[] = [];
  const { console } = globalThis;
  globalThis.console = Object.assign(Object.create(console), {
    error: (...args: unknown[]) => void printed.push(...args),
  });
  try {
    const mistake = new Error("a mistake");
    await using server = serve({ hostname: "127.0.0.1", port: 0 }, () => Promise.reject(mistake));
    using peer = await RawPeer.connect(portOf(server));
    await peer.expect(close(1011));
    assertEquals(printed, [mistake]);
  } finally {
    globalThis.console = console;
  }
});

Deno.test("T11: over TLS a client that speaks plain HTTP fails alone, and the URL is wss", async () => {
  const { server, port, reports } = start(async (socket) => await socket.send(socket.url), { cert, key });
  using plain = await RawPeer.dial(port);
  await plain.send(utf8(requestText()));
  await plain.readToEnd().catch(() => {}); // an alert, or a reset
  plain.close();
  const socket = await connect(`wss://localhost:${port}/x`, { caCerts: [cert] });
  assertEquals(await Array.fromAsync(socket), [`wss://localhost:${port}/x`]);
  await server.shutdown();
  assertEquals(reports, []);
});

Deno.test("TLS needs both certificate and key", () => {
  assertThrows(() => serve({ port: 0, cert }, () => {}), TypeError, "both cert and key");
  assertThrows(() => serve({ port: 0, key }, () => {}), TypeError, "both cert and key");
});

Deno.test({
  ...unless(NO_UNIX_SOCKETS, "serve listens on a Unix socket, at the path and with its addresses"),
  async fn() {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/socket`;
    const { server, reports } = startUnix(path);
    assertEquals(server.addr, { transport: "unix", path });
    const socket = await connect("ws://example.com/chat", { path });
    assertEquals(await Array.fromAsync(socket), ["ws://example.com/chat", `${path}`]);
    await server.shutdown();
    assertEquals(reports, []);
    await Deno.remove(folder, { recursive: true });
  },
});

function startUnix(path: string): { server: WebSocketServer; reports: unknown[] } {
  const reports: unknown[] = [];
  const server = serve({ path, onError: (error) => void reports.push(error) }, async (socket) => {
    await socket.send(socket.url);
    await socket.send(socket.localAddr?.transport === "unix" ? socket.localAddr.path : "");
  });
  return { server, reports };
}

Deno.test("a listener has one server: a second one is a TypeError, and the first one goes on", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { server, port, reports } = start(undefined, { listener });
  assertThrows(() => start(undefined, { listener }), TypeError, "the listener: it belongs to another server");
  const peer = await RawPeer.connect(port);
  await leave(peer);
  await server.shutdown();
  assertEquals(reports, []);
});

Deno.test("a listener is free again if the server could not start", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  assertThrows(() => start(undefined, { listener, proxies: ["no address"] }), Error, "no address");
  const { server, port } = start(undefined, { listener });
  await leave(await RawPeer.connect(port));
  await server.shutdown();
});

Deno.test("onListen gets the address, and a listener may be given", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const heard: Deno.Addr[] = [];
  const { server } = start(undefined, { listener, onListen: (addr) => void heard.push(addr) });
  assertEquals([heard, server.addr], [[listener.addr], listener.addr]);
  server.unref();
  server.ref();
  await server.shutdown();
  await assertRejects(() => listener.accept(), Deno.errors.BadResource);
});

Deno.test("an onListen that throws makes serve throw, and nothing keeps listening", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const onListen = () => {
    throw new Error("a mistake");
  };
  assertThrows(() => start(undefined, { listener, onListen }), Error, "a mistake");
  await assertRejects(() => within(listener.accept(), 10_000, "the listener's end"), Deno.errors.BadResource);
});

const URLS: [addr: Deno.Addr, options: ServeOptions, url: string][] = [
  [{ transport: "tcp", hostname: "127.0.0.1", port: 80 }, {}, "ws://127.0.0.1:80"],
  [{ transport: "tcp", hostname: "0.0.0.0", port: 8000 }, {}, "ws://localhost:8000"],
  [{ transport: "tcp", hostname: "::", port: 8000 }, {}, "ws://localhost:8000"],
  [{ transport: "tcp", hostname: "::1", port: 8000 }, { secure: true }, "wss://[::1]:8000"],
  [{ transport: "unix", path: "/run/chat" }, {}, "ws://localhost"],
];
for (const [addr, options, url] of URLS) {
  Deno.test(`a server on ${JSON.stringify(addr)} has the URL ${url}`, async () => {
    const closed = Promise.withResolvers<never>();
    const listener: Deno.Listener = Object.assign(Object.create(null), {
      addr,
      accept: () => closed.promise,
      close: () => closed.reject(new Deno.errors.BadResource("Closed")),
    });
    await using server = serve({ listener, ...options }, {});
    assertEquals(server.url, url);
  });
}

Deno.test("invalid options throw before anything listens", () => {
  assertThrows(() => start(undefined, { closeTimeout: -1 }), RangeError, "closeTimeout");
  assertThrows(() => start(undefined, { maxConnections: 0 }), RangeError, "maxConnections");
});

Deno.test("H24: connections beyond maxConnections are refused with 503 and Retry-After, and refused clients take no place", async () => {
  let ended = 0;
  const { server, port } = start({ message: (socket, data) => socket.send(data), close: () => ended++ }, {
    maxConnections: 2,
  });
  const [first, second] = [await RawPeer.connect(port), await RawPeer.connect(port)];
  // It gets the refusal before it sends anything, and stays connected.
  using third = await RawPeer.dial(port);
  const answer = await third.readText();
  assertStringIncludes(answer, "HTTP/1.1 503 Service Unavailable\r\n");
  assertStringIncludes(answer.toLowerCase(), "\r\nretry-after: 1\r\n");
  await leave(first);
  await until(() => ended === 1, "The first one's end");
  await settle();
  const fourth = await RawPeer.connect(port);
  await fourth.send(text("hello"));
  await fourth.expect(text("hello"));
  await leave(fourth);
  await leave(second);
  third.close();
  await server.shutdown();
});

Deno.test("H24: handshakes count as connections", async () => {
  const { server, port } = start(undefined, { maxConnections: 1 });
  using silent = await RawPeer.dial(port);
  await silent.send(utf8("GET"));
  using second = await RawPeer.dial(port);
  assertStringIncludes(await second.readText(), "HTTP/1.1 503");
  second.close();
  silent.close();
  await server.shutdown();
});

Deno.test("connections beyond twice maxConnections get no response", async () => {
  const { server, port } = start(undefined, { maxConnections: 1 });
  const first = await RawPeer.connect(port);
  using refused = await RawPeer.dial(port);
  assertStringIncludes(await refused.readText(), "HTTP/1.1 503");
  using dropped = await RawPeer.dial(port);
  assertEquals(await dropped.readText(), "");
  refused.close();
  await leave(first);
  await server.shutdown();
});

Deno.test("H24: connections beyond maxConnectionsPerAddress from one address are refused with their status, until one leaves", async () => {
  let ended = 0;
  const { server, port } = start({ close: () => ended++ }, { maxConnectionsPerAddress: 2 });
  const [first, second] = [await RawPeer.connect(port), await RawPeer.connect(port)];
  using third = await RawPeer.dial(port);
  assert(/^HTTP\/1\.1 (429|503) /.test(await third.readText()));
  third.close();
  await leave(first);
  await until(() => ended === 1, "The first one's end");
  await settle();
  await leave(await RawPeer.connect(port));
  await leave(second);
  await server.shutdown();
});

Deno.test("http answers ordinary requests on the same port, and handshakes still work", async () => {
  const seen: string[] = [];
  const { server, port, reports } = start(undefined, {
    async http(request, { signal, remoteAddr }) {
      await settle();
      seen.push(`${request.method} ${request.url} ${request.headers.get("x-a")} ${signal.aborted}`);
      assert(remoteAddr?.transport === "tcp");
      return new Response("page", { headers: { "Content-Type": "text/html" } });
    },
  });
  for (const method of ["GET", "HEAD"]) {
    using peer = await RawPeer.dial(port);
    await peer.send(utf8(`${method} /page?q HTTP/1.1\r\nHost: a.example:80\r\nConnection: close\r\nX-A: 1\r\n\r\n`));
    const [head, body] = (await peer.readText()).split("\r\n\r\n");
    assert(/^HTTP\/1\.1 200 OK\r\n/.test(head!) && /\r\ncontent-type: text\/html/.test(head!), head);
    assertEquals(body?.includes("page") ?? false, method === "GET");
  }
  assertEquals(seen, ["GET http://a.example/page?q 1 false", "HEAD http://a.example/page?q 1 false"]);
  const socket = await RawPeer.connect(port);
  await socket.send(text("hello"));
  await socket.expect(text("hello"));
  await leave(socket);
  await server.shutdown();
  assertEquals(reports, []);
});

Deno.test("http: a method that a Request cannot have is the client's error, and an error of the hook is the server's", async () => {
  const mistake = new Error("a mistake");
  const { server, port, reports } = start(undefined, { http: () => Promise.reject(mistake) });
  for (const [method, status] of [["TRACE", "501"], ["GET", "500"]]) {
    using peer = await RawPeer.dial(port);
    await peer.send(utf8(`${method} / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n`));
    assertEquals((await peer.readText()).slice(9, 12), status);
  }
  await server.shutdown();
  assertEquals(reports, [mistake]);
});

Deno.test("without http, an ordinary request gets 426", async () => {
  const { server, port } = start();
  using peer = await RawPeer.dial(port);
  await peer.send(utf8("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"));
  assertStringIncludes(await peer.readText(), "HTTP/1.1 426 Upgrade Required\r\n");
  peer.close();
  await server.shutdown();
});

Deno.test("H23: a shutdown aborts the upgrade hooks' signals, and their clients get 503", async () => {
  const asked = Promise.withResolvers<AbortSignal>();
  const { server, port } = start(undefined, {
    upgrade(_, { signal }) {
      asked.resolve(signal);
      return new Promise(() => {});
    },
  });
  using peer = await RawPeer.dial(port);
  await peer.send(utf8(requestText()));
  const signal = await asked.promise;
  const stopping = server.shutdown();
  assertStringIncludes(await peer.readText(), "HTTP/1.1 503 Service Unavailable\r\n");
  assertInstanceOf(signal.reason, ConnectionError);
  peer.close();
  await soon(stopping, "The shutdown");
});

Deno.test("H24: behind `proxies`, maxConnectionsPerAddress counts clients, and refused clients take no place", async () => {
  const options = { proxies: ["127.0.0.1"], maxConnectionsPerAddress: 1, maxConnections: 2 };
  let ended = 0;
  const { server, port, reports } = start({ close: () => ended++ }, options);
  const of = (address: string) => ({ "X-Forwarded-For": address });
  const first = await RawPeer.connect(port, of("203.0.113.1"));
  assertEquals([...server.connections][0]?.remoteAddr, { transport: "tcp", hostname: "203.0.113.1", port: 0 });
  for (let times = 0; times < 2; times++) {
    const refused = await RawPeer.dial(port);
    await refused.send(utf8(requestText(of("198.51.100.1, 203.0.113.1"))));
    assertStringIncludes(await refused.readHead(), "HTTP/1.1 429 ");
    refused.close();
  }
  const second = await RawPeer.connect(port, of("203.0.113.2"));
  await leave(first);
  await until(() => ended === 1, "The first one's end");
  await leave(await RawPeer.connect(port, of("203.0.113.1")));
  await leave(second);
  await server.shutdown();
  assertEquals(reports, []);
});

Deno.test("http: behind `proxies` the address is the client's and the URL is the one sent to the proxy", async () => {
  const seen: unknown[] = [];
  const { server, port } = start(undefined, {
    proxies: ["127.0.0.1"],
    http: ({ url }, { remoteAddr }) => {
      seen.push(url, remoteAddr);
      return new Response("hello");
    },
  });
  const headers = { "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https" };
  await (await fetch(`http://127.0.0.1:${port}/`, { headers })).text();
  assertEquals(seen, [`https://127.0.0.1:${port}/`, { transport: "tcp", hostname: "203.0.113.9", port: 0 }]);
  await server.shutdown();
});
