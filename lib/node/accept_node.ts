/**
 * Accepts one `upgrade` event of a `node:http` or `node:https` server as a WebSocket connection.
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
import { takeOptions } from "../options.ts";
import type { AnyUpgradeAnswer, ConnectionOf, WithUpgrade } from "../server/upgrade_data.ts";

/** The arguments of an `upgrade` event. */
export interface UpgradeEvent {
  /** The request. */
  readonly request: IncomingMessage;
  /** The request's socket. No other code may read it. */
  readonly socket: Duplex;
  /** The bytes that the server read behind the request's head: the first frames of a client that does not wait. */
  readonly head: Uint8Array;
}

const UPGRADE_EVENT = kind(
  "the arguments of an upgrade event: an object with request, socket and head",
  (value) =>
    isObject(value) && "request" in value && isObject(value.request) && "socket" in value && isObject(value.socket) &&
    "head" in value && value.head instanceof Uint8Array,
);

/**
 * Accepts one `upgrade` event as a WebSocket connection, if you handle the event yourself.
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
 * @typeParam Data The application's data for the connection.
 * @param event The event's arguments. The connection owns the socket from now on.
 * @param options The limits, the subprotocols, the origins and the application's hooks.
 * @returns The open connection.
 * @throws {TypeError} If the event is not of that kind, or the socket already belongs to a connection that `serveNode` or this
 *    function made.
 * @throws {HandshakeError} If the request was refused. The client has got the response, and the socket is closed.
 * @throws {ConnectionError} If the peer went away.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 * @throws {RangeError} If a number is out of range.
 */
export function acceptNode<Answer extends AnyUpgradeAnswer>(
  event: UpgradeEvent,
  options: WithUpgrade<AcceptOptions, Answer>,
): Promise<ConnectionOf<Answer>>;
/** Accepts one `upgrade` event as a WebSocket connection. Its `data` may be set later, or never. */
export function acceptNode<Data = unknown>(
  event: UpgradeEvent,
  options?: AcceptOptions<Data>,
): Promise<WebSocketConnection<Data>>;
export async function acceptNode<Data>(
  event: UpgradeEvent,
  options: AcceptOptions<Data> = {},
): Promise<WebSocketConnection<Data>> {
  options = takeOptions("acceptNode()", options, ACCEPT_OPTION_KINDS);
  UPGRADE_EVENT.check(event, "the first argument of acceptNode()");
  const acceptor = createAcceptor(options);
  const { conn, first } = takeOver(event);
  return await acceptWith(acceptor, conn, first);
}

/**
 * Takes a socket from its server, together with the bytes that were read from it: the request's head as it arrived, and what
 * follows it. The handshake can then apply its own rules to the request, whatever the server's parser accepted.
 */
export function takeOver({ request, socket, head }: UpgradeEvent): {
  conn: ByteConnection;
  first: Uint8Array<ArrayBuffer>;
} {
  return { conn: nodeConnection(socket), first: headBytes(request, request.rawHeaders, head) };
}

/**
 * Returns the head of a request as it arrived, and the bytes behind it.
 *
 * @param request The request.
 * @param rawHeaders Its header fields, with names and values alternating.
 * @param behind The bytes behind the head.
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
  // Node reads a head as latin1, so a code unit is a byte.
  for (let i = 0; i < text.length; i++) first[i] = text.charCodeAt(i);
  first.set(behind, text.length);
  return first;
}
