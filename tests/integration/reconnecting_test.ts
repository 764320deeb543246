/**
 * A client that comes back to servers that we did not write: `npm:ws` in a process that is killed and started again, and Deno's
 * own.
 *
 * @module
 */
import { assert, assertEquals, assertGreaterOrEqual, assertInstanceOf } from "@std/assert";
import { reconnecting } from "../../lib/client/reconnecting.ts";
import { HandshakeError } from "../../lib/errors.ts";
import { within } from "../_support/deadline.ts";
import { settle, until } from "../_support/wait.ts";
import { LOOPBACK } from "./_support.ts";
import { wsProcess } from "./_ws_process.ts";

Deno.test("T14: the client reconnects to a ws server that was killed and restarted; messages sent meanwhile arrive in order", async () => {
  let subscriptions = 0;
  let server = await wsProcess();
  const connection = reconnecting(`ws://127.0.0.1:${server.port}/echo`, {
    delay: { first: 50, most: 200 },
    onConnect: (socket) => socket.send(`subscribe ${++subscriptions}`),
  });
  const messages = connection[Symbol.asyncIterator]();
  const next = async () => (await within(messages.next(), 20_000, "A message")).value;
  try {
    for (let round = 1; round <= 3; round++) {
      assertEquals(await next(), `subscribe ${round}`);
      if (round > 1) { for (const name of ["a", "b"]) assertEquals(await next(), `${name} ${round - 1}`); }
      await connection.send("here");
      assertEquals(await next(), "here");
      server.process.kill("SIGKILL");
      await server[Symbol.asyncDispose]();
      await within(until(() => connection.state !== "open", "The loss"), 10_000);
      const sent = [connection.send(`a ${round}`), connection.send(`b ${round}`)];
      await within(until(() => connection.lastClose?.error !== undefined, "The cause"), 10_000);
      server = await wsProcess(server.port);
      await within(Promise.all(sent), 20_000, "The sends");
    }
  } finally {
    await connection.close();
    await server[Symbol.asyncDispose]();
  }
});

Deno.test("T14: Retry-After in a 503 of Deno's own server is honoured, and then the WebSocket opens", async () => {
  const asked: number[] = [];
  await using server = Deno.serve({ ...LOOPBACK, onListen() {} }, (request) => {
    asked.push(performance.now());
    if (asked.length === 1) return new Response("Busy", { status: 503, headers: { "Retry-After": "1" } });
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onmessage = ({ data }) => socket.send(data);
    return response;
  });
  await using connection = reconnecting(`ws://127.0.0.1:${server.addr.port}/`, { delay: { first: 10, most: 10 } });
  const sent = connection.send("hello");
  await until(() => connection.state === "waiting", "The waiting");
  const { error } = connection.lastClose ?? {};
  assertInstanceOf(error, HandshakeError);
  assertEquals(error.status, 503);
  assertGreaterOrEqual(connection.delay, 1000);
  await within(sent);
  assertEquals((await within(connection[Symbol.asyncIterator]().next())).value, "hello");
  assertGreaterOrEqual(asked[1]! - asked[0]!, 1000);
});

Deno.test("a 401 of Deno's own server is final", async () => {
  let asked = 0;
  await using server = Deno.serve({ ...LOOPBACK, onListen() {} }, () => {
    asked++;
    return new Response("Who are you?", { status: 401 });
  });
  const connection = reconnecting(`ws://127.0.0.1:${server.addr.port}/`, { delay: { first: 1 } });
  const { error } = await within(connection.closed);
  assert(error instanceof HandshakeError && error.status === 401);
  // Whatever it asked is asked before this request: the server accepts in order.
  await (await fetch(`http://127.0.0.1:${server.addr.port}/`)).body?.cancel();
  await settle();
  assertEquals(asked, 2, "once by the connection, and once by the request above");
});
