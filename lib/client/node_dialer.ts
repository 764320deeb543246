/**
 * Connects with the modules of Node, also in Bun. `node:net` and `node:tls` are loaded when they are first needed, because Deno
 * and browsers load this file too.
 *
 * @module
 */
import type { Socket } from "node:net";
import { nodeConnection } from "../transport/node_connection.ts";
import type { ByteConnection } from "../transport/transport.ts";
import { closeOnFailure, type Dialer } from "./dialer.ts";
import { startNodeTls } from "./node_tls.ts";

/** The sockets of connections, because TLS starts on a socket itself. */
const SOCKETS = new WeakMap<ByteConnection, Socket>();

/** Dials with `node:net`, and starts TLS with `node:tls`. */
export const nodeDialer: Dialer = {
  async open(to, signal) {
    const [{ connect }, { EventEmitter }] = await Promise.all([import("node:net"), import("node:events")]);
    signal.throwIfAborted();
    const socket = connect({
      ...("path" in to ? { path: to.path } : { host: to.hostname, port: to.port }),
      allowHalfOpen: true,
      noDelay: true,
    });
    return await closeOnFailure({ close: () => socket.destroy() }, signal, async () => {
      await EventEmitter.once(socket, "connect", { signal });
      const conn: ByteConnection = {
        ...nodeConnection(socket),
        ...("path" in to && { remoteAddr: { transport: "unix", path: to.path } }),
      };
      SOCKETS.set(conn, socket);
      return conn;
    });
  },

  async secure(conn, options, signal) {
    const modules = await closeOnFailure(conn, signal, async () => {
      const loading = [import("node:events"), import("node:net"), import("node:stream"), import("node:tls")] as const;
      const [events, net, stream, tls] = await Promise.all(loading);
      return { events, net, stream, tls };
    });
    return await startNodeTls(modules, conn, options, signal, SOCKETS.get(conn));
  },

  env: (name) => globalThis.process?.env[name],
};
