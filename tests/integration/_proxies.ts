/**
 * Reverse proxies in front of our server: started as child processes from the configurations in `examples/deployment`, and the
 * tests that hold for each of them.
 *
 * @module
 */
import { connect as netConnect } from "node:net";
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import type { ConnectOptions } from "../../lib/client/client_options.ts";
import { ConnectionError, HandshakeError } from "../../lib/errors.ts";
import { nodeConnection } from "../../lib/transport/node_connection.ts";
import type { WebSocketHandler } from "../../lib/connection/readers/callbacks.ts";
import type { CloseInfo, WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { serve, type WebSocketServer } from "../../lib/server/serve.ts";
import type { ServeOptions } from "../../lib/server/server_options.ts";
import { within } from "../_support/deadline.ts";
import { frame, Opcode } from "../../lib/pipeline/frames/frame.ts";
import { utf8 } from "../_support/frames.ts";
import { assertMessage, messages } from "../_support/messages.ts";
import { unless, withoutProgram } from "../_support/needs.ts";
import { RawPeer, requestText, text } from "../_support/raw_peer.ts";
import { cert } from "../_support/tls.ts";
import { until } from "../_support/wait.ts";
import { type Command, freePorts, startProgram } from "./_program.ts";
import { CLOSES, ECHO, LOOPBACK } from "./_support.ts";
import { ORIGIN_REFUSED, overlook } from "../_support/printed.ts";

overlook(ORIGIN_REFUSED);

const MiB = 1024 * 1024;

/** What the configurations leave open. */
export interface ProxySettings {
  /** Where the proxy listens. */
  readonly LISTEN: string;
  /** Where it listens for TLS. */
  readonly LISTEN_TLS: string;
  /** Where our server listens. */
  readonly BACKEND: string;
  /** The path of the certificate. */
  readonly CERT: string;
  /** The path of its key. */
  readonly KEY: string;
  /** Seconds after which an idle connection is dropped. */
  readonly IDLE_SECONDS: string;
}

/** A proxy program. */
export interface ProxyProgram {
  /** What it is called. */
  readonly name: string;
  /** Where Debian has it. */
  readonly path: string;
  /** Its configuration, in `examples/deployment`. */
  readonly config: string;
  /** Makes what is to be run, in the foreground, with all its files in `folder`. */
  command(
    config: string,
    folder: string,
    settings: ProxySettings,
  ): Promise<Command>;
}

/** A proxy that runs. */
interface RunningProxy extends AsyncDisposable {
  readonly port: number;
  readonly tlsPort: number;
}

/** Starts a proxy in front of a server on this machine. */
async function startProxy(program: ProxyProgram, backend: Deno.Addr, idleSeconds = 60): Promise<RunningProxy> {
  assert(backend.transport === "tcp");
  const [port = 0, tlsPort = 0] = freePorts(2);
  const settings: ProxySettings = {
    LISTEN: `127.0.0.1:${port}`,
    LISTEN_TLS: `127.0.0.1:${tlsPort}`,
    BACKEND: `127.0.0.1:${backend.port}`,
    CERT: new URL("../_support/tls/cert.pem", import.meta.url).pathname,
    KEY: new URL("../_support/tls/key.pem", import.meta.url).pathname,
    IDLE_SECONDS: String(idleSeconds),
  };
  const config = await Deno.readTextFile(new URL(`../../examples/deployment/${program.config}`, import.meta.url));
  const running = await startProgram({
    ...program,
    ports: [port, tlsPort],
    prepare: (folder) => program.command(config, folder, settings),
  });
  return { port, tlsPort, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}

/** Our server behind a proxy, and how to reach it in both ways. */
async function behind(
  program: ProxyProgram,
  options: ServeOptions & { idleSeconds?: number } = {},
  handler: WebSocketHandler = ECHO.callbacks,
): Promise<{ server: WebSocketServer; proxy: RunningProxy; ways: Way[] } & AsyncDisposable> {
  const { idleSeconds, ...serveOptions } = options;
  const server = serve({ ...LOOPBACK, proxies: ["127.0.0.1"], ...serveOptions }, handler);
  const proxy = await startProxy(program, server.addr, idleSeconds).catch(async (error) => {
    await server.shutdown();
    throw error;
  });
  const open = (url: string, options: ConnectOptions) =>
    within(connect(url, options), 10_000, `The handshake with ${url}`);
  return {
    server,
    proxy,
    ways: [
      { name: "plain", open: (path, options) => open(`ws://127.0.0.1:${proxy.port}${path}`, { ...options }) },
      {
        name: "TLS",
        open: (path, options) => open(`wss://localhost:${proxy.tlsPort}${path}`, { caCerts: [cert], ...options }),
      },
    ],
    async [Symbol.asyncDispose]() {
      await within(server.shutdown(), 10_000, "The shutdown");
      await proxy[Symbol.asyncDispose]();
    },
  };
}

interface Way {
  readonly name: string;
  open(path: string, options?: ConnectOptions): Promise<WebSocketConnection>;
}

const ended = (socket: WebSocketConnection) => within(socket.closed, 10_000, "The end");

/** Asserts that a connection ended with no close frame. */
function assertLost({ closeCode, wasClean, error }: CloseInfo): void {
  assertEquals([closeCode, wasClean], [1006, false]);
  assertInstanceOf(error, ConnectionError);
}

/** What holds behind every proxy. */
export function testProxy(program: ProxyProgram): void {
  const { name } = program;
  const missing = withoutProgram(program.path);
  const test = (title: string, fn: () => Promise<void>) =>
    Deno.test({ ...unless(missing, `behind ${name}, ${title}`), fn });

  test("text and binary messages up to 4 MiB are echoed, plain and over TLS, and pings pass both ways", async () => {
    const pings: number[] = [];
    await using setup = await behind(program, {}, {
      async open(socket) {
        pings.push(await socket.ping());
      },
      message: (socket, data) => socket.send(data),
    });
    for (const { open } of setup.ways) {
      const socket = await open("/");
      const replies = socket[Symbol.asyncIterator]();
      for (const message of messages([0, 1, 125, 126, 65_535, 65_536, 4 * MiB])) {
        void socket.send(message);
        assertMessage((await within(replies.next(), 10_000, "A reply")).value, message);
      }
      await within(socket.ping("are you there"), 10_000, "A pong");
      await socket.close();
    }
    assertEquals(pings.length, 2);
  });

  test("the client's address, host and scheme arrive, and fields that the client forges are ignored", async () => {
    const seen: unknown[] = [];
    await using setup = await behind(program, {
      upgrade: ({ url, headers }, { remoteAddr }) => void seen.push([url, remoteAddr, headers.get("x-forwarded-for")]),
    });
    const { port, tlsPort } = setup.proxy;
    // 127.0.0.2 is a client and no proxy; Deno's own `connect` cannot say where it connects from.
    const conn = nodeConnection(netConnect({ host: "127.0.0.1", port, localAddress: "127.0.0.2" }));
    const headers = { "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https" };
    await (await connect(`ws://127.0.0.1:${port}/a?b=c`, { conn, headers })).close();
    const [, tls] = setup.ways as [Way, Way];
    await (await tls.open("/")).close();
    const client = (hostname: string) => ({ transport: "tcp", hostname, port: 0 });
    assertEquals(seen, [
      [`ws://127.0.0.1:${port}/a?b=c`, client("127.0.0.2"), "203.0.113.9, 127.0.0.2"],
      [`wss://localhost:${tlsPort}/`, client("127.0.0.1"), "127.0.0.1"],
    ]);
  });

  test("a page of the same host may connect, and no other", async () => {
    await using setup = await behind(program);
    const url = `http://127.0.0.1:${setup.proxy.port}`;
    const [{ open }] = setup.ways as [Way, Way];
    await (await open("/", { headers: { Origin: url } })).close();
    const refused = await assertRejects(
      () => open("/", { headers: { Origin: "http://evil.example" } }),
      HandshakeError,
    );
    assertEquals(refused.status, 403);
  });

  test("close codes and reasons pass both ways", async () => {
    const seen = new Map<string, CloseInfo>();
    await using setup = await behind(program, {}, async (socket) => {
      const { code, reason } = CLOSES[Number(new URL(socket.url).searchParams.get("close") ?? NaN)] ?? { code: 0 };
      if (code !== 0) void socket.close(code, reason);
      seen.set(socket.url, await socket.closed);
    });
    for (const { open, name: way } of setup.ways) {
      for (const [index, { code = 1000, reason = "" }] of CLOSES.entries()) {
        const ours = await open(`/${index}`);
        const { wasClean, closeCode } = await within(ours.close(code, reason), 10_000, "The end");
        assertEquals([wasClean, closeCode], [true, code], way);
        await until(() => [...seen.keys()].some((url) => url.endsWith(`/${index}`)), "The server's end");
        const [, info] = [...seen].find(([url]) => url.endsWith(`/${index}`))!;
        assertEquals(info, { closeCode: code, reason, wasClean: true }, way);
        seen.clear();

        const theirs = await open(`/?close=${index}`);
        assertEquals(await ended(theirs), { closeCode: code, reason, wasClean: true }, way);
        await until(() => seen.size === 1, "The server's end");
        seen.clear();
      }
    }
  });

  test("subprotocols and permessage-deflate are agreed", async () => {
    await using setup = await behind(program, { protocols: ["chat"], perMessageDeflate: true });
    for (const { open } of setup.ways) {
      const socket = await open("/", { protocols: ["other", "chat"], perMessageDeflate: true });
      assertEquals([socket.protocol, socket.extensions.split(";")[0]], ["chat", "permessage-deflate"]);
      const message = "hello ".repeat(100_000);
      void socket.send(message);
      assertMessage((await within(socket[Symbol.asyncIterator]().next(), 10_000, "A reply")).value, message);
      await socket.close();
    }
  });

  test("a refusal passes with its status, its fields and its body", async () => {
    await using setup = await behind(program, {
      upgrade: () => new Response("Members only\n", { status: 403, headers: { "X-Why": "no ticket" } }),
    });
    for (const { open } of setup.ways) {
      const error = await assertRejects(() => open("/"), HandshakeError);
      assertEquals([error.status, error.headers.get("x-why")], [403, "no ticket"]);
      assertEquals(new TextDecoder().decode(error.body), "Members only\n");
    }
    // H9: what the server says of the version is the client's to read.
    using peer = await RawPeer.dial(setup.proxy.port);
    await peer.send(utf8(requestText({ "Sec-WebSocket-Version": "12" })));
    const head = await peer.readHead();
    assertEquals(head.split(" ")[1], "426");
    assertEquals(/^sec-websocket-version: 13\r$/im.test(head), true, head);
  });

  test("H9: after a refused upgrade the connection to the server is closed, so that no tunnel is left for smuggling", async () => {
    const backends: { readonly port: number; readonly end: Promise<void> }[] = [];
    const requests: string[] = [];
    const inner = Deno.listen(LOOPBACK);
    const listener: Deno.Listener = {
      addr: inner.addr,
      async accept() {
        const conn = await inner.accept();
        const ending = Promise.withResolvers<void>();
        backends.push({ port: conn.remoteAddr.port, end: ending.promise });
        const close = conn.close.bind(conn);
        conn.close = () => {
          close();
          ending.resolve();
        };
        return conn;
      },
      close: () => inner.close(),
      ref: () => inner.ref(),
      unref: () => inner.unref(),
      [Symbol.asyncIterator]: () => inner[Symbol.asyncIterator](),
      [Symbol.dispose]: () => inner[Symbol.dispose](),
    };
    await using setup = await behind(program, {
      listener,
      http: ({ url }) => {
        requests.push(new URL(url).pathname);
        // Each request has a connection of its own then, and the end of one is the end of what the proxy could reuse.
        return new Response("hello", { headers: { Connection: "close" } });
      },
    });
    const refusals = [{ "Sec-WebSocket-Version": "777" }, { "Sec-WebSocket-Key": "x" }, {
      Origin: "http://evil.example",
    }];
    for (const [index, refused] of refusals.entries()) {
      backends.length = 0;
      requests.length = 0;
      using peer = await RawPeer.dial(setup.proxy.port);
      await peer.send(utf8(requestText(refused)));
      assertEquals((await peer.readHead()).split(" ")[1], ["426", "400", "403"][index]);
      assertEquals(backends.length, 1);
      await within(backends[0]!.end, 10_000, "The end of the connection to the server");
      // Had the proxy taken the refusal for a tunnel, this would go to the server as it is, past the proxy's rules.
      await peer.send(utf8("GET /smuggled HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"));
      await peer.readText();
      // The proxy may answer it by its own rules, as the request that it is: over a connection of its own.
      assertEquals(backends.length, 1 + requests.length, JSON.stringify(requests));
    }
  });

  test("T1: an idle connection is dropped by the proxy, and both ends get an error", async () => {
    const infos: CloseInfo[] = [];
    await using setup = await behind(program, { idleSeconds: 1, pingInterval: 0 }, async ({ closed }) => {
      infos.push(await closed);
    });
    const sockets = await Promise.all(setup.ways.map(({ open }) => open("/", { pingInterval: 0 })));
    for (const socket of sockets) assertLost(await ended(socket));
    await until(() => infos.length === 2, "The server's end");
    for (const info of infos) assertLost(info);
  });

  test("a server that pings more often than its timeout keeps a connection open", async () => {
    await using setup = await behind(program, { idleSeconds: 1, pingInterval: 200, pongTimeout: 200 });
    using peer = await RawPeer.connect(setup.proxy.port);
    // At least two seconds' worth: what is lost is lost before.
    for (let times = 0; times < 10; times++) {
      const { opcode, payload } = await peer.readFrame();
      assertEquals(opcode, Opcode.PING);
      await peer.send(frame(Opcode.PONG, payload));
    }
    await peer.send(text("still here"));
    await peer.expect(text("still here"));
  });

  test("a client that pings more often than its timeout keeps a connection open", async () => {
    await using setup = await behind(program, { idleSeconds: 1, pingInterval: 0 });
    const [{ open }] = setup.ways as [Way, Way];
    const kept = await open("/", { pingInterval: 200, pongTimeout: 200 });
    for (let times = 0; times < 2; times++) assertLost(await ended(await open("/", { pingInterval: 0 })));
    void kept.send("still here");
    assertEquals((await within(kept[Symbol.asyncIterator]().next(), 10_000, "A reply")).value, "still here");
    await kept.close();
  });

  test("if the server is gone, the client gets 502 or 503", async () => {
    await using setup = await behind(program);
    await setup.server.shutdown();
    const [{ open }] = setup.ways as [Way, Way];
    const { status } = await assertRejects(() => open("/"), HandshakeError);
    assert(status === 502 || status === 503, `${status}`);
  });
}
