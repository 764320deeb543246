import { assertEquals, assertRejects } from "@std/assert";
import { connectHttp2 } from "../lib/http2/mod.ts";
import { connect, HandshakeError, serve } from "../mod.ts";
import { deno, denoOutput } from "./_support/child.ts";
import { readExposition } from "./_support/prometheus.ts";
import { cert, key } from "./_support/tls.ts";
import { connectProxy } from "./client/_support.ts";

for (const example of ["echo", "pipeline", "extension"]) {
  Deno.test(`examples/${example}.ts echoes text and binary messages, answers pings and the closing handshake`, async () => {
    await using child = deno("run", "--allow-net=127.0.0.1", `examples/${example}.ts`, "0");
    const [, url] = await child.said(/(ws:\S+)/);
    for (let round = 0; round < 2; round++) {
      const socket = await connect(url!);
      const replies = socket[Symbol.asyncIterator]();
      for (const message of ["héllo", Uint8Array.of(0, 255), "", "x".repeat(100_000)]) {
        await socket.send(message);
        assertEquals((await replies.next()).value, message);
      }
      await socket.ping("are you there");
      const { closeCode, wasClean } = await socket.close(4321);
      assertEquals({ closeCode, wasClean }, { closeCode: 4321, wasClean: true });
    }
  });
}

Deno.test("examples/extension.ts agrees on two extensions at once, each with its own reserved bit", async () => {
  await using child = deno("run", "--allow-net=127.0.0.1", "examples/extension.ts", "0", "talk");
  await child.said(/Agreed on permessage-deflate; .*, x-crc32\nGot 2300 characters back\n/);
});

Deno.test("examples/client.ts goes through the environment's proxy, over TLS, and shows a refusal", async () => {
  await using proxy = connectProxy();
  await using server = serve({
    hostname: "127.0.0.1",
    port: 0,
    cert,
    key,
    upgrade: ({ path }) => path === "/echo" ? {} : new Response("Not here", { status: 404 }),
  }, (socket) => socket.readable.pipeTo(socket.writable));
  const outcome = async (path: string) => {
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--allow-net=127.0.0.1",
        "--allow-env",
        "--allow-read=tests/_support/tls",
        "examples/client.ts",
        `${server.url}${path}`,
        "hello",
        "tests/_support/tls/cert.pem",
      ],
      cwd: new URL("..", import.meta.url),
      env: { HTTPS_PROXY: proxy.url, https_proxy: "", NO_PROXY: "", no_proxy: "" },
      stderr: "inherit",
    }).output();
    return [code, new TextDecoder().decode(stdout)];
  };
  assertEquals(await outcome("/echo"), [0, `${server.url}/echo says hello\n`]);
  assertEquals(await outcome("/"), [1, "Server answered 404, not 101: Not here\n"]);
  assertEquals(proxy.requests.filter((head) => head.includes(new URL(server.url).host)).length, 2);
});

Deno.test("examples/reconnecting.ts comes back to a server that was ended and started again", async () => {
  const serve = (port: string) => deno("run", "--allow-net=127.0.0.1", "examples/echo.ts", port);
  let server = serve("0");
  try {
    const [, url, port] = await server.said(/(ws:\S+:(\d+))/);
    await using client = deno("run", "--allow-net=127.0.0.1", "examples/reconnecting.ts", url!);
    await client.said(/^-- open\nHello again\n/);
    await server[Symbol.asyncDispose]();
    await client.said(/\n-- waiting\n-- /);
    server = serve(port!);
    await client.said(/\n-- open\nHello again\n(.*\n)*\d+\n/);
    client.process.kill("SIGINT");
    await client.said(/\n-- closed\n/);
  } finally {
    await server[Symbol.asyncDispose]();
  }
});

Deno.test("examples/websocket_stream.ts pipes words through a server and closes with a code", async () => {
  const { code, stdout } = await denoOutput(
    "run",
    "--allow-net=127.0.0.1",
    "examples/websocket_stream.ts",
    "a",
    "böse",
    "c",
  );
  assertEquals([code, stdout], [0, "A\nBÖSE\nC\nClosed with 4000\n"]);
});

Deno.test("examples/http2.ts echoes over HTTP/2 and over HTTP/1.1 on one port, and talks to itself over two sockets", async () => {
  const files = ["cert", "key"].map((name) => `tests/_support/tls/${name}.pem`);
  const permissions = ["--allow-net=127.0.0.1,localhost", "--allow-read=tests/_support/tls"];
  await using child = deno("run", "--no-prompt", ...permissions, "examples/http2.ts", "0", ...files, "talk");
  const [, url] = await child.said(/Echoing on (https:\S+)/);
  await child.said(/Got hello \/news\nGot hello \/chat\n2 sockets over one connection\n/);
  await using session = await connectHttp2(url!, { caCerts: [cert] });
  for (const socket of [await session.connect("/"), await connect(url!, { caCerts: [cert] })]) {
    await socket.send("héllo");
    assertEquals((await socket[Symbol.asyncIterator]().next()).value, "héllo");
    const { closeCode, wasClean } = await socket.close(4321);
    assertEquals({ closeCode, wasClean }, { closeCode: 4321, wasClean: true });
  }
});

Deno.test("examples/topics.ts takes messages to the others in a room, with the last ones first, and refuses what is no room", async () => {
  await using child = deno("run", "--allow-net=127.0.0.1", "examples/topics.ts", "0");
  const [, url] = await child.said(/(ws:\S+)/);
  const ada = await connect(`${url}/room/1`);
  const heard = ada[Symbol.asyncIterator]();
  await ada.send("hello");
  await ada.ping(); // answered behind the message: it was published
  const bob = await connect(`${url}/room/1`);
  const overheard = bob[Symbol.asyncIterator]();
  await bob.send("hi");
  const texts = [];
  for (const messages of [heard, heard, heard, overheard, overheard, overheard]) {
    texts.push((await messages.next()).value);
  }
  assertEquals(texts, ["(1 here)", "(2 here)", "hi", "(1 here)", "hello", "(2 here)"]);
  await Promise.all([ada.close(), bob.close()]);
  await child.said(/\/room\/1 opens\n\/room\/1 is empty\n/);
  assertEquals((await assertRejects(() => connect(`${url}/`), HandshakeError)).status, 404);
});

Deno.test("examples/metrics.ts counts for Prometheus and OpenTelemetry, prints refusals, and replays what it recorded", async () => {
  await using child = deno("run", "--no-lock", "--allow-net=127.0.0.1", "examples/metrics.ts", "0");
  const [, url] = await child.said(/(ws:\S+)/);
  const socket = await connect(`${url}/recorded`);
  await socket.send("héllo");
  assertEquals((await socket[Symbol.asyncIterator]().next()).value, "héllo");
  await socket.close();
  await child.said(/Replayed "héllo" of ws:\S+\/recorded\n/);
  await connect(`${url}/nowhere`).catch(() => {});
  await child.said(/Refused \/nowhere: The application refused the handshake with 404\n/);
  const samples = readExposition(await (await fetch(`${url!.replace("ws", "http")}/metrics`)).text());
  assertEquals(samples.get('websocket_messages_total{direction="out"}'), 1);
  assertEquals(samples.get('websocket_refusals_total{reason="404"}'), 1);
});
