import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { connect as connectTcp } from "node:net";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { serve } from "../../lib/server/serve.ts";
import { WebSocket } from "../../lib/ws/mod.ts";
import { NO_UNIX_SOCKETS, unless } from "../_support/needs.ts";
import { cert, key } from "../_support/tls.ts";
import { listen } from "../node/_support.ts";
import { differs, next, statement } from "./_support.ts";

const NEW = "new WebSocket";

statement(NEW, "the address is a string or a URL with the scheme ws, wss, http or https", async (play) => {
  await play.serve();
  for (const address of [`ws://127.0.0.1:${play.port}`, new URL(`http://127.0.0.1:${play.port}/x`)]) {
    const socket = new play.client.WebSocket(address);
    await next(socket, "open");
    assertEquals(socket.url?.slice(0, 5), "ws://");
    const ended = next(socket, "close");
    socket.close();
    await ended;
  }
});

statement(NEW, "an invalid address, or one with a fragment, throws a SyntaxError", ({ client: { WebSocket } }) => {
  for (const address of ["foo", "ftp://127.0.0.1", "ws://127.0.0.1#x"]) {
    assertThrows(() => new WebSocket(address), SyntaxError);
  }
});

statement(
  NEW,
  "subprotocols are a string, a list or an option; an invalid or a duplicate one throws a SyntaxError",
  async (play) => {
    await play.serve();
    for (const protocols of ["chat", ["chat"], { protocols: "chat" }, { protocols: ["chat"] }]) {
      const socket = play.connect("/", protocols);
      await next(socket, "open");
      assertEquals(socket.protocol, "chat");
    }
    for (const protocols of [["a", "a"], ["a b"], [""]]) assertThrows(() => play.connect("/", protocols), SyntaxError);
  },
);

statement(NEW, "followRedirects is false by default: a redirect is then an unexpected response", async (play) => {
  await play.serve();
  await using server = await listen(redirecting(`ws://127.0.0.1:${play.port}/there`));
  const socket = new play.client.WebSocket(`ws://127.0.0.1:${server.port}/`);
  const [error] = await next(socket, "error") as [Error];
  assertEquals(error.message, "Unexpected server response: 302");
});

statement(
  NEW,
  "followRedirects: true follows redirects, and emits `redirect` before each, to change header fields",
  async (play) => {
    const server = await play.serve();
    const connected = next(server, "connection");
    await using first = await listen(redirecting(`ws://127.0.0.1:${play.port}/there`));
    const socket = new play.client.WebSocket(`ws://127.0.0.1:${first.port}/`, [], {
      followRedirects: true,
      headers: { "X-Mine": "kept" },
    });
    socket.on("redirect", (url, request) => {
      assertEquals(url, `ws://127.0.0.1:${play.port}/there`);
      request.setHeader("X-Hop", "1");
    });
    await next(socket, "open");
    const [there, request] = await connected as [unknown, { url: string; headers: Record<string, string> }];
    assert(there !== undefined);
    assertEquals([request.url, request.headers["x-mine"], request.headers["x-hop"]], ["/there", "kept", "1"]);
    const ended = next(socket, "close");
    socket.close();
    await ended;
  },
);

statement(NEW, "maxRedirects: more redirects are an error", async (play) => {
  const server = createServer();
  await using listening = await listen(server);
  server.on("request", (_, response) => void response.writeHead(302, { Location: `/again` }).end());
  const socket = new play.client.WebSocket(`ws://127.0.0.1:${listening.port}/`, [], {
    followRedirects: true,
    maxRedirects: 2,
  });
  const [error] = await next(socket, "error") as [Error];
  assertEquals(error.message, "Maximum redirects exceeded");
  server.closeAllConnections();
});

statement(NEW, "handshakeTimeout: it is an error if the server does not respond in time", async (play) => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const socket = new play.client.WebSocket(`ws://127.0.0.1:${listener.addr.port}`, [], { handshakeTimeout: 50 });
  const closed = new Promise<unknown>((done) => socket.on("close", done));
  const [error] = await next(socket, "error");
  assert(error instanceof Error);
  assertEquals(await closed, 1006);
  (await accepted).close();
});

statement(NEW, "maxPayload limits the size of the server's messages", async (play) => {
  const { there, here } = await play.pair({ client: { maxPayload: 10 } });
  const ended = next(there, "close");
  const failed = next(here, "error");
  there.send("x".repeat(11));
  const [error] = await failed as [Error & { code: string }];
  assertEquals([error.code, (await ended)[0]], ["WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", 1009]);
});

statement(NEW, "origin, headers and auth set header fields of the request", async (play) => {
  const server = await play.serve({ verifyClient: () => true });
  const connected = next(server, "connection");
  await next(
    play.connect("/", [], { origin: "https://app.example", headers: { Cookie: ["a=1; b=2"] }, auth: "user:secret" }),
    "open",
  );
  const [, { headers }] = await connected as [unknown, { headers: Record<string, string> }];
  assertEquals([headers["origin"], headers["cookie"], headers["authorization"]], [
    "https://app.example",
    "a=1; b=2",
    `Basic ${btoa("user:secret")}`,
  ]);
});

statement(NEW, "perMessageDeflate is offered by default, and false offers nothing", async (play) => {
  const server = await play.serve({ perMessageDeflate: true });
  for (const [perMessageDeflate, expected] of [[undefined, "permessage-deflate"], [false, ""]] as const) {
    const connected = next(server, "connection");
    const socket = play.connect("/", [], perMessageDeflate === undefined ? {} : { perMessageDeflate });
    await next(socket, "open");
    await connected;
    assertEquals(socket.extensions, expected);
  }
});

statement(NEW, "protocolVersion: an unknown version throws a RangeError", ({ client: { WebSocket } }) => {
  assertThrows(() => new WebSocket("ws://127.0.0.1", [], { protocolVersion: 7 }), RangeError);
});
differs(
  NEW,
  "protocolVersion: 8 speaks the drafts before RFC 6455",
  "the client supports only 13; `./legacy` is for servers",
);

statement(NEW, "the TLS options ca and servername have their effect", async (play) => {
  const http = createTlsServer({ cert, key });
  const server = play.manage(new play.server.WebSocketServer({ server: http }));
  await using listening = await listen(http);
  const connected = next(server, "connection");
  const socket = new play.client.WebSocket(`wss://127.0.0.1:${listening.port}`, [], {
    ca: cert,
    servername: "localhost",
  });
  await next(socket, "open");
  await connected;
  const ended = next(socket, "close");
  socket.close();
  await ended;
});

statement(NEW, "createConnection opens the connection", async (play) => {
  const server = await play.serve();
  const connected = next(server, "connection");
  let asked = 0;
  const socket = play.connect("/", [], {
    createConnection: ({ host, port }) => {
      asked++;
      return connectTcp({ host, port });
    },
  });
  await next(socket, "open");
  await connected;
  assertEquals(asked, 1);
});

Deno.test({
  ...unless(NO_UNIX_SOCKETS, `${NEW}: ws+unix: is a Unix socket, with the path behind a colon`),
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      await using _server = serve({ path: `${folder}/socket` }, {
        open: (socket) => socket.send(socket.url),
      });
      const socket = new WebSocket(`ws+unix:${folder}/socket:/chat?room=1`);
      const [data] = await next(socket, "message");
      assertEquals(String(data), "ws://localhost/chat?room=1");
      socket.close();
      await next(socket, "close");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

statement(
  "Event: error",
  "if no server listens, the error has Node's code, and the socket closes with 1006",
  async (play) => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    const socket = new play.client.WebSocket(`ws://127.0.0.1:${port}`);
    const closed = new Promise<unknown>((done) => socket.on("close", done));
    const [error] = await next(socket, "error") as [Error & { code: string }];
    assertEquals([error.code, await closed, socket.readyState], ["ECONNREFUSED", 1006, 3]);
  },
);
differs(
  "Event: error",
  "an error without a listener is an uncaught exception",
  "the error ends that socket, which emits `close`; the process goes on",
);

statement(
  "Event: unexpected-response",
  "its listener gets the request and the response, can read the body, and ends the attempt",
  async (play) => {
    const http = createServer((_, response) => void response.writeHead(401, { "X-Why": "ticket" }).end("Ask first"));
    await using server = await listen(http);
    const socket = new play.client.WebSocket(`ws://127.0.0.1:${server.port}`);
    const [request, response] = await next(socket, "unexpected-response") as [
      { destroy(): void },
      AsyncIterable<Uint8Array> & { statusCode: number; headers: Record<string, string> },
    ];
    assertEquals([response.statusCode, response.headers["x-why"]], [401, "ticket"]);
    let body = "";
    for await (const chunk of response) body += new TextDecoder().decode(chunk);
    assertEquals([body, socket.readyState], ["Ask first", 0]);
    const closed = new Promise<unknown>((done) => socket.on("close", done));
    socket.on("error", () => {});
    socket.terminate();
    request.destroy();
    assertEquals(await closed, 1006);
    http.closeAllConnections();
  },
);

statement("Event: upgrade", "its listener gets the response with its header fields, before `open`", async (play) => {
  const server = await play.serve();
  server.on("headers", (lines) => void lines.push("X-Mine: 1"));
  const seen: unknown[] = [];
  const socket = play.connect();
  socket.on("upgrade", ({ statusCode, headers }) => void seen.push(statusCode, headers["x-mine"]));
  socket.on("open", () => void seen.push("open"));
  await next(socket, "open");
  assertEquals(seen, [101, "1", "open"]);
});

Deno.test("our rule: unsupported options throw at the call, with the alternative", () => {
  for (
    const [name, value] of [["agent", {}], ["finishRequest", () => {}], ["generateMask", () => {}], [
      "lookup",
      () => {},
    ]]
  ) {
    assertThrows(() => new WebSocket("ws://127.0.0.1", [], { [`${name}`]: value }), TypeError, `option ${name} of ws`);
  }
  assertThrows(
    () => new WebSocket("wss://127.0.0.1", [], { ["rejectUnauthorized" as string]: false }),
    TypeError,
    "with ca",
  );
});
differs(
  NEW,
  "agent and the other options of http.request() have their effect",
  "`agent` throws a TypeError that suggests `proxy`, `ca`, `cert`, `key` and `createConnection`; the others have no effect",
);
differs(NEW, "finishRequest changes the request before it is sent", "it throws a TypeError: set `headers` instead");
differs(
  NEW,
  "generateMask creates the masking keys",
  "it throws a TypeError, because keys must be random (RFC 6455 §5.3)",
);

/** A server that sends everybody elsewhere. */
function redirecting(location: string): ReturnType<typeof createServer> {
  return createServer((_, response) => {
    response.writeHead(302, { Location: location, Connection: "close" });
    response.end();
  });
}
