import { assertRejects, assertThrows } from "@std/assert";
import { serve } from "../../lib/server/serve.ts";
import { connect } from "../../lib/client/connect.ts";
import type { ServeOptions } from "../../lib/server/server_options.ts";
import { NO_UNIX_SOCKETS, unless } from "../_support/needs.ts";
import { cert, key } from "../_support/tls.ts";
import { soon } from "../_support/wait.ts";

const ROUNDS = 20;

/** Starts a server and stops it, again and again at the same address. */
async function restarts(options: ServeOptions): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) await soon(serve(options, {}).shutdown(), "The shutdown");
  for (let round = 0; round < ROUNDS; round++) {
    const stop = new AbortController();
    const server = serve({ ...options, signal: stop.signal }, {});
    stop.abort();
    await soon(server.finished, "The end");
  }
  for (let round = 0; round < ROUNDS; round++) {
    await using _ = serve(options, {});
  }
}

/** A port that is free. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

for (const [name, options] of Object.entries({ TCP: {}, TLS: { cert, key } })) {
  Deno.test(`a server that has shut down leaves its port free at once: ${name}`, async () => {
    await restarts({ hostname: "127.0.0.1", port: freePort(), ...options });
  });
}

Deno.test("a server with a given listener leaves its port free at once", async () => {
  const port = freePort();
  for (let round = 0; round < ROUNDS; round++) {
    await serve({ listener: Deno.listen({ hostname: "127.0.0.1", port }) }, {}).shutdown();
  }
});

Deno.test("a given listener whose accept never settles does not keep a server from stopping", async () => {
  const addr = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;
  const listener = { addr, accept: () => new Promise<never>(() => {}), close() {}, ref() {}, unref() {} };
  await soon(serve({ listener }, {}).shutdown(), "The shutdown");
});

Deno.test({
  ...unless(NO_UNIX_SOCKETS, "a server that has shut down leaves neither an open Unix socket nor its file"),
  async fn() {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/socket`;
    await restarts({ path });
    await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
    await Deno.remove(folder);
  },
});

Deno.test("a port or a certificate beside the path of a Unix socket is a TypeError at the call, and nothing listens", () => {
  const more = { port: 0, hostname: "127.0.0.1", reusePort: true, cert, key, certificate: () => ({ cert, key }) };
  for (const [name, value] of Object.entries(more)) {
    assertThrows(
      () => serve({ path: "/run/none", [name]: value }, {}),
      TypeError,
      `both path and ${name}: a Unix socket`,
    );
  }
});

Deno.test("an empty path is a TypeError for servers and clients: Linux would choose a random address", async () => {
  const message = 'Cannot use path "": it must be a string that is not empty';
  assertThrows(() => serve({ path: "" }, {}), TypeError, message);
  await assertRejects(() => connect("ws://service/", { path: "" }), TypeError, message);
});
