import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { serve, type ServeOptions } from "../../mod.ts";
import { within } from "../_support/deadline.ts";
import { RawPeer } from "../_support/raw_peer.ts";

/** A server with an `http` hook, where it is, and what it reports. */
function start(http: NonNullable<ServeOptions["http"]>, options: ServeOptions = {}) {
  const reports: unknown[] = [];
  const onError = (error: unknown) => void reports.push(error);
  const server = serve({ port: 0, hostname: "127.0.0.1", ...options, http, onError }, () => {});
  return { server, reports, url: server.url.replace("ws", "http"), port: Number(new URL(server.url).port) };
}

const utf8 = (text: string) => new TextEncoder().encode(text);

Deno.test("a body reaches the handler whole, however much of it came with the head", async () => {
  const { server, url } = start(async (request) => new Response(`${(await request.text()).length}`));
  for (const length of [0, 1, 70_000, 1_000_000]) {
    const response = await fetch(url, { method: "POST", body: "x".repeat(length) });
    assertEquals(await response.text(), String(length));
  }
  await server.shutdown();
});

Deno.test("a chunked body and header fields arrive as they were sent", async () => {
  const { server, port } = start(async (request) =>
    new Response(`${request.method} ${request.url} ${request.headers.get("x-a")} ${await request.text()}`)
  );
  using peer = await RawPeer.dial(port);
  await peer.send(utf8(
    "PUT /a%20b?c HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nX-A: 1\r\nX-A: 2\r\nTransfer-Encoding: chunked\r\n\r\n" +
      "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
  ));
  assertStringIncludes(await peer.readText(), "PUT http://a.example/a%20b?c 1, 2 abcde");
  await server.shutdown();
});

Deno.test("a response keeps its status, its header fields and every cookie, and the connection stays open", async () => {
  const { server, url } = start(() => {
    const headers = new Headers({ "x-b": "2" });
    headers.append("set-cookie", "a=1");
    headers.append("set-cookie", "b=2");
    return new Response("gone", { status: 410, headers });
  });
  const response = await fetch(url);
  assertEquals([response.status, response.headers.get("x-b")], [410, "2"]);
  assertEquals(response.headers.getSetCookie(), ["a=1", "b=2"]);
  assertEquals(response.headers.get("connection"), null);
  assertEquals(await response.text(), "gone");
  await server.shutdown();
});

Deno.test("a response without a body, and the response to HEAD, end with the head", async () => {
  const { server, url } = start(({ method }) => new Response(method === "HEAD" ? "not sent" : null, { status: 200 }));
  for (const method of ["GET", "HEAD"]) assertEquals(await (await fetch(url, { method })).text(), "");
  await server.shutdown();
});

Deno.test("a streamed response is streamed: the client reads the first part before the second is made", async () => {
  const more = Promise.withResolvers<void>();
  const { server, url } = start(() =>
    new Response(
      new ReadableStream({
        async start(controller) {
          controller.enqueue(utf8("first"));
          await more.promise;
          controller.enqueue(utf8("second"));
          controller.close();
        },
      }),
    )
  );
  const reader = (await fetch(url)).body!.getReader();
  assertEquals(new TextDecoder().decode((await reader.read()).value), "first");
  more.resolve();
  assertEquals(new TextDecoder().decode((await reader.read()).value), "second");
  assert((await reader.read()).done);
  await server.shutdown();
});

Deno.test("the handler gets the peer's true address", async () => {
  const { server, url } = start((_, { remoteAddr, localAddr }) => Response.json({ remoteAddr, localAddr }));
  const { remoteAddr, localAddr } = await (await fetch(url)).json();
  assertEquals(remoteAddr.hostname, "127.0.0.1");
  assertEquals(`http://${localAddr.hostname}:${localAddr.port}`, url);
  await server.shutdown();
});

Deno.test("H3, H6: a malformed head or an invalid host is 400, and the handler does not see it", async () => {
  let seen = 0;
  const { server, port, reports } = start(() => {
    seen++;
    return new Response("page");
  });
  for (const head of ["GET /\r\n\r\n", "GET / HTTP/1.1\r\nHost: [\r\n\r\n", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"]) {
    using peer = await RawPeer.dial(port);
    await peer.send(utf8(head));
    assertStringIncludes(await peer.readText(), "HTTP/1.1 400 ");
  }
  assertEquals([seen, reports], [0, []]);
  await server.shutdown();
});

Deno.test("a handler that throws is 500, and reported", async () => {
  const mistake = new Error("a mistake");
  const { server, url, reports } = start(() => {
    throw mistake;
  });
  const response = await fetch(url);
  assertEquals([response.status, await response.text()], [500, "Internal Server Error\n"]);
  assertEquals(reports, [mistake]);
  await server.shutdown();
});

Deno.test("a body that fails while it is sent ends the connection, and is reported", async () => {
  const mistake = new Error("no more");
  const { server, port, reports } = start(() =>
    new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(utf8("first"));
        },
        pull(controller) {
          controller.error(mistake);
        },
      }),
    )
  );
  using peer = await RawPeer.dial(port);
  await peer.send(utf8("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  await peer.readText().catch(() => {});
  assertEquals(reports, [mistake]);
  await server.shutdown();
});

Deno.test("an invalid request body, answered while it arrives, is not reported as the server's error", async () => {
  const { server, port, reports } = start((request) => new Response(request.body));
  using peer = await RawPeer.dial(port);
  await peer.send(utf8("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"));
  await peer.conn.read(new Uint8Array(1024)); // the answer has begun
  await peer.send(utf8("no chunk\r\n"));
  await peer.readText().catch(() => {});
  await server.shutdown();
  assertEquals(reports, []);
});

Deno.test("a client that disconnects during its response costs nothing more and causes no report", async () => {
  const cancelled = Promise.withResolvers<void>();
  const { server, port, reports } = start(() =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)),
        cancel: () => cancelled.resolve(),
      }, { highWaterMark: 0 }),
    )
  );
  const peer = await RawPeer.dial(port);
  await peer.send(utf8("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  await peer.conn.read(new Uint8Array(1024));
  peer.close();
  await within(cancelled.promise, 10_000, "the body's cancellation");
  await server.shutdown();
  assertEquals(reports, []);
});

Deno.test("shutdown waits for a pending response, and drops it when the time is up", async () => {
  const asked = Promise.withResolvers<void>();
  const { server, url } = start(() => {
    asked.resolve();
    return new Promise(() => {});
  });
  const response = fetch(url).then(() => "answered", () => "dropped");
  await asked.promise;
  await server.shutdown({ timeout: 50 });
  assertEquals(await response, "dropped");
});
