import { assertEquals, assertThrows } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import { HandshakeError } from "../../lib/errors.ts";
import { serve } from "../../lib/server/serve.ts";
import { createTls } from "../../lib/server/tls.ts";
import { cert, clientKey, key } from "../_support/tls.ts";
import { utf8 } from "../_support/frames.ts";
import { soon } from "../_support/wait.ts";
import { overlook, SERVER_FULL } from "../_support/printed.ts";

overlook(SERVER_FULL);

const HERE = { port: 0, hostname: "127.0.0.1", cert, key };

Deno.test("a certificate or a key that is none, and a key of another certificate, are mistakes of the caller", () => {
  for (
    const [pair, words] of [
      [{ cert: "none", key }, "not in PEM"],
      [{ cert, key: "none" }, "not in PEM"],
      [{ cert: key, key: cert }, "not in PEM"],
      [{ cert, key: clientKey }, "not the key of cert"],
    ] as const
  ) {
    assertThrows(() => createTls(pair), TypeError, words);
    assertThrows(() => serve({ port: 0, ...pair }, {}), TypeError, words);
  }
});

/** What a client sends that never comes to an end of its TLS handshake. */
const UNFINISHED: Record<string, Uint8Array<ArrayBuffer>> = {
  nothing: new Uint8Array(0),
  "the start of a ClientHello": Uint8Array.of(22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3),
  "no TLS": utf8("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
};

for (const [what, bytes] of Object.entries(UNFINISHED)) {
  Deno.test(`a TLS client that sends ${what} is closed at the handshake's deadline, and gives its place back`, async () => {
    await using server = serve({ ...HERE, handshakeTimeout: 200, maxConnections: 2 }, {});
    const port = "port" in server.addr ? server.addr.port : 0;
    for (let round = 0; round < 2; round++) {
      const clients = await Array.fromAsync({ length: 2 }, () => dial(port, bytes));
      for (const client of clients) {
        await soon(ended(client), "The end of the TCP connection");
        client.close();
      }
    }
    await using socket = await connect(server.url.replace("127.0.0.1", "localhost"), { caCerts: [cert] });
    await socket.close();
  });
}

Deno.test("silent TLS clients beyond maxConnections are closed at once", async () => {
  await using server = serve({ ...HERE, handshakeTimeout: 60_000, maxConnections: 1 }, {});
  const port = "port" in server.addr ? server.addr.port : 0;
  const clients = await Array.fromAsync({ length: 4 }, () => dial(port));
  for (const client of clients.slice(2)) await soon(ended(client), "The end of the TCP connection");
  for (const client of clients) client.close();
});

Deno.test("shutdown closes the TCP connections of TLS clients that say nothing", async () => {
  const server = serve({ ...HERE, handshakeTimeout: 60_000 }, {});
  const port = "port" in server.addr ? server.addr.port : 0;
  const client = await dial(port);
  await soon(server.shutdown(), "The shutdown");
  await soon(ended(client), "The end of the TCP connection");
  client.close();
});

Deno.test("large messages come and go whole over TLS, and a client that leaves in the middle of its handshake takes no place", async () => {
  await using server = serve({ ...HERE, maxConnections: 1 }, { message: (socket, data) => void socket.send(data) });
  const port = "port" in server.addr ? server.addr.port : 0;
  (await dial(port, UNFINISHED["the start of a ClientHello"])).close();
  const socket = await soon(untilAdmitted(server.url.replace("127.0.0.1", "localhost")), "A place");
  assertEquals([socket.remoteAddr?.transport, new URL(socket.url).protocol], ["tcp", "wss:"]);
  const bytes = new Uint8Array(5_000_000).map((_, at) => at * 7);
  await socket.send(bytes);
  for await (const message of socket) {
    assertEquals(message, bytes);
    break;
  }
  await socket.close();
});

/** Connects by TCP, and sends. */
async function dial(port: number, bytes = new Uint8Array(0)): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  if (bytes.length > 0) await conn.write(bytes);
  return conn;
}

/** Waits for the end of a connection, or its reset. */
async function ended(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(1024);
  try {
    while (await conn.read(buffer) !== null);
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
}

async function untilAdmitted(url: string) {
  for (;;) {
    try {
      return await connect(url, { caCerts: [cert] });
    } catch (error) {
      if (!(error instanceof HandshakeError)) throw error;
    }
  }
}
