/**
 * HAProxy as a peer in both roles: it takes our client's HTTP/2 and speaks HTTP/1.1 to our server, and it takes HTTP/1.1 and
 * speaks HTTP/2 to our server.
 *
 * @module
 */
import { createServer } from "node:http2";
import { assertEquals, assertRejects } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import type { ConnectOptions } from "../../lib/client/client_options.ts";
import { HandshakeError } from "../../lib/errors.ts";
import { connectHttp2 } from "../../lib/http2/connect_http2.ts";
import { serveHttp2 } from "../../lib/http2/serve_http2.ts";
import type { WebSocketCallbacks } from "../../lib/connection/readers/callbacks.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import type { AcceptOptions } from "../../lib/server/server_options.ts";
import { serve } from "../../lib/server/serve.ts";
import { within } from "../_support/deadline.ts";
import { cert, key } from "../_support/tls.ts";
import { soon, until } from "../_support/wait.ts";
import { freePorts, listens } from "../integration/_program.ts";
import { playEcho } from "../_support/messages.ts";
import { unless, withoutProgram } from "../_support/needs.ts";
import { CLOSES, LOOPBACK } from "../integration/_support.ts";
import { listenHttp2 } from "./_support.ts";

const PATH = "/usr/sbin/haproxy";

/** Takes HTTP/2, over TLS and in cleartext, and passes it on in HTTP/1.1. */
const DOWN = `
frontend tls
  bind 127.0.0.1:\${PORT} ssl crt "\${FOLDER}/cert.pem" alpn h2
  default_backend server
frontend cleartext
  bind 127.0.0.1:\${PORT2} proto h2
  default_backend server
backend server
  server ours 127.0.0.1:\${SERVER}
`;

/** Takes HTTP/1.1, and passes it on over HTTP/2. */
const UP = `
frontend cleartext
  bind 127.0.0.1:\${PORT}
  bind 127.0.0.1:\${PORT2}
  default_backend server
backend server
  server ours 127.0.0.1:\${SERVER} proto h2 ws h2
`;

/** Starts HAProxy in front of a server. */
async function start(config: string, server: number): Promise<{ port: number; port2: number } & AsyncDisposable> {
  const folder = await Deno.makeTempDir({ prefix: "haproxy-" });
  const [port = 0, port2 = 0] = freePorts(2);
  const times = ["connect", "client", "server", "tunnel"].map((what) => `  timeout ${what} 60s\n`);
  await Deno.writeTextFile(`${folder}/cert.pem`, cert + key);
  await Deno.writeTextFile(`${folder}/haproxy.cfg`, `defaults\n  mode http\n${times.join("")}${config}`);
  const child = new Deno.Command(PATH, {
    args: ["-db", "-f", `${folder}/haproxy.cfg`],
    env: { FOLDER: folder, PORT: String(port), PORT2: String(port2), SERVER: String(server) },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const said = new Response(child.stderr).text();
  let ended = false;
  const status = child.status.then(() => ended = true);
  const stop = async () => {
    if (!ended) child.kill("SIGTERM");
    await within(status, 10_000, "The end of HAProxy");
    await said;
    await Deno.remove(folder, { recursive: true });
  };
  try {
    for (const each of [port, port2]) await listens(each, () => ended);
  } catch (error) {
    await stop();
    throw new Error(`HAProxy did not start: ${await said}`, { cause: error });
  }
  return { port, port2, [Symbol.asyncDispose]: stop };
}

/** An application, and what it saw. */
function application() {
  const requests: string[] = [];
  const ends: unknown[] = [];
  const options: AcceptOptions = {
    perMessageDeflate: true,
    protocols: ["echo"],
    upgrade({ method, path, origin }) {
      requests.push(`${method} ${path} ${origin}`);
      if (path === "/no") return new Response("Members only\n", { status: 403, headers: { "X-Why": "no ticket" } });
    },
  };
  const handler: WebSocketCallbacks = {
    open(socket) {
      const { code, reason } = CLOSES[Number(new URL(socket.url).searchParams.get("close") ?? NaN)] ?? { code: 0 };
      if (code !== 0) void socket.close(code, reason);
    },
    message: (socket, data) => socket.send(data),
    close: (_, { closeCode, reason, wasClean }) => void ends.push({ closeCode, reason, wasClean }),
  };
  return { requests, ends, options, handler };
}

/** What holds whichever side speaks HTTP/2. */
async function playAll(
  open: (target: string, options?: ConnectOptions) => Promise<WebSocketConnection>,
  { requests, ends }: ReturnType<typeof application>,
  method: string,
): Promise<void> {
  const socket = await open("/chat", {
    protocols: ["other", "echo"],
    perMessageDeflate: true,
    headers: { Origin: "null" },
  })
    .catch((error) => error);
  assertEquals(socket.status, 403, "an origin that is not the host's");
  const echo = await open("/chat", { protocols: ["other", "echo"], perMessageDeflate: true });
  assertEquals([echo.protocol, echo.extensions.split(";")[0]], ["echo", "permessage-deflate"]);
  await playEcho(echo);
  const error = await assertRejects(() => open("/no"), HandshakeError);
  assertEquals([error.status, error.headers.get("x-why")], [403, "no ticket"]);
  assertEquals(new TextDecoder().decode(error.body), "Members only\n");
  assertEquals(requests, [`${method} /chat undefined`, `${method} /no undefined`]);

  await until(() => ends.length === 1, "The server's end");
  for (const [index, { code = 1000, reason = "" }] of CLOSES.entries()) {
    ends.length = 0;
    const info = { closeCode: code, reason, wasClean: true };
    const ours = await open("/");
    assertEquals((await soon(ours.close(code, reason), "The end")).wasClean, true);
    await until(() => ends.length === 1, "The server's end");
    assertEquals(ends, [info]);
    assertEquals(await soon((await open(`/?close=${index}`)).closed, "The end"), info);
  }
}

function test(title: string, fn: () => Promise<void>): void {
  Deno.test({ ...unless(withoutProgram(PATH), title), fn });
}

test("our client speaks HTTP/2 to HAProxy, over TLS and in cleartext, with many sockets over one connection", async () => {
  const app = application();
  await using server = serve({ ...LOOPBACK, ...app.options }, app.handler);
  await using proxy = await start(DOWN, Number(new URL(server.url).port));
  for (const url of [`https://localhost:${proxy.port}`, `http://127.0.0.1:${proxy.port2}`]) {
    await using session = await soon(connectHttp2(url, { caCerts: [cert] }), "The session");
    app.requests.length = app.ends.length = 0;
    await playAll((target, options) => session.connect(target, options), app, "GET");
    await Promise.all(Array.from({ length: 5 }, async (_, n) => await playEcho(await session.connect(`/${n}`))));
  }
});

test("our server speaks HTTP/2 with HAProxy, which forwards clients of HTTP/1.1", async () => {
  const app = application();
  const server = createServer();
  const upgrades = serveHttp2(server, app.options, app.handler);
  const listening = await listenHttp2(server);
  {
    await using proxy = await start(UP, listening.port);
    await playAll((target, options) => connect(`ws://127.0.0.1:${proxy.port}${target}`, options), app, "CONNECT");
    await Promise.all(
      Array.from({ length: 5 }, async (_, n) => await playEcho(await connect(`ws://127.0.0.1:${proxy.port}/${n}`))),
    );
  }
  await soon(upgrades.shutdown(), "The shutdown");
  await listening[Symbol.asyncDispose]();
});
