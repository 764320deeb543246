import { createSecureServer } from "node:http2";
import { createServer as createTcpServer } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { ConnectionError, HandshakeError } from "../../lib/errors.ts";
import { connectHttp2 } from "../../lib/http2/connect_http2.ts";
import { cert, clientCa, clientCert, clientKey, key } from "../_support/tls.ts";
import { soon } from "../_support/wait.ts";
import { listen } from "../node/_support.ts";
import { answering, listenHttp2 } from "./_support.ts";

Deno.test("the error for a server without extended CONNECT differs from the one for a missing server", async () => {
  await using plain = await answering(() => {}, { enableConnectProtocol: false });
  const error = await assertRejects(() => connectHttp2(plain.url), HandshakeError, "SETTINGS_ENABLE_CONNECT_PROTOCOL");
  assertEquals(error.status, 0);
  const http1 = createTcpServer((socket) =>
    socket.on("error", () => {}).once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"))
  );
  const silent = createTcpServer((socket) => void socket.on("error", () => {}).resume());
  {
    await using there = await listen(http1);
    const url = `http://127.0.0.1:${there.port}`;
    await assertRejects(() => connectHttp2(url), ConnectionError, "over HTTP/2");
    await there[Symbol.asyncDispose]();
    assertInstanceOf((await assertRejects(() => connectHttp2(url), ConnectionError)).cause, Error);
  }
  await using there = await listen(silent);
  const url = `http://127.0.0.1:${there.port}`;
  await assertRejects(() => connectHttp2(url, { handshakeTimeout: 50 }), ConnectionError, "more than 50 ms");
  const reason = new Error("Enough");
  assertEquals(await assertRejects(() => connectHttp2(url, { signal: AbortSignal.abort(reason) }), Error), reason);
});

Deno.test("over TLS the server must choose h2, its certificate must be trusted, and the client's is sent on request", async () => {
  for (const options of [{}, { ALPNProtocols: ["http/1.1"] }]) {
    const old = createTlsServer({ cert, key, ...options }, (socket) => void socket.on("error", () => {}).resume());
    old.on("tlsClientError", () => {});
    await using there = await listen(old);
    const connecting = connectHttp2(`https://localhost:${there.port}`, { caCerts: [cert] });
    await soon(assertRejects(() => connecting, ConnectionError, "over HTTP/2"), "The refusal");
  }
  const server = createSecureServer({
    cert,
    key,
    ca: clientCa,
    requestCert: true,
    rejectUnauthorized: true,
    settings: { enableConnectProtocol: true },
  });
  server.on("sessionError", () => {});
  server.on("tlsClientError", () => {});
  await using there = await listenHttp2(server);
  const url = `https://127.0.0.1:${there.port}`;
  await assertRejects(() => connectHttp2(url, { cert: clientCert, key: clientKey }), ConnectionError);
  const options = { caCerts: [cert], cert: clientCert, key: clientKey, serverName: "localhost" };
  const session = await soon(connectHttp2(url, options), "The session");
  assertEquals(session.url, `wss://127.0.0.1:${there.port}/`);
  await session.close();
});

Deno.test("an unusable URL is a SyntaxError", async () => {
  for (const url of ["ftp://example.com", "example.com", "https://example.com/#x"]) {
    assertEquals((await assertRejects(() => connectHttp2(url), DOMException)).name, "SyntaxError");
  }
});
