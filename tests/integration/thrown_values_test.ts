/**
 * An application may throw anything, even what throws when it is looked at. It is one failure: it is reported, and ends nothing else.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { connect, serve, type WebSocketHandler } from "../../mod.ts";
import { upgradeRequest } from "../../lib/server/deno_serve.ts";
import { soon } from "../../lib/testing/wait.ts";

/** A value whose prototype cannot be read. */
function unreadable(): object {
  return new Proxy({}, {
    getPrototypeOf() {
      throw new Error("This has no prototype");
    },
  });
}

/** A proxy that was taken back: every look at it throws. */
function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

for (const make of [unreadable, revoked]) {
  const thrown = make();
  const fail = () => {
    throw thrown;
  };
  const local = { port: 0, hostname: "127.0.0.1" };
  const handlers: Record<string, WebSocketHandler> = {
    "a function": fail,
    "an async function": () => Promise.reject(thrown),
    "open": { open: fail },
    "message": { message: fail },
    "an async message": { message: () => Promise.reject(thrown) },
  };
  for (const [what, handler] of Object.entries(handlers)) {
    Deno.test(`${what} that throws a proxy (${make.name}) closes with 1011 and is reported; the server goes on`, async () => {
      const reports: unknown[] = [];
      await using server = serve({ ...local, onError: (error) => reports.push(error) }, handler);
      for (let i = 1; i <= 2; i++) {
        const socket = await connect(server.url);
        void socket.send("hello");
        assertEquals((await soon(socket.closed, "the end")).closeCode, 1011);
        assertEquals(reports.length, i);
        assertEquals(reports.every((error) => error === thrown), true);
      }
    });
  }

  Deno.test(`close that throws a proxy (${make.name}) is reported`, async () => {
    const reports: unknown[] = [];
    const server = serve({ ...local, onError: (error) => reports.push(error) }, { close: fail });
    const socket = await connect(server.url);
    assertEquals((await soon(socket.close(), "the end")).closeCode, 1000);
    await server.shutdown();
    assertEquals(reports.length, 1);
  });

  Deno.test(`upgrade and http that throw a proxy (${make.name}) answer 500, and are reported`, async () => {
    const reports: unknown[] = [];
    const options = { ...local, upgrade: fail, http: fail, onError: (error: unknown) => void reports.push(error) };
    const server = serve(options, {});
    const { port } = new URL(server.url);
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    await answer.body?.cancel();
    assertEquals(answer.status, 500);
    const upgrade = await connect(server.url).catch((error) => error.status);
    assertEquals(upgrade, 500);
    await server.shutdown();
    assertEquals(reports.length, 2);
  });

  Deno.test(`a connection that is aborted with a proxy (${make.name}) ends, also for its peer`, async () => {
    await using server = serve(local, {});
    const socket = await connect(server.url);
    socket.abort(thrown);
    const { wasClean, error } = await soon(socket.closed, "the end");
    assertEquals(wasClean, false);
    assertEquals(error === thrown, true);
  });

  Deno.test(`a handler of upgradeRequest that throws a proxy (${make.name}) closes with 1011 and is reported`, async () => {
    const reports: unknown[] = [];
    await using server = Deno.serve({ ...local, onListen() {} }, (request) => {
      return upgradeRequest(request, { onError: (error) => void reports.push(error) }, { message: fail });
    });
    const socket = await connect(`ws://127.0.0.1:${server.addr.port}/`);
    void socket.send("hello");
    assertEquals((await soon(socket.closed, "the end")).closeCode, 1011);
    assertEquals(reports.length, 1);
  });
}
