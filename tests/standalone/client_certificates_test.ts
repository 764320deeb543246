import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import { serve } from "../../lib/server/serve.ts";
import { listenWithClientCertificates } from "../../lib/standalone/client_certificates.ts";
import { cert, clientCa, clientCert, clientKey, key } from "../_support/tls.ts";
import { soon } from "../_support/wait.ts";

const listen = () => listenWithClientCertificates({ port: 0, hostname: "127.0.0.1", cert, key, ca: clientCa });

/** Connects over TLS, and reads until the first byte or the end. */
async function greet(port: number, certificate: { cert?: string; key?: string }): Promise<string> {
  using conn = await Deno.connectTls({ hostname: "127.0.0.1", port, caCerts: [cert], ...certificate });
  await conn.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  const buffer = new Uint8Array(1024);
  const read = await conn.read(buffer);
  return new TextDecoder().decode(buffer.subarray(0, read ?? 0));
}

Deno.test("a client with a certificate of the authority is accepted, with its address", async () => {
  let remote: unknown;
  await using server = serve({
    listener: await listen(),
    secure: true,
    http: ({ url }, { remoteAddr }) => {
      remote = remoteAddr;
      return new Response(url);
    },
  }, {});
  const port = "port" in server.addr ? server.addr.port : 0;
  const answer = await soon(greet(port, { cert: clientCert, key: clientKey }), "The answer");
  assertEquals(answer.split("\r\n", 1)[0], "HTTP/1.1 200 OK");
  assertEquals(Object(remote).hostname, "127.0.0.1");
});

Deno.test("a client without a certificate, or with one of another authority, gets no connection", async () => {
  await using server = serve({ listener: await listen(), secure: true, http: () => new Response("hello") }, {});
  const port = "port" in server.addr ? server.addr.port : 0;
  for (const certificate of [{}, { cert, key }]) {
    await assertRejects(() => soon(greet(port, certificate), "The refusal"));
  }
  await assertRejects(() => connect(server.url, { caCerts: [cert] }));
  assertEquals(server.connections.size, 0);
});

Deno.test("renew uses other CAs for later handshakes; files that cannot be used are refused, and change nothing", async () => {
  const listener = await listen();
  await using server = serve({ listener, secure: true, http: () => new Response("hello") }, {});
  const port = "port" in server.addr ? server.addr.port : 0;
  const ask = () => soon(greet(port, { cert: clientCert, key: clientKey }), "The answer");
  const cases = [["none", "no certificate"], [cert.replace(/\n.{8}/, "\nnothing!"), "malformed"]] as const;
  for (const [ca, message] of cases) {
    const options = { port: 0, hostname: "127.0.0.1", cert, key, ca };
    assertThrows(() => listener.renew(options), TypeError, message);
    await assertRejects(() => listenWithClientCertificates(options), TypeError, message);
  }
  assertMatch(await ask(), /^HTTP\/1.1 200/);
  listener.renew({ cert, key, ca: cert });
  await assertRejects(ask);
  listener.renew({ cert, key, ca: clientCa });
  assertMatch(await ask(), /^HTTP\/1.1 200/);
});

Deno.test("a pending accept rejects when the listener is closed", async () => {
  const listener = await listen();
  const waiting = assertRejects(() => listener.accept(), Deno.errors.BadResource);
  listener.close();
  listener.close();
  await waiting;
  await assertRejects(() => listener.accept(), Deno.errors.BadResource);
});
