/**
 * Connections as Deno makes them. In `lib/client` this file alone names `Deno`.
 *
 * @module
 */
import { builtinModules } from "../builtin_modules.ts";
import { defer } from "../async.ts";
import { closeOnFailure, type Dialer } from "./dialer.ts";
import { startNodeTls } from "./node_tls.ts";
import type { HostAndPort } from "./target.ts";

/**
 * Dials with Deno's own calls, and puts on TLS with `node:tls`. `Deno.startTls` moves large messages half as fast again, but Deno 2.9
 * keeps the TCP connection of a TLS handshake that is not over, whatever is called, for as long as the server says nothing.
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

/** Milliseconds until an attempt that was given up is ended: one to a host that does not answer would take minutes. */
const GRACE = 1_000;

/**
 * Connects, and leaves no connection where the signal comes first. `Deno.connect` has a signal too, but Deno 2.9 keeps the socket
 * where that comes in the moment in which TCP connects. So it is given another, which comes later, and what it connects by then is
 * closed.
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
    signal.throwIfAborted(); // it is closed then
    return conn;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}
