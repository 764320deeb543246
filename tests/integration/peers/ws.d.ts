/** What the tests use of `npm:ws`, which brings no types; `@types/ws` would bring Node's globals along. */

import type { Server } from "node:http";

/** Emits events, each with its arguments. */
declare class Emitter<Events extends { [Name in keyof Events]: unknown[] }> {
  on<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => void): this;
  once<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => void): this;
}

/** A request or a response, as `node:http` has it. */
export interface IncomingMessage extends AsyncIterable<Uint8Array<ArrayBuffer>> {
  readonly url?: string;
  readonly statusCode?: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface WebSocketEvents {
  open: [];
  message: [data: Uint8Array<ArrayBuffer>, isBinary: boolean];
  pong: [data: Uint8Array];
  close: [code: number, reason: Uint8Array];
  error: [error: Error];
  upgrade: [response: IncomingMessage];
  "unexpected-response": [request: { destroy(): void }, response: IncomingMessage];
}

export default class WebSocket extends Emitter<WebSocketEvents> {
  constructor(
    url: string,
    protocols?: readonly string[],
    options?: { headers?: Record<string, string>; perMessageDeflate?: boolean | PerMessageDeflateOptions },
  );
  readonly protocol: string;
  readonly extensions: string;
  send(
    data: string | Uint8Array,
    options?: { fin?: boolean; binary?: boolean },
    sent?: (error?: Error | null) => void,
  ): void;
  ping(data?: string): void;
  close(code?: number, reason?: string): void;
  terminate(): void;
}

export interface WebSocketServerEvents {
  listening: [];
  connection: [socket: WebSocket, request: IncomingMessage];
  headers: [lines: string[], request: IncomingMessage];
}

export interface PerMessageDeflateOptions {
  threshold?: number;
  serverNoContextTakeover?: boolean;
  clientNoContextTakeover?: boolean;
  serverMaxWindowBits?: number;
  clientMaxWindowBits?: number;
}

export interface WebSocketServerOptions {
  perMessageDeflate?: boolean | PerMessageDeflateOptions;
  handleProtocols?: (protocols: Set<string>) => string | false;
  verifyClient?: (
    info: { req: IncomingMessage },
    answer: (accepted: boolean, status: number, body: string, headers: Record<string, string>) => void,
  ) => void;
}

export class WebSocketServer extends Emitter<WebSocketServerEvents> {
  constructor(options: WebSocketServerOptions & ({ host: string; port: number } | { server: Server }));
  readonly clients: ReadonlySet<WebSocket>;
  address(): { port: number };
  close(done: () => void): void;
}
