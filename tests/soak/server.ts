/**
 * The server of the soak: every message comes back behind its number on its connection, and a line of JSON says how the server
 * does, a few times a second.
 *
 * @module
 */
import { serve } from "../../mod.ts";

/** What the server says of itself. */
export interface ServerStats {
  /** The port on 127.0.0.1. */
  port: number;
  /** Connections that are open. */
  connections: number;
  /** Messages received so far. */
  messages: number;
  /** Resident memory in bytes. */
  rss: number;
  /** What `onError` was told, by its message: mistakes on our side. There should be none. */
  faults: Record<string, number>;
}

/** Milliseconds between two lines. */
const STATS_INTERVAL = 200;

/**
 * Deadlines in milliseconds, short enough to be met in a soak of a minute: a handshake left half done, a message never finished,
 * a peer that does not answer. Long enough for two thousand clients that share two cores with the server. A client that is slow
 * on purpose pauses for less than the two last together.
 */
const DEADLINES = {
  handshakeTimeout: 5_000,
  messageTimeout: 6_000,
  closeTimeout: 2_000,
  pingInterval: 10_000,
  pongTimeout: 8_000,
};

if (import.meta.main) {
  let messages = 0;
  const faults: Record<string, number> = {};
  const server = serve<number>({
    hostname: "127.0.0.1",
    port: 0,
    ...DEADLINES,
    upgrade: () => ({ data: 0 }),
    onError: (error) => {
      const message = String(error);
      faults[message] = (faults[message] ?? 0) + 1;
    },
  }, {
    message(socket, text) {
      messages++;
      socket.data = (socket.data ?? 0) + 1;
      return socket.send(`${socket.data} ${text}`);
    },
  });
  const { port } = server.addr as Deno.NetAddr;
  const say = () => {
    const { rss } = Deno.memoryUsage();
    const stats: ServerStats = { port, connections: server.connections.size, messages, rss, faults };
    Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(stats)}\n`));
  };
  say();
  const timer = setInterval(say, STATS_INTERVAL);
  Deno.addSignalListener("SIGTERM", () => {
    clearInterval(timer);
    void server.shutdown().then(() => Deno.exit(0));
  });
}
