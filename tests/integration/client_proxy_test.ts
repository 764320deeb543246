/**
 * Our client through proxies of other projects: tinyproxy for CONNECT, microsocks for SOCKS5.
 *
 * @module
 */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import type { ConnectOptions } from "../../lib/client/client_options.ts";
import { ConnectionError, HandshakeError } from "../../lib/errors.ts";
import { serve, type WebSocketServer } from "../../lib/server/serve.ts";
import { within } from "../_support/deadline.ts";
import { assertMessage, bytesOfSize, textOfSize } from "../_support/messages.ts";
import { unless, withoutProgram } from "../_support/needs.ts";
import { cert, key } from "../_support/tls.ts";
import { freePorts, startProgram } from "./_program.ts";
import { ECHO, LOOPBACK } from "./_support.ts";

interface ProxyProgram {
  readonly name: string;
  readonly path: string;
  /** The scheme of its URLs. */
  readonly scheme: string;
  /** Its arguments, for a port, and for credentials where it shall want them. */
  command(folder: string, port: number, login?: Login): Promise<string[]>;
}

interface Login {
  readonly username: string;
  readonly password: string;
}

const LOGIN: Login = { username: "user", password: "secret" };

const PROGRAMS: ProxyProgram[] = [
  {
    name: "tinyproxy",
    path: "/usr/bin/tinyproxy",
    scheme: "http",
    async command(folder, port, login) {
      const lines = [
        `Port ${port}`,
        "Listen 127.0.0.1",
        "Allow 127.0.0.1",
        "Timeout 60",
        ...(login ? [`BasicAuth ${login.username} ${login.password}`] : []),
      ];
      await Deno.writeTextFile(`${folder}/tinyproxy.conf`, `${lines.join("\n")}\n`);
      return ["-d", "-c", `${folder}/tinyproxy.conf`];
    },
  },
  {
    name: "microsocks",
    path: "/usr/bin/microsocks",
    scheme: "socks5",
    command(_, port, login) {
      const credentials = login ? ["-u", login.username, "-P", login.password] : [];
      return Promise.resolve(["-i", "127.0.0.1", "-p", String(port), ...credentials]);
    },
  },
];

async function startProxy({ name, path, command, scheme }: ProxyProgram, login?: Login) {
  const [port = 0] = freePorts(1);
  const running = await startProgram({
    name,
    path,
    ports: [port],
    prepare: async (folder) => ({ args: await command(folder, port, login) }),
  });
  return {
    url: `${scheme}://127.0.0.1:${port}`,
    urlOf: (credentials: string) => `${scheme}://${credentials}@127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}

/** Our servers, plain and over TLS. */
function servers(): { plain: WebSocketServer; secure: WebSocketServer } & AsyncDisposable {
  const plain = serve(LOOPBACK, ECHO.callbacks);
  const secure = serve({ ...LOOPBACK, cert, key }, ECHO.callbacks);
  return {
    plain,
    secure,
    async [Symbol.asyncDispose]() {
      await within(Promise.all([plain.shutdown(), secure.shutdown()]), 10_000, "The shutdown");
    },
  };
}

const open = (url: string, options: ConnectOptions) => within(connect(url, options), 10_000, "The handshake");

for (const program of PROGRAMS) {
  const { name, path } = program;
  const test = (title: string, fn: () => Promise<void>) =>
    Deno.test({ ...unless(withoutProgram(path), `through ${name}, ${title}`), fn });

  test("messages are echoed, plain and over TLS, by name and by address", async () => {
    await using proxy = await startProxy(program);
    await using ours = servers();
    const urls = [ours.plain.url, ours.secure.url, `wss://localhost:${new URL(ours.secure.url).port}/`];
    for (const url of urls) {
      const socket = await open(url, { proxy: proxy.url, caCerts: [cert] });
      const replies = socket[Symbol.asyncIterator]();
      for (const message of ["", textOfSize(70_000), bytesOfSize(1_000_000)]) {
        void socket.send(message);
        assertMessage((await within(replies.next(), 10_000, "A reply")).value, message);
      }
      assertEquals((await within(socket.close(), 10_000, "The end")).wasClean, true);
    }
  });

  test("correct credentials connect, and wrong or missing ones do not", async () => {
    await using proxy = await startProxy(program, LOGIN);
    await using ours = servers();
    const url = ours.plain.url;
    await (await open(url, { proxy: proxy.urlOf("user:secret") })).close();
    for (const refused of [proxy.url, proxy.urlOf("user:wrong")]) {
      const error = await assertRejects(() => open(url, { proxy: refused }), Error, "Cannot connect to 127.0.0.1:");
      assertEquals(/wrong|secret/.test(error.message), false, error.message);
      if (program.scheme === "http") {
        assertEquals(error instanceof HandshakeError && [401, 407].includes(error.status), true, error.message);
      } else {
        assertEquals(error instanceof ConnectionError, true, error.message);
      }
    }
  });

  test("a server without a listener is an error that names the proxy", async () => {
    await using proxy = await startProxy(program);
    const [port] = freePorts(1);
    const error = await assertRejects(() => open(`ws://127.0.0.1:${port}/`, { proxy: proxy.url }), Error);
    assertStringIncludes(error.message, `Cannot connect to 127.0.0.1:${port} through ${proxy.url}`);
    if (program.scheme === "http") {
      assertEquals(error instanceof HandshakeError && error.status >= 500, true, error.message);
      assertEquals(error instanceof HandshakeError && (error.body?.length ?? 0) > 0, true);
    } else {
      assertStringIncludes(error.message, "connection refused");
    }
  });

  test("the server's refusal differs from the proxy's", async () => {
    await using proxy = await startProxy(program);
    await using server = serve({ ...LOOPBACK, upgrade: () => new Response("No\n", { status: 403 }) }, ECHO.callbacks);
    const error = await assertRejects(() => open(server.url, { proxy: proxy.url }), HandshakeError);
    assertEquals([error.message, error.status], ["Server answered 403, not 101", 403]);
    assertEquals(new TextDecoder().decode(error.body), "No\n");
  });
}
