/**
 * A stand-in for the `net.Socket` of an open WebSocket, for packages that read `_socket`.
 *
 * @module
 */
import { EventEmitter } from "node:events";
import type { Connection } from "../connection/connection.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import { ClosedSocket } from "./stand_ins.ts";

/** The events of a {@linkcode ConnectionSocket}. */
export interface ConnectionSocketEvents {
  /** Less than the high-water mark is queued again. */
  drain: [];
  /** The connection has ended. */
  close: [];
}

/**
 * The properties and events of a `net.Socket` that packages read from `_socket`: addresses, `drain` and `close`. It gives no access
 * to the bytes.
 */
export class ConnectionSocket extends EventEmitter<ConnectionSocketEvents> {
  readonly #connection: WebSocketConnection;
  readonly #addresses: ClosedSocket;

  /**
   * Creates the socket.
   *
   * @param connection The connection, which is open.
   */
  constructor(connection: WebSocketConnection) {
    super();
    this.#connection = connection;
    const { remoteAddr, localAddr, url } = connection;
    this.#addresses = new ClosedSocket(remoteAddr, localAddr, url.startsWith("wss:"));
    void connection.closed.then(() => this.emit("close"));
  }

  /** The peer's IP address. */
  get remoteAddress(): string | undefined {
    return this.#addresses.remoteAddress;
  }

  /** The peer's port. */
  get remotePort(): number | undefined {
    return this.#addresses.remotePort;
  }

  /** `"IPv4"` or `"IPv6"`. */
  get remoteFamily(): string | undefined {
    return this.#addresses.remoteFamily;
  }

  /** Our IP address. */
  get localAddress(): string | undefined {
    return this.#addresses.localAddress;
  }

  /** Our port. */
  get localPort(): number | undefined {
    return this.#addresses.localPort;
  }

  /** Whether the connection is encrypted. */
  get encrypted(): boolean {
    return this.#addresses.encrypted;
  }

  /** Whether the connection has ended. */
  get destroyed(): boolean {
    return this.#connection.readyState === 3;
  }

  /** Whether messages can be sent. */
  get writable(): boolean {
    return this.#connection.readyState === 1;
  }

  /** The bytes that the operating system has not taken yet. */
  get writableLength(): number {
    return this.#connection.bufferedAmount;
  }

  /** Ends the connection at once, without a close frame. */
  destroy(): this {
    this.#connection.abort();
    return this;
  }

  /** Does nothing: the connection sets this itself. */
  setNoDelay(): this {
    return this;
  }

  /** Does nothing: the connection sends pings itself. */
  setKeepAlive(): this {
    return this;
  }

  /** Does nothing: the connection has its own timeouts. */
  setTimeout(): this {
    return this;
  }
}

/** Makes the stand-in of a connection whose `drain` events it emits. */
export function connectionSocket(connection: Connection): ConnectionSocket {
  const socket = new ConnectionSocket(connection);
  connection.ondrain = () => void socket.emit("drain");
  return socket;
}
