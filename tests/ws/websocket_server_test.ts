import { createServer } from "node:http";
import { assert, assertEquals, assertMatch, assertStrictEquals, assertThrows } from "@std/assert";
import { ORIGIN_REFUSED, overlook } from "../_support/printed.ts";
import { RawPeer, requestText } from "../_support/raw_peer.ts";
import { differs, next, ourStatement, statement } from "./_support.ts";

overlook(ORIGIN_REFUSED);

const NEW = "new WebSocketServer";

statement(NEW, "exactly one of port, server and noServer must be given", ({ server: { WebSocketServer } }) => {
  assertThrows(() => new WebSocketServer({}), TypeError, "One and only one");
  assertThrows(() => new WebSocketServer({ port: 0, noServer: true }), TypeError, "One and only one");
  assertThrows(() => new WebSocketServer({ server: createServer(), noServer: true }), TypeError, "One and only one");
});

statement(NEW, "with port it listens, and then calls the callback", async (play) => {
  const listening = Promise.withResolvers<void>();
  const server = play.manage(new play.server.WebSocketServer({ port: 0, host: "127.0.0.1" }, listening.resolve));
  await listening.promise;
  assert(typeof server.address() === "object");
});

statement(NEW, "an ordinary request to its port gets the response 426", async (play) => {
  await play.servePort();
  const response = await fetch(`http://127.0.0.1:${play.port}/`);
  await response.body?.cancel();
  assertEquals(response.status, 426);
});

statement(
  NEW,
  "with server it handles the upgrades of an HTTP server that the application starts",
  async (play) => {
    const server = await play.serveHttp((http) => ({ server: http }));
    const connected = next(server, "connection");
    const socket = play.connect();
    await next(socket, "open");
    await connected;
  },
);

statement(NEW, "with noServer several servers can share one HTTP server", async (play) => {
  const news = play.manage(new play.server.WebSocketServer({ noServer: true }));
  const chat = await play.serveNone({}, (server, request, socket, head) => {
    const target = request.url === "/news" ? news : server;
    target.handleUpgrade(request, socket, head, (client) => {
      target.emit("connection", client, request);
      client.send(target === news ? "news" : "chat");
    });
  });
  assert(chat !== news);
  for (const path of ["/news", "/chat"]) {
    const socket = play.connect(path);
    const [data] = await next(socket, "message");
    assertEquals(`/${data}`, path);
  }
});

statement(NEW, "path: other paths are refused with 400; the query is ignored", async (play) => {
  await play.serve({ path: "/chat" });
  await next(play.connect("/chat?room=1"), "open");
  const [, response] = await next(play.connect("/news"), "unexpected-response") as [unknown, { statusCode: number }];
  assertEquals(response.statusCode, 400);
});

statement(NEW, "maxPayload: a larger message closes the connection with 1009", async (play) => {
  const { there, here } = await play.pair({ server: { maxPayload: 10 } });
  const failed = next(there, "error");
  here.send("x".repeat(11));
  const [code] = await next(here, "close");
  assertEquals(code, 1009);
  const [error] = await failed as [Error & { code: string }];
  assertEquals(error.code, "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH");
});

statement(NEW, "maxFragments: a message of more fragments closes the connection with 1008", async (play) => {
  const { there, here } = await play.pair({ server: { maxFragments: 2 } });
  const failed = next(there, "error");
  for (const fin of [false, false, true]) here.send("x", { fin });
  const [code] = await next(here, "close");
  assertEquals(code, 1008);
  const [error] = await failed as [Error & { code: string }];
  assertEquals(error.code, "WS_ERR_TOO_MANY_BUFFERED_PARTS");
});

statement(NEW, "clientTracking: false omits `clients`", async (play) => {
  assertEquals((await play.serve({ clientTracking: false })).clients, undefined);
});

statement(NEW, "verifyClient with one parameter returns whether the handshake is accepted", async (play) => {
  const seen: unknown[] = [];
  await play.serve({
    verifyClient: ({ origin, secure, req }) => {
      seen.push([origin, secure, req.url]);
      return req.url === "/in";
    },
  });
  await next(play.connect("/in", [], { origin: "https://elsewhere.example" }), "open");
  const [error] = await next(play.connect("/out"), "error") as [Error];
  assertEquals(error.message, "Unexpected server response: 401");
  assertEquals(seen, [["https://elsewhere.example", false, "/in"], [undefined, false, "/out"]]);
});

statement(
  NEW,
  "verifyClient with two parameters calls its callback with the result, a status, a text and header fields",
  async (play) => {
    await play.serve({
      verifyClient({ req }, answer) {
        if (req.url === "/in") setTimeout(() => answer(true), 0);
        else answer(false, 503, "Come back", { "Retry-After": 120 });
      },
    });
    await next(play.connect("/in"), "open");
    const socket = play.connect("/out");
    const [, response] = await next(socket, "unexpected-response") as [
      unknown,
      AsyncIterable<Uint8Array> & { statusCode: number; headers: Record<string, string> },
    ];
    assertEquals([response.statusCode, response.headers["retry-after"]], [503, "120"]);
    let body = "";
    for await (const chunk of response) body += new TextDecoder().decode(chunk);
    assertEquals(body, "Come back");
  },
);

statement(
  NEW,
  "handleProtocols gets the subprotocols as a Set, and the request; it returns the subprotocol to use",
  async (play) => {
    await play.serve({
      handleProtocols(protocols, request) {
        assert(protocols instanceof Set);
        return request.url === "/none" ? false : [...protocols].at(-1)!;
      },
    });
    const socket = play.connect("/", ["one", "two"]);
    await next(socket, "open");
    assertEquals(socket.protocol, "two");
  },
);

statement(NEW, "without handleProtocols the client's first subprotocol is used", async (play) => {
  const server = await play.serve();
  const connected = next(server, "connection");
  const socket = play.connect("/", ["one", "two"]);
  await next(socket, "open");
  const [there] = await connected as [{ protocol: string }];
  assertEquals([socket.protocol, there.protocol], ["one", "one"]);
});

statement(NEW, "perMessageDeflate is off by default on a server", async (play) => {
  const { there, here } = await play.pair();
  assertEquals([there.extensions, here.extensions], ["", ""]);
});

statement(NEW, "perMessageDeflate: true or an object enables compression", async (play) => {
  const { there, here } = await play.pair({
    server: { perMessageDeflate: { threshold: 0, serverNoContextTakeover: true, zlibDeflateOptions: { level: 6 } } },
  });
  assertEquals([there.extensions, here.extensions], ["permessage-deflate", "permessage-deflate"]);
  there.send("ha".repeat(1_000));
  const [data] = await next(here, "message");
  assertEquals(String(data), "ha".repeat(1_000));
});

statement(NEW, "autoPong: false lets the application answer pings", async (play) => {
  const { there, here } = await play.pair({ server: { autoPong: false } });
  there.on("ping", () => there.pong("mine"));
  here.ping("theirs");
  const [data] = await next(here, "pong");
  assertEquals(String(data), "mine");
});

statement(NEW, "allowSynchronousEvents: false emits one message per turn of the event loop", async (play) => {
  const { there, here } = await play.pair({ server: { allowSynchronousEvents: false } });
  const turns: number[] = [];
  let turn = 0;
  const three = new Promise<void>((done) =>
    there.on("message", () => {
      turns.push(turn);
      queueMicrotask(() => queueMicrotask(() => turn++)); // it runs before the next turn
      if (turns.length === 3) done();
    })
  );
  for (const text of ["one", "two", "three"]) here.send(text);
  await three;
  assertEquals(turns, [0, 1, 2]);
});

statement(NEW, "WebSocket: a class that extends WebSocket can be the class of its sockets", async (play) => {
  class Mine extends play.server.WebSocket {}
  const { there } = await play.pair({ server: { WebSocket: Mine } });
  assert(there instanceof Mine);
});

statement("Event: close", "it is emitted when every connection has ended", async (play) => {
  const { server, here } = await play.pair();
  const seen: string[] = [];
  here.on("close", () => seen.push("socket"));
  const closed = new Promise<void>((done) => server.on("close", () => done()));
  server.close();
  await Promise.resolve();
  assertEquals(here.readyState, 1); // connections are not closed
  here.close();
  await closed;
  assertEquals(seen.length <= 1, true);
});

statement("Event: connection", "its listener gets the socket and the request, with its header fields", async (play) => {
  const server = await play.serve();
  const connected = next(server, "connection");
  await next(play.connect("/chat?room=1", [], { headers: { Cookie: "a=b", "X-Mine": "1" } }), "open");
  const [socket, request] = await connected as [
    { readyState: number },
    { method: string; url: string; headers: Record<string, string>; socket: { remoteAddress: string } },
  ];
  assertEquals(socket.readyState, 1);
  const { method, url, headers } = request;
  assertEquals([method, url, headers["cookie"], headers["x-mine"]], ["GET", "/chat?room=1", "a=b", "1"]);
  assertMatch(request.socket.remoteAddress, /127\.0\.0\.1$/);
});

statement("Event: error", "it is emitted if the port is taken", async (play) => {
  const taken = await play.serve();
  assert(taken !== undefined);
  const server = play.manage(new play.server.WebSocketServer({ port: play.port, host: "127.0.0.1" }));
  const [error] = await next(server, "error") as [Error & { code: string }];
  assertEquals(error.code, "EADDRINUSE");
});

statement(
  "Event: headers",
  "lines that a listener adds to the list become header fields of the response",
  async (play) => {
    const server = await play.serve();
    server.on("headers", (lines, request) => {
      assertEquals([lines[0], request.url], ["HTTP/1.1 101 Switching Protocols", "/"]);
      lines.push("Set-Cookie: session=1", "X-Mine: 2");
    });
    const socket = play.connect();
    const opened = next(socket, "open");
    const [response] = await next(socket, "upgrade") as [{ headers: Record<string, unknown> }];
    assertEquals([response.headers["set-cookie"], response.headers["x-mine"]], [["session=1"], "2"]);
    await opened;
  },
);

statement("Event: listening", "it is emitted when the server is bound", async (play) => {
  const server = play.manage(new play.server.WebSocketServer({ port: 0, host: "127.0.0.1" }));
  await next(server, "listening");
});

statement(
  "Event: wsClientError",
  "its listener gets the error, the socket and the request of a bad handshake, and responds",
  async (play) => {
    const server = await play.serveHttp((http) => ({ server: http }));
    server.on("wsClientError", (error, socket, request) => {
      assertEquals([error.message, request?.url], ["Missing or invalid Sec-WebSocket-Key header", "/chat?x=1"]);
      assert("end" in socket);
      const answer: { end(text: string): unknown } = socket;
      answer.end("HTTP/1.1 418 Teapot\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    });
    using peer = await RawPeer.dial(play.port);
    await peer.send(new TextEncoder().encode(requestText({ "Sec-WebSocket-Key": "short" })));
    await peer.expectStatus(418);
  },
);

ourStatement("Event: wsClientError", "on a port of its own the answer has been given when it comes", async (play) => {
  const server = await play.servePort();
  const failed = next(server, "wsClientError");
  using peer = await RawPeer.dial(play.port);
  await peer.send(new TextEncoder().encode(requestText({ "Sec-WebSocket-Key": "short" })));
  const [error] = await failed as [Error];
  assertMatch(error.message, /Sec-WebSocket-Key/);
});
differs(
  "Event: wsClientError",
  "the listener responds to a bad handshake on the server's own port",
  "in Deno the server has responded already; the event's socket has only addresses",
);

statement("server.address()", "it returns the port, the family and the address", async (play) => {
  const server = play.manage(new play.server.WebSocketServer({ port: 0, host: "127.0.0.1" }));
  await next(server, "listening");
  const address = server.address();
  assert(typeof address === "object" && address !== null);
  assertEquals([typeof address.port, address.family, address.address], ["number", "IPv4", "127.0.0.1"]);
});

statement("server.address()", "it throws with noServer", (play) => {
  const server = play.manage(new play.server.WebSocketServer({ noServer: true }));
  assertThrows(() => server.address(), Error, "noServer");
});

statement("server.clients", "it is the Set of the open sockets", async (play) => {
  const { server, there, here } = await play.pair();
  assert(server.clients instanceof Set);
  assertEquals([...server.clients], [there]);
  const closed = next(there, "close");
  here.close();
  await closed;
  assertEquals(server.clients.size, 0);
});

statement("server.close()", "the server accepts no more clients", async (play) => {
  const server = await play.servePort();
  server.close();
  const [error] = await next(play.connect(), "error");
  assert(error instanceof Error);
});

statement("server.close()", "existing connections are not closed", async (play) => {
  const { server, there, here } = await play.pair();
  server.close();
  there.send("still here");
  const [data] = await next(here, "message");
  assertEquals(String(data), "still here");
});

statement("server.close()", "the callback gets an error if the server was closed before", async (play) => {
  const server = await play.serve();
  assertEquals(await new Promise((closed) => server.close(closed)), undefined);
  assert(await new Promise((closed) => server.close(closed)) instanceof Error);
});

statement(
  "server.close()",
  "with noServer and without tracking, `close` is emitted soon after the call, but not during it",
  async (play) => {
    const server = play.manage(new play.server.WebSocketServer({ noServer: true, clientTracking: false }));
    let called = false;
    const closed = new Promise<void>((done) =>
      server.close(() => {
        called = true;
        done();
      })
    );
    assertEquals(called, false);
    await closed;
  },
);

statement("server.handleUpgrade()", "the callback gets the socket and the request", async (play) => {
  const done = Promise.withResolvers<void>();
  await play.serveNone({}, (server, request, socket, head) => {
    server.handleUpgrade(request, socket, head, (client, given) => {
      assertStrictEquals(given, request);
      server.emit("connection", client, request);
      client.send("hello");
      done.resolve();
    });
  });
  const [data] = await next(play.connect(), "message");
  assertEquals(String(data), "hello");
  await done.promise;
});

ourStatement("server.handleUpgrade()", "the same socket twice is a mistake that throws at the call", async (play) => {
  const thrown = Promise.withResolvers<unknown>();
  await play.serveNone({}, (server, request, socket, head) => {
    server.handleUpgrade(request, socket, head, (client) => void server.emit("connection", client, request));
    try {
      server.handleUpgrade(request, socket, head, () => {});
    } catch (error) {
      thrown.resolve(error);
    }
  });
  await next(play.connect(), "open");
  assertMatch(String(await thrown.promise), /more than once with the same socket/);
});

differs(
  "server.handleUpgrade()",
  "the callback is called before handleUpgrade returns, unless verifyClient is asynchronous",
  "it is called a few microtasks later, because Sluice's handshake is asynchronous",
);

statement("server.shouldHandle()", "it can be overridden, and false refuses with 400", async (play) => {
  class Mine extends play.server.WebSocketServer {
    override shouldHandle({ url }: { url?: string }): boolean {
      return url === "/mine";
    }
  }
  await play.servePort({}, Mine);
  await next(play.connect("/mine"), "open");
  const [error] = await next(play.connect("/other"), "error") as [Error];
  assertEquals(error.message, "Unexpected server response: 400");
});

ourStatement(
  "our rule",
  "pages of other origins are refused with 403, unless origins or verifyClient lets them in",
  async (play) => {
    const outcome = async () => {
      const socket = play.connect("/", [], { origin: "https://elsewhere.example" });
      return await new Promise<string>((done) => {
        socket.on("open", () => done("open"));
        socket.on("error", ({ message }) => done(message));
      });
    };
    await play.serve();
    assertEquals(await outcome(), "Unexpected server response: 403");
    await play.serve({ origins: ["https://elsewhere.example"] });
    assertEquals(await outcome(), "open");
    await play.serve({ verifyClient: () => true });
    assertEquals(await outcome(), "open");
  },
);
differs(
  NEW,
  "without verifyClient every handshake is accepted",
  "a page from another origin is refused with 403; `origins` allows it, and if there is a `verifyClient`, it alone decides",
);
differs(
  NEW,
  "backlog limits the queue of pending connections",
  "it has no effect in Deno, because `Deno.listen` has no such option",
);
differs(
  NEW,
  "skipUTF8Validation omits the check for UTF-8",
  "it has no effect: text that is not UTF-8 always fails the connection",
);
differs(NEW, "maxBufferedChunks limits buffered chunks", "it has no effect: incomplete data is kept in one buffer");
differs(
  NEW,
  "concurrencyLimit limits concurrent calls of zlib",
  "it has no effect: zlib runs synchronously while a message is read or sent",
);
