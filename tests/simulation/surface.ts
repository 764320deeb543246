/**
 * What an application sees of a connection, whichever class it has.
 *
 * @module
 */
import type { MessageSource } from "../../lib/connection/message_source.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import type { MessageData } from "../../lib/pipeline/messages/message.ts";

/** What of a connection all its surfaces have: `WebSocketConnection`, the two classes of the web, the one that comes back. */
export interface Surface {
  /** 1 open, 2 closing, 3 closed. */
  readonly state: number;
  readonly buffered: number;
  /** Whether `buffered` is all that `send` waits for. */
  readonly exact?: boolean;
  /** Whether there may be many connections behind it, or none. */
  readonly comesBack?: boolean;
  send(data: MessageData | MessageSource): Promise<void> | undefined;
  close(code: number | undefined): void;
  abort?(reason: unknown): void;
  ping?(payload: Uint8Array<ArrayBuffer>): Promise<number>;
}

/** The surface of a connection. */
export function surfaceOf(socket: WebSocketConnection): Surface {
  return {
    get state() {
      return socket.readyState;
    },
    get buffered() {
      return socket.bufferedAmount;
    },
    exact: true,
    send: (data) => socket.send(data),
    close: (code) => void socket.close(code),
    abort: (reason) => socket.abort(reason),
    ping: (payload) => socket.ping(payload),
  };
}
