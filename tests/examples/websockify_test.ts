import { assert, assertEquals, assertRejects } from "@std/assert";
import { connect, HandshakeError, type WebSocketConnection } from "../../mod.ts";
import { type Child, deno } from "../_support/child.ts";
import { soon } from "../_support/wait.ts";

const HERE = { hostname: "127.0.0.1", port: 0 };

async function bridge(...services: string[]): Promise<{ child: Child; url: string }> {
  const child = deno("run", "--no-prompt", "--allow-net=127.0.0.1", "examples/websockify.ts", "0", ...services);
  const [, url] = await child.said(/(ws:\S+)/);
  return { child, url: url! };
}

/** Reads so many bytes. */
async function read(socket: WebSocketConnection, count: number): Promise<number[]> {
  const all: number[] = [];
  for await (const message of socket) {
    assert(typeof message !== "string");
    for (const byte of message) all.push(byte);
    if (all.length >= count) break;
  }
  return all;
}

Deno.test("examples/websockify.ts carries bytes both ways, and passes on the end of either side", async () => {
  using service = Deno.listen(HERE);
  const { child, url } = await bridge(`echo=127.0.0.1:${service.addr.port}`);
  await using _ = child;

  const socket = await connect(`${url}/echo`, { protocols: ["binary", "base64"] });
  assertEquals(socket.protocol, "binary");
  const conn = await soon(service.accept(), "The TCP connection");
  const echoing = conn.readable.pipeTo(conn.writable);
  const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => index % 251);
  void socket.send(bytes);
  assertEquals(await soon(read(socket, bytes.length), "The echo"), [...bytes]);
  assertEquals((await socket.close()).closeCode, 1000);
  await soon(echoing, "The end of the TCP connection");

  const other = await connect(`${url}/echo`);
  const ending = await soon(service.accept(), "The TCP connection");
  await ending.write(Uint8Array.of(1, 2, 3));
  assertEquals(await soon(read(other, 3), "The bytes"), [1, 2, 3]);
  ending.close();
  const { wasClean } = await soon(other.closed, "The end of the WebSocket");
  assert(wasClean);
});

Deno.test("examples/websockify.ts reaches only its configured services, reports one that is down, and refuses text", async () => {
  using service = Deno.listen(HERE);
  const gone = Deno.listen(HERE);
  gone.close();
  const { child, url } = await bridge(`here=127.0.0.1:${service.addr.port}`, `gone=127.0.0.1:${gone.addr.port}`);
  await using _ = child;
  for (const path of ["", "/", "/other", "/here/", `/127.0.0.1:${service.addr.port}`, "/?here"]) {
    const { status } = await assertRejects(() => connect(`${url}${path}`), HandshakeError);
    assertEquals(status, 404, path);
  }
  const { closeCode, reason } = await (await connect(`${url}/gone`)).closed;
  assertEquals([closeCode, reason], [1014, "The service cannot be reached"]);

  const socket = await connect(`${url}/here`);
  const conn = await soon(service.accept(), "The TCP connection");
  await socket.send("text");
  assertEquals((await soon(socket.closed, "The refusal")).closeCode, 1003);
  assertEquals(await conn.read(new Uint8Array(1)).catch(() => null), null);
  conn.close();
});
