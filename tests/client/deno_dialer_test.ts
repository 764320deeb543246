import { assertRejects } from "@std/assert";
import { denoDialer } from "../../lib/client/deno_dialer.ts";
import { soon } from "../_support/wait.ts";
import { testDialer } from "./_dialer_tests.ts";
import { answering } from "./_support.ts";

testDialer("Deno's dialer", denoDialer, "certificate not valid for name");

Deno.test("a name that TLS cannot be told of closes the connection", async () => {
  await using server = answering();
  const { signal } = new AbortController();
  const conn = await denoDialer.open({ hostname: "127.0.0.1", port: server.port }, signal);
  const securing = denoDialer.secure(conn, { serverName: "a b", alpnProtocols: ["http/1.1"] }, signal);
  await soon(assertRejects(() => securing), "The failure");
  await server.deserted();
});

Deno.test("a signal that comes in the moment in which TCP connects leaves no connection", async () => {
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
