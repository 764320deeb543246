/**
 * One `upgrade` event of a `node:http` or `node:https` server as a WebSocket connection.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { ByteConnection } from "../transport/transport.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import { acceptWith } from "../server/accept.ts";
import { createAcceptor } from "../server/acceptor.ts";
import { ACCEPT_OPTION_KINDS, type AcceptOptions } from "../server/server_options.ts";
import { nodeConnection } from "../transport/node_connection.ts";
import { isObject, kind } from "../option_kinds.ts";
import { checkOptions } from "../options.ts";
import type { AnyUpgradeAnswer, ConnectionOf, WithUpgrade } from "../server/upgrade_data.ts";

/** The arguments of an `upgrade` event. */
export interface UpgradeEvent {
  /** The request. */
  readonly request: IncomingMessage;
  /** Its socket, which no other code may read. */
  readonly socket: Duplex;
  /** What the server read of the socket behind the request's head: the first frames of a client that does not wait. */
  readonly head: Uint8Array;
}

const UPGRADE_EVENT = kind(
  "the arguments of an upgrade event: an object with request, socket and head",
  (value) =>
    isObject(value) && "request" in value && isObject(value.request) && "socket" in value && isObject(value.socket) &&
    "head" in value && value.head instanceof Uint8Array,
);

/**
 * Makes a WebSocket connection of one `upgrade` event, for who handles the event.
 *
 * @example One connection of a Node server by hand
 * ```ts
 * import { createServer } from "node:http";
 * import { connect } from "@sluice/websocket";
 * import { acceptNode } from "@sluice/websocket/node";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const server = createServer();
 * server.on("upgrade", async (request, socket, head) => {
 *   const connection = await acceptNode({ request, socket, head });
 *   await connection.send("hello");
 *   await connection.close();
 * });
 * await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
 * const address = server.address();
 * assert(typeof address === "object" && address !== null);
 *
 * const socket = await connect(`ws://127.0.0.1:${address.port}`);
 * for await (const message of socket) assertEquals(message, "hello");
 * await new Promise((closed) => server.close(closed));
 * ```
 *
 * @typeParam Data What the application keeps with the connection.
 * @param event The event's arguments. The socket belongs to the connection from here on.
 * @param options The limits, the subprotocols, the origins and the application's decision.
 * @returns The open connection.
 * @throws {TypeError} If the event is no such, or the socket belongs to another connection: `serveNode` has taken it, or this function before.
 * @throws {HandshakeError} If the request was refused. The peer was told, and the socket is closed.
 * @throws {ConnectionError} If the peer went away.
 * @throws {TypeError} If an option is unknown or of another kind.
 * @throws {RangeError} If a number is out of range.
 */
export function acceptNode<Answer extends AnyUpgradeAnswer>(
  event: UpgradeEvent,
  options: WithUpgrade<AcceptOptions, Answer>,
): Promise<ConnectionOf<Answer>>;
/** Makes a WebSocket connection of one `upgrade` event, whose `data` may be attached later, or never. */
export function acceptNode<Data = unknown>(
  event: UpgradeEvent,
  options?: AcceptOptions<Data>,
): Promise<WebSocketConnection<Data>>;
export async function acceptNode<Data>(
  event: UpgradeEvent,
  options: AcceptOptions<Data> = {},
): Promise<WebSocketConnection<Data>> {
  checkOptions("acceptNode()", options, ACCEPT_OPTION_KINDS);
  UPGRADE_EVENT.check(event, "the first argument of acceptNode()");
  const acceptor = createAcceptor(options);
  const { conn, first } = takeOver(event);
  return await acceptWith(acceptor, conn, first);
}

/**
 * Takes a socket from its server, with what was read of it: the request's head as it came, and what is behind it. So our
 * handshake judges the request by its own rules, whatever the server's parser let pass.
 */
export function takeOver({ request, socket, head }: UpgradeEvent): {
  conn: ByteConnection;
  first: Uint8Array<ArrayBuffer>;
} {
  return { conn: nodeConnection(socket), first: headBytes(request, request.rawHeaders, head) };
}

/**
 * The head of a request as it came, and what is behind it.
 *
 * @param request The request.
 * @param rawHeaders Its header fields, names and values in turn.
 * @param behind What came behind the head.
 */
export function headBytes(
  { method, url, httpVersion }: IncomingMessage,
  rawHeaders: readonly string[],
  behind: Uint8Array,
): Uint8Array<ArrayBuffer> {
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) text += `${rawHeaders[at]}: ${rawHeaders[at + 1]}\r\n`;
  text += "\r\n";
  const first = new Uint8Array(text.length + behind.length);
  // Node reads a head as latin1: a code unit is a byte.
  for (let i = 0; i < text.length; i++) first[i] = text.charCodeAt(i);
  first.set(behind, text.length);
  return first;
}
