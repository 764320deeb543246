/**
 * Hono's `upgradeWebSocket` on Sluice connections. Hono itself is not loaded; the types are compatible with its context.
 *
 * @example On a Sluice server
 * ```ts ignore
 * import { Hono } from "npm:hono@^4";
 * import { serve } from "@sluice/websocket";
 * import { fromFetch } from "@sluice/websocket/fetch";
 * import { upgradeWebSocket } from "@sluice/websocket/hono";
 *
 * const app = new Hono();
 * app.get("/echo", upgradeWebSocket(() => ({ onMessage: ({ data }, ws) => void ws.send(data) })));
 *
 * const { handler, ...fromHono } = fromFetch(app.fetch);
 * serve({ port: 8000, ...fromHono }, handler);
 * ```
 *
 * @example On a server of `@hono/node-server`, in Deno and in Node
 * ```ts ignore
 * import { serve } from "npm:@hono/node-server@^2";
 * import { serveNode } from "@sluice/websocket/node";
 *
 * const { upgrade, handler } = fromFetch(app.fetch);
 * serveNode(serve({ fetch: app.fetch, port: 8000 }), { upgrade }, handler);
 * ```
 *
 * In `Deno.serve(app.fetch)` the platform's WebSockets carry the connections; the description of `./deno-serve` lists what they
 * lack.
 *
 * @module
 */
import { hasToken, isToken, listValues } from "../handshake/http_fields.ts";
import { closeEvent, errorEvent } from "../client/event_handlers.ts";
import { pick } from "../options.ts";
import type { SendOptions } from "../connection/socket_options.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import { isObject } from "../option_kinds.ts";
import type { Message } from "../pipeline/messages/message.ts";
import type { Address } from "../transport/transport.ts";
import { upgradeWebSocket as upgradeFetched } from "./fetch.ts";
import { FETCH_UPGRADE_OPTION_KINDS, type FetchUpgradeOptions, PLATFORM_KINDS } from "./fetch_options.ts";

/**
 * …`, with Hono's type, has the rest. => A part of Hono's `Context`. Use Hono's type, as in `(context: Context) => …`, for the
 * rest. => …`, with Hono's type, has the rest.
 */
export interface HonoContext {
  /** Its request. */
  readonly req: {
    /** The request as `app.fetch` was given it. */
    readonly raw: Request;
    /** The URL. */
    readonly url: string;
    /** The path. */
    readonly path: string;
    /** A parameter of the path. */
    param(name: string): string | undefined;
    /** A parameter of the query. */
    query(name: string): string | undefined;
    /** A header field. */
    header(name: string): string | undefined;
  };
  /** What `app.fetch` was given besides: of `Deno.serve` and of `serve`, the client's address. */
  readonly env?: unknown;
}

/** What is needed of a context. */
export interface HonoContextLike {
  /** Its request. */
  readonly req: {
    /** The request as `app.fetch` was given it. */
    readonly raw: Request;
  };
  /** What `app.fetch` was given besides. */
  readonly env?: unknown;
}

/** A connection in Hono's events: Hono's `WSContext`. */
export interface HonoSocket {
  /** The Sluice connection, with its whole API. */
  readonly raw: WebSocketConnection;
  /** The URL of the request. */
  readonly url: URL;
  /** The subprotocol, or an empty string. */
  readonly protocol: string;
  /** 1 while the connection is open, 2 while it closes, 3 when it has ended. */
  readonly readyState: 0 | 1 | 2 | 3;
  /** The type of binary messages. @default {"arraybuffer"} */
  binaryType: "arraybuffer" | "blob";
  /**
   * Sends a message.
   *
   * @param source The message.
   * @param options Whether to compress the message.
   * @returns Resolves when less than `highWaterMark` bytes are queued. You can ignore the promise.
   */
  send(source: string | ArrayBuffer | Uint8Array<ArrayBuffer>, options?: SendOptions): Promise<void>;
  /** Closes the connection. */
  close(code?: number, reason?: string): void;
}

/**
 * The events of a connection: Hono's `WSEvents`. If `onMessage` returns a promise, the next message waits for it, so a slow
 * handler slows down the client.
 */
export interface HonoEvents {
  /** The connection is open. */
  onOpen?(event: Event, ws: HonoSocket): unknown;
  /** A message arrived. */
  onMessage?(event: MessageEvent<string | ArrayBuffer | Blob>, ws: HonoSocket): unknown;
  /** The connection has ended. */
  onClose?(event: CloseEvent, ws: HonoSocket): unknown;
  /** The connection did not end cleanly, or one of the events threw. Called before `onClose`. */
  onError?(event: Event, ws: HonoSocket): unknown;
}

/**
 * Hono's `upgradeWebSocket`. As with Hono's own function, the first subprotocol that the client offers is chosen if `protocols`
 * is not given, and an ordinary request goes to the next handler of the route.
 *
 * @typeParam Context Hono's context.
 * @param createEvents Returns the events of the connection, for each request. If it throws, `app.onError` gets the error and the
 *   handshake is refused.
 * @param options The subprotocols, header fields and data.
 * @returns A handler for a route.
 * @throws {TypeError} When a request arrives, if an option is unknown or has the wrong type, or if `app.fetch` was not called by
 *   `fromFetch` of `./fetch` or by `Deno.serve`.
 */
export function upgradeWebSocket<Context extends HonoContextLike = HonoContext>(
  createEvents: (context: Context) => HonoEvents | Promise<HonoEvents>,
  options?: FetchUpgradeOptions,
): (context: Context, next: () => Promise<void>) => Promise<Response | void>;
/** Upgrades a request inside your own handler. */
export function upgradeWebSocket(
  context: HonoContextLike,
  events: HonoEvents,
  options?: FetchUpgradeOptions,
): Promise<Response>;
export function upgradeWebSocket<Context extends HonoContextLike = HonoContext>(
  first: Context | ((context: Context) => HonoEvents | Promise<HonoEvents>),
  second?: HonoEvents | FetchUpgradeOptions,
  third?: FetchUpgradeOptions,
): Promise<Response> | ((context: Context, next: () => Promise<void>) => Promise<Response | void>) {
  if (typeof first !== "function") return Promise.resolve(answer(first, Object(second), third));
  return async (context, next) => {
    const { headers } = context.req.raw;
    if (!hasToken([["upgrade", headers.get("upgrade") ?? ""]], "upgrade", "websocket")) return await next();
    return answer(context, await first(context), Object(second));
  };
}

function answer(
  { req: { raw }, env }: HonoContextLike,
  events: HonoEvents,
  options: FetchUpgradeOptions = {},
): Response {
  const [offered = ""] = listValues([["protocol", raw.headers.get("sec-websocket-protocol") ?? ""]], "protocol");
  const remoteAddr = addressIn(env);
  let ws: Socket;
  return upgradeFetched(raw, {
    // A malformed request is refused as such, because it is not the application's mistake.
    ...(isToken(offered) ? { protocols: offered } : {}),
    ...pick(options, FETCH_UPGRADE_OPTION_KINDS),
    platform: { ...(remoteAddr === undefined ? {} : { remoteAddr }), ...pick(options.platform ?? {}, PLATFORM_KINDS) },
  }, {
    open: (socket) => events.onOpen?.(new Event("open"), ws = new Socket(socket, raw.url)),
    message: (_, data) => events.onMessage?.(new MessageEvent("message", { data: ws.dataOf(data) }), ws),
    error: (_, error) => events.onError?.(errorEvent({ error, message: String(error) }), ws),
    close: (_, { closeCode: code, reason, wasClean }) => events.onClose?.(closeEvent({ code, reason, wasClean }), ws),
  });
}

/** Hono passes on the second argument of `fetch`, which may be anything on other servers. */
function addressIn(env: unknown): Address | undefined {
  if (!isObject(env) || !("remoteAddr" in env)) return undefined;
  const { remoteAddr } = env;
  return isAddress(remoteAddr) ? remoteAddr : undefined;
}

function isAddress(value: unknown): value is Address {
  return isObject(value) && "transport" in value;
}

class Socket implements HonoSocket {
  readonly raw: WebSocketConnection;
  readonly url: URL;
  binaryType: "arraybuffer" | "blob" = "arraybuffer";

  constructor(raw: WebSocketConnection, url: string) {
    this.raw = raw;
    this.url = new URL(url);
  }

  get protocol(): string {
    return this.raw.protocol;
  }

  get readyState(): 0 | 1 | 2 | 3 {
    return this.raw.readyState;
  }

  send(source: string | ArrayBuffer | Uint8Array<ArrayBuffer>, options?: SendOptions): Promise<void> {
    return this.raw.send(source, options);
  }

  close(code?: number, reason?: string): void {
    void this.raw.close(code, reason);
  }

  /** Our binary message is a part of a read, while Hono's has its own memory. */
  dataOf(message: Message): string | ArrayBuffer | Blob {
    if (typeof message === "string") return message;
    return this.binaryType === "blob" ? new Blob([message]) : message.slice().buffer;
  }
}
