/**
 * What the tests of connections share: one connection in memory with a raw peer, and the ways to read it.
 *
 * @module
 */
import type { ExtensionProcessor } from "../../lib/extensions/extension.ts";
import { type Limits, resolveLimits } from "../../lib/limits.ts";
import type { Role } from "../../lib/pipeline/frames/frame.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import { Connection } from "../../lib/connection/connection.ts";
import { runHandler } from "../../lib/connection/readers/callbacks.ts";
import type { Observer } from "../../lib/connection/watch/observer.ts";
import type { Topics } from "../../lib/connection/topics.ts";
import { type ByteConnection, type BytePair, transportOf } from "../../lib/transport/transport.ts";
import type { CloseInfo, WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { connPair, type MemoryConn } from "../_support/pair.ts";
import { RawPeer } from "../_support/raw_peer.ts";
import { soon, until } from "../_support/wait.ts";

/** How a connection is made. */
export interface OpenOptions extends Partial<Limits> {
  /** Which end it is. @default {"server"} */
  role?: Role;
  /** Bytes that each way of the transport holds. */
  capacity?: number;
  /** Bytes that came behind the handshake. */
  rest?: Uint8Array<ArrayBuffer>;
  /** The hub of its server. */
  hub?: Topics;
  /** Watches it. */
  observer?: Observer;
  /** The extensions at work. */
  extensionProcessors?: readonly ExtensionProcessor[];
  /** Whether callbacks are lent binary payloads. */
  lendPayloads?: boolean;
}

/** A connection over any transport, with no keepalive unless it is asked for. */
export function connectionOver(conn: ByteConnection | BytePair, options: OpenOptions = {}): Connection {
  const { role = "server", rest = new Uint8Array(0), hub, lendPayloads } = options;
  return new Connection({
    role,
    url: "ws://127.0.0.1/",
    protocol: "",
    extensions: "",
    extensionProcessors: options.extensionProcessors ?? [],
    fields: [],
    remoteAddr: undefined,
    localAddr: undefined,
    data: undefined,
    transport: transportOf(conn),
    limits: resolveLimits({ pingInterval: 0, ...options }),
    rest,
    hub,
    observer: options.observer,
    lendPayloads,
  });
}

/** A connection and its peer. */
export interface Opened {
  /** The connection under test. */
  connection: Connection;
  /** The other end. */
  peer: RawPeer;
  /** The connection's own end of the transport. */
  conn: MemoryConn;
  /** The peer's end. */
  far: MemoryConn;
}

/** Makes a connection over a transport in memory. */
export function open(options: OpenOptions = {}): Opened {
  const [conn, far] = connPair(options.capacity);
  const peer = new RawPeer(far, options.role === "client" ? "server" : "client");
  return { connection: connectionOver(conn, options), peer, conn, far };
}

/** What a reader of a connection got so far. */
export interface Reading {
  /** The messages. */
  readonly messages: Message[];
  /** Resolves when reading has ended, with what it threw. */
  readonly ended: Promise<unknown>;
  /** Waits for so many messages. */
  received(count: number): Promise<void>;
}

/** One way to read a connection to its end. */
export interface Lane {
  /** The way. */
  name: string;
  /** Reads, and calls `each` for every message before the next one. */
  read(connection: Connection, each?: (message: Message) => void | Promise<void>): Reading;
}

type Each = (message: Message) => void | Promise<void>;

function lane(name: string, run: (connection: Connection, each: Each) => Promise<unknown>): Lane {
  return {
    name,
    read(connection, each = () => {}) {
      const messages: Message[] = [];
      const ended = run(connection, (message) => {
        messages.push(message);
        return each(message);
      }).catch((error) => error);
      return {
        messages,
        ended: soon(ended, "The end of reading"),
        received: (count) => until(() => messages.length >= count, `${count} messages in ${name}`),
      };
    },
  };
}

/** Every way: the pipeline's three, and callbacks. */
export const LANES: readonly Lane[] = [
  lane("for await", async (connection, each) => {
    for await (const message of connection) await each(message);
  }),
  lane("readable", async (connection, each) => {
    for await (const message of connection.readable) await each(message);
  }),
  lane("batches", async (connection, each) => {
    for await (const batch of connection.batches) for (const message of batch) await each(message);
  }),
  lane("callbacks", async (connection, each) => {
    let thrown: unknown;
    await runHandler(connection, {
      message: (_, message) => each(message),
      error: (_, error) => {
        thrown = error;
      },
    }, () => {});
    return thrown;
  }),
];

/** One test for each way of reading. */
export function inEveryLane(title: string, run: (lane: Lane) => Promise<void>): void {
  for (const lane of LANES) Deno.test(`${title} (${lane.name})`, () => run(lane));
}

/** How a connection ended, which it must do soon. */
export function closed(connection: WebSocketConnection): Promise<CloseInfo> {
  return soon(connection.closed, "The connection's end");
}
