/**
 * Connects with Deno's own functions. In `lib/client`, only this file uses `Deno`.
 *
 * @module
 */
import { builtinModules } from "../builtin_modules.ts";
import { defer } from "../async.ts";
import { closeOnFailure, type Dialer } from "./dialer.ts";
import { startNodeTls } from "./node_tls.ts";
import type { HostAndPort } from "./target.ts";

/**
 * Dials with Deno's own functions, and starts TLS with `node:tls`. `Deno.startTls` is half as fast again with large messages, but
 * its connections cannot be dropped during the TLS handshake: Deno 2.9 keeps the TCP connection until the server sends something,
 * and no method closes it.
 */
export const denoDialer: Dialer = {
  async open(to, signal) {
    if ("path" in to) {
      const conn = await Deno.connect({ transport: "unix", path: to.path }); // takes no signal
      return await closeOnFailure(conn, signal, () => Promise.resolve(conn));
    }
    const conn = await openTcp(to, signal);
    conn.setNoDelay(true);
    return conn;
  },

  async secure(conn, options, signal) {
    const load = builtinModules("speak TLS with node:tls");
    const modules = {
      events: load("node:events"),
      net: load("node:net"),
      stream: load("node:stream"),
      tls: load("node:tls"),
    };
    return await startNodeTls(modules, conn, options, signal);
  },

  env: (name) => Deno.env.get(name),
};

/** Milliseconds until a cancelled attempt is ended. Without this, an attempt to reach a silent host would last for minutes. */
const GRACE = 1_000;

/**
 * Connects, and leaves no connection open if the signal is aborted first. `Deno.connect` takes a signal too, but Deno 2.9 keeps
 * the socket open if the signal is aborted at the moment at which TCP connects. So it gets another signal, which is aborted
 * later, and a connection that opens by then is closed.
 */
async function openTcp({ hostname, port }: HostAndPort, signal: AbortSignal): Promise<Deno.TcpConn> {
  signal.throwIfAborted();
  const end = new AbortController();
  const connecting = Deno.connect({ hostname, port, signal: end.signal });
  const stop = defer<never>();
  const giveUp = () => {
    stop.reject(signal.reason);
    const timer = setTimeout(() => end.abort(), GRACE);
    connecting.then((conn) => conn.close(), () => {}).finally(() => clearTimeout(timer));
  };
  signal.addEventListener("abort", giveUp);
  try {
    const conn = await Promise.race([connecting, stop.promise]);
    signal.throwIfAborted(); // a connection that opens later is closed
    return conn;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}
