/**
 * The server's end of one connection: reads the handshake, then opens a WebSocket connection or refuses.
 *
 * @module
 */
import { defer } from "../async.ts";
import type { Connection } from "../connection/connection.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import { HandshakeError } from "../errors.ts";
import { takeOptions } from "../options.ts";
import { type ByteConnection, type BytePair, CONNECTION } from "../transport/transport.ts";
import { type Acceptor, createAcceptor } from "./acceptor.ts";
import { type Exchange, http1Exchange } from "./exchange.ts";
import { Handshake, type HandshakeOwner } from "./handshake.ts";
import { ACCEPT_OPTION_KINDS, type AcceptOptions } from "./server_options.ts";
import type { AnyUpgradeAnswer, ConnectionOf, WithUpgrade } from "./upgrade_data.ts";

/**
 * Accepts a WebSocket on a connection that you accepted yourself: reads the request, answers it and returns the connection.
 *
 * @example One connection by hand
 * ```ts
 * import { accept, connect } from "@sluice/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * const client = connect(`ws://127.0.0.1:${listener.addr.port}`);
 * const socket = await accept(await listener.accept());
 * await socket.send("hello");
 * for await (const message of await client) {
 *   assertEquals(message, "hello");
 *   break;
 * }
 * await Promise.all([socket.close(), (await client).closed]);
 * listener.close();
 * ```
 *
 * @typeParam Data The type of `socket.data`.
 * @param conn A `Deno.Conn`, or a pair of byte streams. It then belongs to the WebSocket.
 * @param options The limits, the subprotocols, the origins and `upgrade`.
 * @returns The open connection.
 * @throws {TypeError} If `conn` is not a connection, or was accepted before; if an option is unknown or has the wrong type.
 * @throws {HandshakeError} If the request was refused. The client has got the response, and the connection is closed.
 * @throws {ConnectionError} If the client disconnected.
 * @throws {RangeError} If a number is out of range.
 */
export function accept<Answer extends AnyUpgradeAnswer>(
  conn: ByteConnection | BytePair,
  options: WithUpgrade<AcceptOptions, Answer>,
): Promise<ConnectionOf<Answer>>;
/** Accepts a WebSocket on a connection that you accepted yourself. `data` may be attached later, or never. */
export function accept<Data = unknown>(
  conn: ByteConnection | BytePair,
  options?: AcceptOptions<Data>,
): Promise<WebSocketConnection<Data>>;
export async function accept<Data>(
  conn: ByteConnection | BytePair,
  options: AcceptOptions<Data> = {},
): Promise<WebSocketConnection<Data>> {
  options = takeOptions("accept()", options, ACCEPT_OPTION_KINDS);
  CONNECTION.check(conn, "the first argument of accept()");
  return await acceptWith(createAcceptor(options), conn);
}

/** {@linkcode accept} with options that were checked. */
export function acceptWith<Data>(
  acceptor: Acceptor<Data>,
  conn: ByteConnection | BytePair,
  first?: Uint8Array<ArrayBuffer>,
): Promise<Connection<Data>> {
  return acceptExchange(acceptor, http1Exchange(conn, acceptor.http1, first));
}

/** {@linkcode acceptWith} for an exchange of any version of HTTP. */
export function acceptExchange<Data>(acceptor: Acceptor<Data>, exchange: Exchange): Promise<Connection<Data>> {
  const { stopping } = acceptor;
  const { promise, resolve, reject } = defer<Connection<Data>>();
  const stop = () => owner.handshake?.stop(stopping?.reason);
  const owner: HandshakeOwner<Data> = {
    handshake: undefined,
    admit() {},
    onOpen(connection) {
      stopping?.removeEventListener("abort", stop);
      resolve(connection);
    },
    onNone(error) {
      stopping?.removeEventListener("abort", stop);
      // Only a server with the option `http` answers ordinary requests.
      reject(error ?? new HandshakeError("The request was answered over HTTP", { status: 200 }));
    },
  };
  stopping?.addEventListener("abort", stop);
  new Handshake(acceptor, exchange, owner);
  return promise;
}
