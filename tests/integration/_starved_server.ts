/**
 * A server that runs out of file descriptors when its standard input says so: `_starved_server.ts KIND`. Where the library asks for
 * something then that needs one, Deno ends.
 *
 * @module
 */
import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { connect } from "../../lib/client/connect.ts";
import { deflateFrame } from "../../lib/extensions/deflate_frame.ts";
import type { WebSocketCallbacks } from "../../lib/connection/readers/callbacks.ts";
import { serveHttp2 } from "../../lib/http2/serve_http2.ts";
import { legacyDrafts } from "../../lib/legacy/mod.ts";
import { serveNode } from "../../lib/node/serve_node.ts";
import { serve } from "../../lib/server/serve.ts";
import type { ServeOptions } from "../../lib/server/server_options.ts";
import { start } from "../../lib/standalone/main.ts";
import { readOptions } from "../../lib/standalone/read_options.ts";
import { cert, key } from "../_support/tls.ts";

const HERE = { port: 0, hostname: "127.0.0.1" };
const echo: WebSocketCallbacks = { message: (socket, data) => void socket.send(data) };
const ours = (options: ServeOptions = {}, callbacks = echo) => {
  const { addr } = serve({ ...HERE, ...options }, callbacks);
  return "port" in addr ? addr.port : 0;
};
const nodes = async (server: Server) => {
  await new Promise<void>((listening) => server.listen(0, HERE.hostname, listening));
  return (server.address() as AddressInfo).port;
};

const KINDS: Record<string, () => number | Promise<number>> = {
  plain: () => ours(),
  http: () => ours({ http: () => new Response("hello") }),
  deflate: () => ours({ perMessageDeflate: true }),
  "deflate-frame": () => ours({ extensions: [deflateFrame()] }),
  legacy: () => ours({ legacy: legacyDrafts() }),
  tls: () => ours({ cert, key }),
  node() {
    const server = createServer();
    serveNode(server, { perMessageDeflate: true }, echo);
    return nodes(server);
  },
  http2() {
    const server = createHttp2Server();
    serveHttp2(server, {}, echo);
    return nodes(server);
  },
  throwing: () =>
    ours({}, {
      message() {
        throw new Error("thrown by a handler");
      },
    }),
  dialing: () =>
    ours({}, {
      async message(socket) {
        const failed = await connect("ws://127.0.0.1:1").catch((error: unknown) => error);
        say(Deno.inspect(failed));
        await socket.send(String(failed));
      },
    }),
  async standalone() {
    const folder = new URL("../standalone/", import.meta.url).pathname;
    const { addr } = await start(await readOptions(["--port", "0", "--document-root", folder, "--log-level", "error"]));
    return "port" in addr ? addr.port : 0;
  },
};

/** How many sockets this process holds. */
function sockets(): number {
  let count = 0;
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith("socket:")) count++;
    } catch {
      // That was the one which read the folder.
    }
  }
  return count;
}

const taken: Deno.FsFile[] = [];
function starve(): void {
  for (;;) {
    try {
      taken.push(Deno.openSync("/dev/null"));
    } catch {
      return;
    }
  }
}

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

async function obey(listening: number): Promise<void> {
  for await (const order of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    if (order.trim() === "starve") {
      while (sockets() === listening) await new Promise((resolve) => setTimeout(resolve, 5)); // until the client is accepted
      starve();
      say("starved");
    } else {
      for (const file of taken.splice(0)) file.close();
      say("fed");
    }
  }
}

const port = await KINDS[Deno.args[0]!]!();
// Deno 2.9 itself needs descriptors in the first second of a process, and ends without: for its signals, and to look for updates.
setTimeout(() => {
  void obey(sockets());
  say(`port ${port}`);
}, 1_200);
