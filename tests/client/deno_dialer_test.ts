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
  let attempt = new AbortController();
  const left = (async () => {
    for await (const conn of listener) {
      attempt.abort(); // just then
      using _ = conn;
      await soon(conn.read(new Uint8Array(1)).catch(() => {}), "The end of the connection");
    }
  })();
  for (let round = 0; round < 200; round++) {
    attempt = new AbortController();
    const { signal } = attempt;
    await denoDialer.open({ hostname: "127.0.0.1", port }, signal).then((conn) => conn.close(), () => {});
  }
  listener.close();
  await left;
});
