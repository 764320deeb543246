// deno-lint-ignore-file no-console -- the test reads it
// The client against a server in Deno: what its dialer has to do, over TCP, TLS, a Unix socket and a proxy.
import assert from "node:assert/strict";
import { connect, ConnectionError, HandshakeError, reconnecting } from "@sluice/websocket";

const { url, secureUrl, path, proxy, nobody, caCert } = JSON.parse(process.argv[2]);

async function echoes(
  socket,
  messages = ["größer", Uint8Array.of(0, 255), "x".repeat(1 << 20), new Uint8Array(1 << 20)],
) {
  const incoming = socket[Symbol.asyncIterator]();
  for (const message of messages) {
    await socket.send(message);
    const { value } = await incoming.next();
    assert.deepEqual(
      value instanceof Uint8Array ? [...value.slice(0, 9), value.length] : value,
      message instanceof Uint8Array ? [...message.slice(0, 9), message.length] : message,
    );
  }
  const { closeCode, wasClean } = await socket.close(1000);
  assert.deepEqual([closeCode, wasClean], [1000, true]);
}

const socket = await connect(url, { protocols: "chat", perMessageDeflate: true });
assert.equal(socket.protocol, "chat");
assert.match(socket.extensions, /^permessage-deflate/);
assert.equal(socket.remoteAddr.port, Number(new URL(url).port));
assert.equal(typeof await socket.ping(), "number");
await echoes(socket);

const caCerts = [caCert];
await echoes(await connect(secureUrl, { caCerts }));
await echoes(await connect(url, { path }));
await echoes(await connect(url, { proxy }));
await echoes(await connect(secureUrl, { proxy, caCerts }));

// Web streams, in both directions.
const piped = await connect(url);
const writer = piped.writable.getWriter();
await writer.write("through streams");
const { value } = await piped.readable.getReader().read();
assert.equal(value, "through streams");
await writer.close();
await piped.closed;

// What goes wrong on the way says so.
await assert.rejects(
  connect(nobody),
  (error) => error instanceof ConnectionError && error.cause.code === "ECONNREFUSED",
);
await assert.rejects(connect(secureUrl), (error) => error instanceof ConnectionError && /TLS/.test(error.message));
await assert.rejects(connect(secureUrl, { caCerts, serverName: "example.com" }), ConnectionError);
await assert.rejects(connect(`${url}/missing`), (error) => error instanceof HandshakeError && error.status === 404);
await assert.rejects(connect(url, { signal: AbortSignal.abort(new Error("enough")) }), /enough/);
process.env.ws_proxy = "nobody reads this";
process.env.http_proxy = proxy;
await echoes(await connect(url, { proxy: "env" }), ["by way of the environment"]);

// A server that closes, with its words; and a client that comes back.
const closing = await connect(`${url}/close`);
assert.deepEqual(await closing.closed, { closeCode: 4001, reason: "as you like", wasClean: true });
const again = reconnecting(url);
await again.send("hello again");
assert.equal((await again[Symbol.asyncIterator]().next()).value, "hello again");
await again.close();
console.log("ok");
