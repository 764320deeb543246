import EventEmitter from "node:events";
import * as net from "node:net";
import * as stream from "node:stream";
import * as tls from "node:tls";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { SecureOptions } from "../../lib/client/dialer.ts";
import { startNodeTls } from "../../lib/client/node_tls.ts";
import { listenWithClientCertificates } from "../../lib/standalone/client_certificates.ts";
import { cert, clientCa, clientCert, clientKey, key } from "../_support/tls.ts";
import { soon } from "../_support/wait.ts";
import { answering, listenTls } from "./_support.ts";

const MODULES = { events: { EventEmitter }, net, stream, tls };
const HERE: SecureOptions = { serverName: "localhost", alpnProtocols: ["http/1.1"], caCerts: [cert] };
const { signal } = new AbortController();

async function start(port: number, options: Partial<SecureOptions> = {}) {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  return { conn, tls: await soon(startNodeTls(MODULES, conn, { ...HERE, ...options }, signal), "The TLS handshake") };
}

Deno.test("TLS by node:tls reads and writes, ends each half separately, and has the addresses of the connection below", async () => {
  const listener = listenTls();
  const serving = (async () => {
    const conn = await listener.accept();
    const buffer = new Uint8Array(100_000);
    let total = 0;
    for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) total += count;
    await conn.write(new TextEncoder().encode(`${total} bytes`));
    conn.close();
  })();
  const { conn, tls } = await start(listener.addr.port);
  assertEquals([tls.remoteAddr, tls.localAddr, tls.secure], [conn.remoteAddr, conn.localAddr, true]);
  const bytes = new Uint8Array(300_000);
  for (let written = 0; written < bytes.length;) written += await soon(tls.write(bytes.subarray(written)), "Room");
  await tls.closeWrite?.();
  const buffer = new Uint8Array(100);
  const count = await soon(tls.read(buffer), "The answer");
  assertEquals(new TextDecoder().decode(buffer.subarray(0, count ?? 0)), "300000 bytes");
  assertEquals(await soon(tls.read(buffer), "The end"), null);
  tls.close();
  await serving;
  listener.close();
});

Deno.test("close ends the connection below at once, and a pending read", async () => {
  await using server = answering(listenTls());
  const { conn, tls } = await start(server.port);
  const reading = assertRejects(() => tls.read(new Uint8Array(1)), Error);
  tls.close();
  await assertRejects(() => conn.read(new Uint8Array(1)), Deno.errors.BadResource);
  await soon(reading, "The end of the read");
  await server.deserted();
});

Deno.test("the certificate is checked against caCerts and the name, whatever the environment says", async () => {
  await using server = answering(listenTls());
  (await start(server.port, { serverName: "127.0.0.1" })).tls.close();
  const faults: [Partial<SecureOptions>, words: string][] = [
    [{ caCerts: [clientCa] }, "self-signed certificate"],
    [{ serverName: "example.com" }, "does not match"],
    [{ serverName: "127.0.0.2" }, "does not match"],
    [{ alpnProtocols: ["other"] }, "NoApplicationProtocol"],
  ];
  const before = Deno.env.get("NODE_TLS_REJECT_UNAUTHORIZED");
  Deno.env.set("NODE_TLS_REJECT_UNAUTHORIZED", "0");
  try {
    for (const [fault, words] of faults) {
      const error = await assertRejects(() => start(server.port, fault), Error);
      assertStringIncludes(error.message, words);
    }
  } finally {
    if (before === undefined) Deno.env.delete("NODE_TLS_REJECT_UNAUTHORIZED");
    else Deno.env.set("NODE_TLS_REJECT_UNAUTHORIZED", before);
  }
  await server.deserted();
});

Deno.test("a client's certificate is shown to a server that asks for one", async () => {
  const listener = await listenWithClientCertificates({ hostname: "127.0.0.1", port: 0, cert, key, ca: clientCa });
  await using server = answering(listener);
  const { tls } = await start(server.port, { cert: clientCert, key: clientKey });
  await tls.write(new TextEncoder().encode("GET / HTTP/1.1\r\nSec-WebSocket-Key: x\r\n\r\n"));
  const count = await soon(tls.read(new Uint8Array(1000)), "The answer");
  assert(count !== null && count > 0);
  tls.close();
  await server.deserted();
});
