import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import { HandshakeError } from "../../lib/errors.ts";
import { serve } from "../../lib/server/serve.ts";
import { createTls } from "../../lib/server/tls.ts";
import { cert, clientKey, key, otherCert, otherKey } from "../_support/tls.ts";
import { utf8 } from "../_support/frames.ts";
import { soon } from "../_support/wait.ts";
import { overlook, SERVER_FULL } from "../_support/printed.ts";

overlook(SERVER_FULL);

const HERE = { port: 0, hostname: "127.0.0.1", cert, key };

Deno.test("an invalid certificate or key, and a key of another certificate, throw", () => {
  for (
    const [pair, words] of [
      [{ cert: "none", key }, "not in PEM"],
      [{ cert, key: "none" }, "not in PEM"],
      [{ cert: key, key: cert }, "not in PEM"],
      [{ cert, key: clientKey }, "not the key of cert"],
    ] as const
  ) {
    assertThrows(() => createTls(() => pair, () => {}), TypeError, words);
    assertThrows(() => serve({ port: 0, ...pair }, {}), TypeError, words);
    assertThrows(() => serve({ port: 0, certificate: () => pair }, {}), TypeError, words);
  }
});

/** What a client sends that never comes to an end of its TLS handshake. */
const UNFINISHED: Record<string, Uint8Array<ArrayBuffer>> = {
  nothing: new Uint8Array(0),
  "the start of a ClientHello": Uint8Array.of(22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3),
  "no TLS": utf8("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
};

for (const [what, bytes] of Object.entries(UNFINISHED)) {
  Deno.test(`a TLS client that sends ${what} is closed at the handshake's deadline, and frees its place`, async () => {
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

Deno.test("shutdown closes the TCP connections of silent TLS clients", async () => {
  const server = serve({ ...HERE, handshakeTimeout: 60_000 }, {});
  const port = "port" in server.addr ? server.addr.port : 0;
  const client = await dial(port);
  await soon(server.shutdown(), "The shutdown");
  await soon(ended(client), "The end of the TCP connection");
  client.close();
});

Deno.test("large messages pass whole over TLS, and a client that disconnects in its handshake takes no place", async () => {
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

const FIRST = { cert, key };
const OTHER = { cert: otherCert, key: otherKey };

/** Connects to a server of these tests under a name, and trusts one certificate; the connection is closed again. */
async function visit(port: number, serverName: string, trusted: string): Promise<void> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const secure = await Deno.startTls(conn, { hostname: serverName, caCerts: [trusted] });
  const socket = await connect(`ws://${serverName}`, { conn: secure });
  await socket.close();
}

Deno.test("a renewed certificate is used from the next handshake on, and open connections stay", async () => {
  let current = FIRST;
  await using server = serve({ port: 0, hostname: "127.0.0.1", certificate: () => current }, {
    message: (socket, data) => void socket.send(data),
  });
  assertEquals(new URL(server.url).protocol, "wss:");
  const port = "port" in server.addr ? server.addr.port : 0;
  await using open = await connect(server.url, { caCerts: [cert] }); // an address: no name is asked for
  await visit(port, "localhost", cert);
  current = OTHER;
  await visit(port, "localhost", otherCert);
  await assertRejects(() => visit(port, "localhost", cert));
  await open.send("still here");
  assertEquals((await open[Symbol.asyncIterator]().next()).value, "still here");
});

Deno.test("each host name gets its own certificate, and an unknown name gets that for clients without a name", async () => {
  const asked: (string | undefined)[] = [];
  await using server = serve({
    port: 0,
    hostname: "127.0.0.1",
    certificate(serverName) {
      asked.push(serverName);
      if (serverName === "other.test") return OTHER;
      return serverName === undefined ? FIRST : undefined;
    },
  }, {});
  const port = "port" in server.addr ? server.addr.port : 0;
  await visit(port, "OTHER.test", otherCert);
  await visit(port, "localhost", cert);
  await visit(port, "127.0.0.1", cert);
  assertEquals(asked, [undefined, undefined, "other.test", undefined, "localhost", undefined]);
});

Deno.test("an unusable or missing certificate fails its handshake, onError gets the error, and the next client is served", async () => {
  const errors: unknown[] = [];
  let answer: (serverName: string | undefined) => { cert: string; key: string } | undefined = () => FIRST;
  await using server = serve({
    port: 0,
    hostname: "127.0.0.1",
    certificate: (serverName) => answer(serverName),
    onError: (error) => errors.push(error),
  }, {});
  const port = "port" in server.addr ? server.addr.port : 0;
  const broken = new Error("No vault");
  const bad = { cert, key: otherKey };
  const answers: (typeof answer)[] = [
    () => bad,
    () => undefined,
    (serverName) => serverName === undefined ? FIRST : bad,
    (serverName) => {
      if (serverName === undefined) return FIRST;
      throw broken;
    },
  ];
  for (const next of answers) {
    answer = next;
    await assertRejects(() => soon(visit(port, "localhost", cert), "The refusal"));
    answer = () => FIRST;
    await visit(port, "localhost", cert);
  }
  assertEquals(errors.map((error) => error instanceof Error && error.message), [
    "Cannot serve over TLS: key is not the key of cert",
    "Cannot serve over TLS: there is no certificate for clients that name no host",
    "Cannot serve over TLS: key is not the key of cert",
    "No vault",
  ]);
});

Deno.test("certificate beside cert or key, a missing one for clients without a name, or a promise of one, throws", () => {
  assertThrows(() => serve({ port: 0, cert, key, certificate: () => FIRST }, {}), TypeError, "but not both");
  assertThrows(() => serve({ port: 0, key, certificate: () => FIRST }, {}), TypeError, "but not both");
  assertThrows(() => serve({ port: 0, certificate: () => undefined }, {}), TypeError, "there is no certificate");
  for (const certificate of [() => Promise.resolve(FIRST), () => null, () => cert]) {
    const start = () => Reflect.apply(serve, undefined, [{ port: 0, certificate }, {}]);
    assertThrows(start, TypeError, "it must be an object with cert and key in PEM, and not a promise");
  }
});
