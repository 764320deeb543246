import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import { HandshakeError } from "../../lib/errors.ts";
import { loadHandlers } from "../../lib/handlers/mod.ts";
import { serve } from "../../lib/server/serve.ts";
import { connectionNumbers } from "../../lib/standalone/log.ts";
import { createSockets, type Sockets, type SocketSession, type SocketsOptions } from "../../lib/standalone/sockets.ts";
import { utf8 } from "../_support/frames.ts";
import { RawPeer } from "../_support/raw_peer.ts";
import { soon, until } from "../_support/wait.ts";
import { folder } from "../handlers/_support.ts";
import { logged } from "./_support.ts";

interface Running extends AsyncDisposable {
  readonly sockets: Sockets;
  readonly url: string;
  readonly lines: string[];
  /** Stops, and returns the lines without what differs from run to run. */
  stop(): Promise<string[]>;
}

function running(options: Partial<SocketsOptions> = {}): Running {
  const { log, lines } = logged();
  const sockets = createSockets({
    directory: undefined,
    authenticate: undefined,
    log,
    idOf: connectionNumbers(),
    ...options,
  });
  const { upgrade, handler, observer, onError } = sockets;
  const server = serve<SocketSession>(
    { port: 0, hostname: "127.0.0.1", upgrade, observer, onError },
    handler,
  );
  return {
    sockets,
    url: server.url,
    lines,
    async stop() {
      await soon(server.shutdown(), "The end");
      return lines.map((line) => line.replace(/remote=\S+/, "remote=R").replace(/(seconds|at)=("[^"]*"|\S+)/, "$1=S"));
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

async function refusal(url: string, headers: HeadersInit = {}): Promise<HandshakeError> {
  return await assertRejects(() => connect(url, { headers }), HandshakeError);
}

Deno.test("/echo exists without any handler, and agrees on the subprotocol echo if a client requests it", async () => {
  await using server = running();
  assertEquals(server.sockets.resources(), ["/echo"]);
  const socket = await connect(`${server.url}/echo`, { protocols: ["other", "echo"] });
  assertEquals(socket.protocol, "echo");
  const messages = socket[Symbol.asyncIterator]();
  for (const message of ["héllo", Uint8Array.of(0, 255), ""]) {
    await socket.send(message);
    assertEquals((await messages.next()).value, message);
  }
  await socket.close(4000, "so long");
  assertEquals(await server.stop(), [
    "level=info event=open connection=1 remote=R resource=/echo protocol=echo",
    'level=info event=close connection=1 code=4000 reason="so long" clean=true seconds=S',
  ]);
});

Deno.test("handlers are served beside it, and one with the same name replaces it", async () => {
  await using files = await folder({
    "greet_wsh.js": `export const transferData = ({ stream }) => stream.sendMessage("hello");`,
  });
  const directory = await loadHandlers({ root: files.path });
  await using server = running({ directory });
  assertEquals(server.sockets.resources(), ["/echo", "/greet"]);
  assertEquals(await Array.fromAsync(await connect(`${server.url}/greet`)), ["hello"]);

  await files.write("echo_wsh.js", `export const transferData = ({ stream }) => stream.sendMessage("mine");`);
  await directory.reload();
  assertEquals(await Array.fromAsync(await connect(`${server.url}/echo`)), ["mine"]);
});

Deno.test("refused clients are logged: unknown resource, another origin, unknown credentials", async () => {
  await using server = running({
    authenticate: (headers) => Promise.resolve(headers.get("authorization") === "Basic me"),
  });
  const headers = { Authorization: "Basic me" };
  assertEquals((await refusal(`${server.url}/nothing`, headers)).status, 404);
  assertEquals((await refusal(`${server.url}/echo`, { ...headers, Origin: "http://evil.example" })).status, 403);
  const nobody = await refusal(`${server.url}/echo?a=1`);
  assertEquals([nobody.status, new Headers([...nobody.headers]).get("www-authenticate")], [
    401,
    'Basic realm="Sluice", charset="UTF-8"',
  ]);
  assertEquals(await server.stop(), [
    'level=info event=refuse connection=1 remote=R resource=/nothing status=404 reason="There is no such resource"',
    "level=info event=refuse connection=2 remote=R resource=/echo origin=http://evil.example status=403 " +
    'reason="Origin \\"http://evil.example\\" is not allowed"',
    'level=info event=refuse connection=3 remote=R resource="/echo?a=1" status=401 reason="Unknown user or wrong password"',
  ]);
});

Deno.test("refusals and errors of a handler are logged with the connection", async () => {
  await using files = await folder({
    "closed_wsh.js": `
      export const doExtraHandshake = () => new Response("Closed", { status: 410 });
      export const transferData = () => {};`,
    "broken_wsh.js": `
      export const doExtraHandshake = (request) => { if (request.resource.endsWith("?early")) throw new Error("early"); };
      export const transferData = () => { throw new Error("late"); };`,
  });
  await using server = running({ directory: await loadHandlers({ root: files.path }) });
  assertEquals((await refusal(`${server.url}/closed`)).status, 410);
  assertEquals((await refusal(`${server.url}/broken?early`)).status, 500);
  const socket = await connect(`${server.url}/broken`);
  assertEquals((await socket.closed).closeCode, 1011);
  const lines = await server.stop();
  assertEquals(lines.filter((line) => !/event=(open|close)/.test(line)), [
    'level=info event=refuse connection=1 remote=R resource=/closed status=410 reason="The application refused the handshake with 410"',
    'level=info event=refuse connection=2 remote=R resource=/broken?early status=500 reason="The handshake failed on the server\'s side"',
    'level=error event=fault connection=2 error="Error: early" at=S',
    'level=error event=fault connection=3 error="Error: late" at=S',
  ]);
});

Deno.test("the server pings only the console's own connection for it", async () => {
  await using server = running();
  const socket = await connect(`${server.url}/echo?console=0123`);
  assertMatch(String(await server.sockets.ping("0123")), /^\d+(\.\d+)?$/);
  assertEquals(await server.sockets.ping("0124"), undefined);

  // A client that chooses the same identifier does not replace the first one.
  const second = await connect(`${server.url}/echo?console=0123`);
  await second.close();
  assertEquals(typeof await server.sockets.ping("0123"), "number");

  await socket.close();
  await server.stop();
  assertEquals(await server.sockets.ping("0123"), undefined);
});

Deno.test("a client refused before its request is parsed is logged with the limit; one that disconnects, only at debug level", async () => {
  await using server = running();
  const port = Number(new URL(server.url).port);
  using long = await RawPeer.dial(port);
  await long.send(utf8(`GET /${"x".repeat(10_000)} HTTP/1.1\r\n`));
  await long.readText();
  long.close();
  (await RawPeer.dial(port)).close();
  await until(() => server.lines.length === 2, "Both lines");
  const [refused, left] = (await server.stop()).toSorted().toReversed();
  assertEquals(
    refused,
    'level=info event=refuse connection=1 remote=R status=414 limit=maxStartLineBytes reason="Start line is longer than 8192 bytes"',
  );
  assertMatch(left ?? "", /^level=debug event=leave connection=2 remote=R error="ConnectionError: .*"$/);
});
