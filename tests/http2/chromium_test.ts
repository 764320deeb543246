/**
 * WebSockets over HTTP/2 with Chromium, over TLS. It takes HTTP/2 where a session with the server is open already and the server
 * has said that it takes extended CONNECT: so for a page of the server itself. Else it opens a connection in HTTP/1.1.
 *
 * @module
 */
import { createSecureServer, type Http2Session, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { assertEquals } from "@std/assert";
import { serveHttp2 } from "../../lib/http2/serve_http2.ts";
import { serveNode } from "../../lib/node/serve_node.ts";
import { serve } from "../../lib/server/serve.ts";
import type { GroupOptions } from "../../lib/server/server_options.ts";
import type { WebSocketHandler } from "../../lib/connection/readers/callbacks.ts";
import { type Browser, launch, NO_CHROMIUM } from "../_support/chromium.ts";
import { unless } from "../_support/needs.ts";
import { cert, key } from "../_support/tls.ts";
import { soon, until } from "../_support/wait.ts";
import { LOOPBACK, urlOf } from "../integration/_support.ts";
import { listenHttp2, type ListeningHttp2 } from "./_support.ts";

const PAGE = "<!doctype html><title>HTTP/2</title>";
const HTML = { "Content-Type": "text/html; charset=utf-8" };

/** A server for browsers of either version that notes which one each WebSocket came with, and over which session. */
async function site(): Promise<
  ListeningHttp2 & {
    readonly seen: string[];
    readonly over: Set<Http2Session | undefined>;
    readonly ends: unknown[];
  }
> {
  const seen: string[] = [];
  const over = new Set<Http2Session | undefined>();
  const ends: unknown[] = [];
  const server = createSecureServer({ cert, key, allowHTTP1: true }, (_, response) => {
    response.writeHead(200, HTML).end(PAGE);
  });
  server.on("stream", ({ session }: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    if (headers[":protocol"] === "websocket") over.add(session);
  });
  const options: GroupOptions = {
    perMessageDeflate: true,
    protocols: ["echo"],
    origins: "any",
    upgrade: ({ method, path, headers }) => void seen.push(`${method} ${path} ${headers.get("cookie") ?? ""}`.trim()),
  };
  const echo: WebSocketHandler = {
    message: (socket, data) => data === "close" ? void socket.close(4002, "as you wish") : socket.send(data),
    close: (_, { closeCode, wasClean }) => void ends.push([closeCode, wasClean]),
  };
  const groups = [serveHttp2(server, options, echo), serveNode(server, options, echo)];
  const { [Symbol.asyncDispose]: stop, ...listening } = await listenHttp2(server);
  return {
    ...listening,
    seen,
    over,
    ends,
    async [Symbol.asyncDispose]() {
      await soon(Promise.all(groups.map((group) => group.shutdown())), "The shutdown");
      for (const session of listening.sessions) session.close();
      await stop();
    },
  };
}

/** In the page: what is agreed on, whether everything comes back, and how it ends, for several sockets at once. */
const play = (paths: string[]) =>
  `Promise.all(${JSON.stringify(paths)}.map((path) => new Promise((resolve, reject) => {
    const socket = new WebSocket(new URL(path, location.href).href.replace("http", "ws"), ["echo"]);
    socket.binaryType = "arraybuffer";
    const messages = ["", "héllo", "x".repeat(300_000), crypto.getRandomValues(new Uint8Array(65_536)), "close"];
    const answers = [];
    socket.onopen = () => messages.forEach((message) => socket.send(message));
    socket.onerror = () => reject(new Error("error on " + path));
    socket.onmessage = ({ data }) => answers.push(data);
    socket.onclose = ({ code, reason, wasClean }) => resolve({
      protocol: socket.protocol,
      deflated: socket.extensions.startsWith("permessage-deflate"),
      same: answers.map((answer, i) => typeof answer === "string"
        ? answer === messages[i]
        : new Uint8Array(answer).every((byte, at) => byte === messages[i][at])),
      code, reason, wasClean,
    });
  })))`;

const PLAYED = {
  protocol: "echo",
  deflated: true,
  same: [true, true, true, true],
  code: 4002,
  reason: "as you wish",
  wasClean: true,
};

function test(
  title: string,
  play: (browser: Browser, server: Awaited<ReturnType<typeof site>>) => Promise<void>,
): void {
  Deno.test({
    ...unless(NO_CHROMIUM, title),
    async fn() {
      await using server = await site();
      await using browser = await launch(["--ignore-certificate-errors"]);
      await play(browser, server);
    },
  });
}

test("Chromium opens several sockets over one HTTP/2 session, beside the page itself", async (browser, server) => {
  const page = await browser.open(`https://localhost:${server.port}/`);
  await page.evaluate(`document.cookie = "a=1"; document.cookie = "b=2"`);
  assertEquals(await page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol"), "h2");
  assertEquals(await page.evaluate(play(["/1", "/2", "/3"])), [PLAYED, PLAYED, PLAYED]);
  assertEquals(server.seen.sort(), [1, 2, 3].map((n) => `CONNECT /${n} a=1; b=2`));
  assertEquals(server.over.size, 1);
  await until(() => server.ends.length === 3, "The server's ends");
  assertEquals(server.ends, [[4002, true], [4002, true], [4002, true]]);
});

test("Chromium is served over HTTP/1.1 on the same port if no session is open", async (browser, server) => {
  // Chromium lets only pages from the loopback interface connect to it, and trusts a certificate that it was shown for a page.
  await using elsewhere = serve(
    { ...LOOPBACK, cert, key, http: () => new Response(PAGE, { headers: HTML }) },
    () => {},
  );
  const page = await browser.open(urlOf(elsewhere.addr, "https").replace("127.0.0.1", "localhost"));
  const url = `https://localhost:${server.port}`;
  assertEquals(await page.evaluate(play([`${url}/1`, `${url}/2`])), [PLAYED, PLAYED]);
  assertEquals([server.seen.sort(), server.over.size], [["GET /1", "GET /2"], 0]);
});

test("a closed page in Chromium ends its sockets, and the session goes on", async (browser, server) => {
  const page = await browser.open(`https://localhost:${server.port}/`);
  await page.evaluate(`new Promise((resolve) => {
    globalThis.socket = new WebSocket(location.href.replace("http", "ws"));
    socket.onopen = resolve;
  })`);
  await page.call("Page.close");
  await until(() => server.ends.length === 1, "The end of the socket");
  // Other than over HTTP/1.1, where it is 1001: Chromium resets the stream before the close frame has left.
  assertEquals([server.seen, server.ends], [["CONNECT /"], [[1006, false]]]);
});
