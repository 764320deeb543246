import { assert, assertEquals, assertRejects } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import { ConnectionError, HandshakeError } from "../../lib/errors.ts";
import type { Observer } from "../../lib/connection/watch/observer.ts";
import { serve } from "../../lib/server/serve.ts";

Deno.test("an observer sees a client's connections and the reasons for failed ones", async () => {
  const told: unknown[] = [];
  const observer: Observer = {
    opened: ({ role }) => {
      told.push(role);
      return { sent: (messages) => void told.push(messages), closed: ({ closeCode }) => void told.push(closeCode) };
    },
    refused: (error) => void told.push(error instanceof HandshakeError ? error.status : error.name),
  };
  const server = serve({
    port: 0,
    hostname: "127.0.0.1",
    upgrade: ({ path }) => path === "/" ? undefined : new Response(null, { status: 404 }),
  }, {});
  await assertRejects(() => connect(`${server.url}/nothing`, { observer }), HandshakeError);
  const socket = await connect(server.url, { observer });
  void socket.send("one");
  void socket.send("two");
  await socket.close();
  const { addr } = server;
  await server.shutdown();
  assert("port" in addr);
  await assertRejects(() => connect(`ws://127.0.0.1:${addr.port}`, { observer }), ConnectionError);
  assertEquals(told, [404, "client", 2, 1000, "ConnectionError"]);
});
