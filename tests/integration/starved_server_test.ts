import { assertEquals, assertMatch } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import { deflateFrame } from "../../lib/extensions/deflate_frame.ts";
import type { ByteConnection } from "../../lib/transport/transport.ts";
import { keepPrinted } from "../_support/child.ts";
import { utf8 } from "../_support/frames.ts";
import { unless } from "../_support/needs.ts";
import { RawPeer } from "../_support/raw_peer.ts";
import { cert } from "../_support/tls.ts";
import { soon, until } from "../_support/wait.ts";

const NO_PROC = Deno.build.os === "linux" ? undefined : "it needs ulimit and /proc";

/** A server in a process of its own that may have few files open. */
async function starved(kind: string) {
  const deno = `exec '${Deno.execPath()}' run --no-check --allow-all tests/integration/_starved_server.ts ${kind}`;
  const child = new Deno.Command("bash", {
    args: ["-c", `ulimit -n 100; ${deno}`],
    cwd: new URL("../..", import.meta.url),
    env: { DENO_NO_UPDATE_CHECK: "1", NODE_EXTRA_CA_CERTS: "" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = keepPrinted(child.stderr);
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const input = child.stdin.getWriter();
  let printed = "";
  const said = async (pattern: RegExp) => {
    for (;;) {
      const match = pattern.exec(printed);
      if (match !== null) return match[1] ?? "";
      const { value, done } = await soon(output.read(), `What matches ${pattern}`, 20_000);
      if (done) throw new Error(`The server ended without ${pattern}: ${printed}\n${errors.text}`);
      printed += value;
    }
  };
  const port = Number(await said(/port (\d+)/));
  return {
    connect: () => Deno.connect({ hostname: "127.0.0.1", port }),
    async starve() {
      await input.write(utf8("starve\n"));
      await said(/starved/);
    },
    /** Waits until the server cannot accept another connection, and has printed that. */
    async refuse() {
      using _waiting = await Deno.connect({ hostname: "127.0.0.1", port });
      await until(() => /os error 24/.test(errors.text), "The error of accept");
    },
    async feed() {
      await input.write(utf8("feed\n"));
      await said(/fed/);
    },
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        await errors.end;
        throw new Error(`The server ended: ${errors.text}`);
      }
      await child.status;
      await input.close().catch(() => {});
      while (!(await output.read()).done);
      await errors.end;
    },
  };
}

/** Asks for a page, and gives the status. */
async function get(conn: ByteConnection, path: string): Promise<string> {
  using peer = new RawPeer(conn, "client");
  await peer.send(utf8(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`));
  return /^HTTP\/1.1 (\d+)/.exec(await peer.readText())?.[1] ?? "";
}

/** Opens a WebSocket over a connection, and waits for an echo. */
async function echoes(conn: ByteConnection, options: Parameters<typeof connect>[1] = {}, url = "ws://localhost/") {
  const socket = await connect(url, { conn, ...options });
  const text = "hello ".repeat(100);
  await socket.send(text);
  for await (const message of socket) {
    assertEquals(message, text);
    break;
  }
  await socket.close();
  return socket.extensions;
}

const HIXIE_76 = [
  "GET / HTTP/1.1",
  "Host: localhost",
  "Connection: Upgrade",
  "Upgrade: WebSocket",
  "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5",
  "Sec-WebSocket-Key2: 12998 5 Y3 1  .P00",
  "Origin: http://localhost",
  "",
  "^n:ds[4U",
].join("\r\n");

type Starved = Awaited<ReturnType<typeof starved>>;

/** What a client does over the connection that it has, by the kind of the server. */
const FIRST: Record<string, (conn: Deno.TcpConn, round: "starved" | "fed", server: Starved) => Promise<unknown>> = {
  plain: async (conn) => assertEquals(await get(conn, "/"), "426"),
  http: async (conn) => assertEquals(await get(conn, "/"), "200"),
  async deflate(conn) {
    assertMatch(await echoes(conn, { perMessageDeflate: true }), /permessage-deflate/);
  },
  async "deflate-frame"(conn) {
    assertMatch(await echoes(conn, { extensions: [deflateFrame()] }), /deflate-frame/);
  },
  async legacy(conn) {
    using peer = new RawPeer(conn, "client");
    await peer.send(utf8(HIXIE_76));
    assertMatch(await peer.readHead(), /^HTTP\/1.1 101/);
  },
  async tls(conn) {
    const tls = await Deno.startTls(conn, { hostname: "localhost", caCerts: [cert] });
    await echoes(tls, {}, "wss://localhost/");
  },
  async node(conn) {
    assertMatch(await echoes(conn, { perMessageDeflate: true }), /permessage-deflate/);
  },
  async http2(conn) {
    using peer = new RawPeer(conn, "client");
    await peer.send(utf8("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Uint8Array.of(0, 0, 0, 4, 0, 0, 0, 0, 0));
    assertEquals((await peer.readBytes(9))[3], 4, "RFC 9113 §6.5: SETTINGS come first");
  },
  async throwing(conn, round, server) {
    if (round === "starved") await server.refuse();
    const socket = await connect("ws://localhost/", { conn });
    await socket.send("a message");
    assertEquals((await socket.closed).closeCode, 1011);
  },
  async dialing(conn, round) {
    const socket = await connect("ws://localhost/", { conn });
    await socket.send("a message");
    for await (const message of socket) {
      assertMatch(String(message), /Cannot connect to 127.0.0.1:1/, round);
      break;
    }
    await socket.close();
  },
  standalone: async (conn, round) =>
    assertEquals(await get(conn, "/site_test.ts"), round === "starved" ? "503" : "200"),
};

for (const [kind, first] of Object.entries(FIRST)) {
  Deno.test({
    ...unless(NO_PROC, `a server without a free file descriptor survives the first request of its process: ${kind}`),
    async fn() {
      await using server = await starved(kind);
      const conn = await server.connect();
      await server.starve();
      await soon(first(conn, "starved", server), "The answer", 10_000);
      await server.feed();
      await soon(first(await server.connect(), "fed", server), "The answer", 10_000);
    },
  });
}
