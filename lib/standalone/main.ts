/**
 * The command-line server: echoes on `/echo` and shows a page that talks to it on `/`.
 *
 * ```sh
 * deno run --allow-net jsr:@sluice/websocket/standalone --port 8080
 * ```
 *
 * @module
 */
import { parseArgs } from "node:util";
import { serve, type WebSocketServer } from "../server/serve.ts";
import { page } from "./page.ts";

const USAGE = `Usage: deno task serve [options]

Echoes WebSocket messages on /echo and shows a page that talks to it on /.

  --port N         port to listen on; 0 for one that is free (8080)
  --hostname HOST  address to listen on (127.0.0.1)
  --help           show this and exit
`;

/** A mistake on the command line. */
class UsageError extends Error {}

/** Runs the server. Returns it, or the exit code where it does not run. */
export function main(args: string[]): WebSocketServer | number {
  try {
    const { port, hostname, help } = readOptions(args);
    if (help) {
      print(USAGE);
      return 0;
    }
    return start(port, hostname);
  } catch (error) {
    if (error instanceof UsageError) {
      complain(`${error.message} (--help shows the options)`);
      return 2;
    }
    if (error instanceof Deno.errors.AddrInUse || error instanceof Deno.errors.AddrNotAvailable) {
      complain(error.message);
      return 1;
    }
    throw error;
  }
}

function readOptions(args: string[]): { port: number; hostname: string; help: boolean } {
  const parse = () =>
    parseArgs({
      args,
      options: {
        port: { type: "string", default: "8080" },
        hostname: { type: "string", default: "127.0.0.1" },
        help: { type: "boolean", default: false },
      },
    }).values;
  let values: ReturnType<typeof parse>;
  try {
    values = parse();
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message.split(". ")[0] : String(error));
  }
  const port = Number(values.port);
  if (!/^\d+$/.test(values.port) || port > 65_535) {
    throw new UsageError(`--port ${values.port} is not a port: it must be a number from 0 to 65535`);
  }
  return { ...values, port };
}

function start(port: number, hostname: string): WebSocketServer {
  try {
    return serve({
      port,
      hostname,
      onListen: (addr) => print(`Open http://${authority(addr)}/ in a browser; WebSockets echo on /echo\n`),
      upgrade: ({ path }) => path === "/echo" ? undefined : notFound(),
      http: ({ url }) => new URL(url).pathname === "/" ? page() : notFound(),
    }, {
      message: (socket, data) => void socket.send(data),
    });
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) {
      throw new Deno.errors.AddrInUse(`Port ${port} on ${hostname} is taken: choose another with --port`);
    }
    if (error instanceof Deno.errors.AddrNotAvailable) {
      throw new Deno.errors.AddrNotAvailable(`Cannot listen on ${hostname}: it is no address of this machine`);
    }
    throw error;
  }
}

function authority(addr: Deno.Addr): string {
  if (!("port" in addr && "hostname" in addr)) return "";
  return addr.hostname.includes(":") ? `[${addr.hostname}]:${addr.port}` : `${addr.hostname}:${addr.port}`;
}

function notFound(): Response {
  return new Response("Not found\n", { status: 404 });
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

function complain(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`serve: ${text}\n`));
}

if (import.meta.main) {
  const started = main(Deno.args);
  if (typeof started === "number") Deno.exit(started);
  // The first signal lets everybody finish, the second ends at once.
  let signals = 0;
  const stop = () => {
    if (++signals > 1) Deno.exit(130);
    void started.shutdown().then(() => Deno.exit(0));
  };
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGTERM", stop);
}
