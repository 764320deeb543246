import { assertEquals, assertRejects } from "@std/assert";
import { denoDialer } from "../../lib/client/deno_dialer.ts";
import { runDeno } from "../_support/child.ts";
import { cert, clientCa } from "../_support/tls.ts";
import { soon } from "../_support/wait.ts";
import { testDialer } from "./_dialer_tests.ts";
import { answering, listenTls } from "./_support.ts";

testDialer("Deno's dialer", denoDialer, "does not match");

Deno.test("a name that cannot be in a certificate closes the connection", async () => {
  await using server = answering(listenTls());
  const { signal } = new AbortController();
  const conn = await denoDialer.open({ hostname: "127.0.0.1", port: server.port }, signal);
  const securing = denoDialer.secure(conn, { serverName: "a b", alpnProtocols: ["http/1.1"], caCerts: [cert] }, signal);
  await soon(assertRejects(() => securing, Error, "does not match"), "The failure");
  await server.deserted();
});

Deno.test("a signal that is aborted just as TCP connects leaves no connection", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const ends: Promise<unknown>[] = [];
  const accepting = (async () => {
    for await (const conn of listener) {
      ends.push(conn.read(new Uint8Array(1)).catch(() => {}).finally(() => conn.close()));
    }
  })();
  for (let round = 0; round < 400; round++) {
    const attempt = new AbortController();
    const timer = setTimeout(() => attempt.abort(), 0); // about when it connects: without care, one in thirty is left
    await denoDialer.open({ hostname: "127.0.0.1", port }, attempt.signal).then((conn) => conn.close(), () => {});
    clearTimeout(timer);
  }
  await soon(Promise.all(ends), "The end of every connection");
  listener.close();
  await accepting;
});

Deno.test("caCerts are trusted in addition to Deno's, and need no permission", async () => {
  await using server = answering(listenTls());
  const module = new URL("../../lib/client/connect.ts", import.meta.url).href;
  const code = `
    import { connect } from ${JSON.stringify(module)};
    const socket = await connect("wss://localhost:${server.port}/", { caCerts: [${JSON.stringify(clientCa)}] });
    console.log(socket.readyState);
    socket.abort();
  `;
  const program = `data:application/typescript;base64,${btoa(code)}`;
  const trusted = new URL("../_support/tls/cert.pem", import.meta.url).pathname;
  const output = await runDeno(["run", "--no-prompt", "--no-check", "--allow-net", `--cert=${trusted}`, program]);
  assertEquals(output, "1\n");
  await server.deserted();
});
