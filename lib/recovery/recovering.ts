/**
 * A client with recovery. It remembers its position in each topic, and sends the positions whenever it reconnects.
 *
 * @module
 */
import { type Fresh, RECONNECTING_OPTION_KINDS, type ReconnectingOptions } from "../client/client_options.ts";
import { reconnecting } from "../client/reconnecting.ts";
import type { ReconnectingConnection } from "../client/reconnecting_connection.ts";
import { resolveReconnectLimits } from "../limits.ts";
import { CALLBACK, FLAG, isObject, kind, type OptionKinds } from "../option_kinds.ts";
import { checkOptions, without } from "../options.ts";
import { type Message, type MessageData, toMessage } from "../pipeline/messages/message.ts";
import type { CloseInfo, WebSocketConnection } from "../connection/websocket_connection.ts";
import type { Position } from "./log.ts";
import {
  decodeFromServer,
  encodeFact,
  encodeMessage,
  type FromServer,
  isSession,
  RECOVERY_PROTOCOL,
  type RefusedReason,
  type UnrecoveredReason,
} from "./protocol.ts";
import { UnacknowledgedMessages } from "./unacknowledged_messages.ts";

/** The options of `recovering`. */
export interface RecoveringOptions<Data = unknown> extends Omit<ReconnectingOptions<Data>, "protocols"> {
  /**
   * The topics to subscribe to at first, each with the position from which to continue, or `undefined` to begin with new
   * messages.
   * @default {{}}
   */
  topics?: Readonly<Record<string, Position | undefined>>;
  /**
   * Whether the server acknowledges messages. Then `send` keeps a message until the server's application has taken it, and sends
   * it again after a lost connection. The application gets each message once and in order.
   *
   * @default {false}
   */
  acknowledge?: boolean;
  /**
   * The name under which the server remembers which messages this client has sent: 1 to 64 visible ASCII characters. Keep it
   * secret, because another client that knows it can pretend that messages were sent.
   *
   * @default {a random one}
   */
  session?: string;
}

/** An event of a client. */
export type RecoveryEvent =
  | {
    /** A message of a topic. */
    readonly type: "message";
    readonly topic: string;
    readonly data: Message;
    /** The position after this message, from which the client can continue another time. */
    readonly position: Position;
  }
  | {
    /** A message to this client alone. */
    readonly type: "direct";
    readonly data: Message;
  }
  | {
    /**
     * A subscription has begun (`recovered` is `undefined`), continues where it was (`true`), or continues elsewhere (`false`)
     * because some messages are lost. Then a page that shows a state has to load it again.
     */
    readonly type: "subscribed";
    readonly topic: string;
    readonly recovered: boolean | undefined;
    readonly reason: UnrecoveredReason | undefined;
    readonly position: Position;
  }
  | {
    /** The server refused or ended the subscription. */
    readonly type: "refused";
    readonly topic: string;
    readonly reason: RefusedReason;
  };

/** A connection that reconnects and catches up. Keep reading it, because unread messages slow down the server. */
export interface RecoveringConnection<Data = unknown> extends AsyncIterable<RecoveryEvent>, AsyncDisposable {
  /** The connection below, for its state. Read its messages here. */
  readonly connection: ReconnectingConnection<Data>;
  /** Resolves when the connection has ended for good. It never rejects. */
  readonly closed: Promise<CloseInfo>;
  /** The number of messages that the server has not acknowledged yet. */
  readonly unacknowledged: number;
  /**
   * Subscribes to a topic, now and after each reconnect.
   *
   * @param topic The topic.
   * @param position The position from which to continue; by default the subscription begins with new messages.
   */
  subscribe(topic: string, position?: Position): void;
  /** Ends a subscription. */
  unsubscribe(topic: string): void;
  /**
   * Returns the position in a topic, after the last message that was read. Store it to continue there after a page was reloaded.
   */
  position(topic: string): Position | undefined;
  /**
   * Sends a message to the server's application.
   *
   * @param data The message. It is copied if it has to wait.
   * @returns Without `acknowledge`, the promise of `send` of `reconnecting`. With it, resolves when the server's application has
   *   taken the message; rejects with a `LimitError` at `maxOutboxBytes` or `maxOutboxMessages`, and if the connection is closed
   *   before. You can ignore the promise.
   */
  send(data: MessageData): Promise<void>;
  /** Ends the connection for good. See `reconnecting`. */
  close(code?: number, reason?: string): Promise<CloseInfo>;
}

/** The options of `recovering`, for their check. */
export const RECOVERING_OPTION_KINDS: OptionKinds<RecoveringOptions> = {
  ...without(RECONNECTING_OPTION_KINDS, "protocols"),
  topics: kind("an object of topics and their positions", isObject),
  acknowledge: FLAG,
  session: kind("1 to 64 visible ASCII characters", isSession),
  onConnect: CALLBACK,
};

/**
 * Opens a WebSocket connection that reconnects, and whose topics continue where they were.
 *
 * @example A server that drops its client
 * ```ts
 * import { serve } from "@sluice/websocket";
 * import { createRecoverableHub, memoryLog } from "@sluice/websocket/recovery";
 * import { recovering } from "@sluice/websocket/recovery/client";
 * import { assertEquals } from "@std/assert";
 *
 * await using hub = createRecoverableHub({ log: memoryLog() });
 * await using server = serve({ port: 0, hostname: "127.0.0.1", protocols: "sluice.v1" }, hub.handlers());
 *
 * await using client = recovering(server.url, { topics: { news: undefined }, delay: { first: 10 } });
 * const heard: unknown[] = [];
 * for await (const event of client) {
 *   if (event.type === "message") heard.push(event.data);
 *   if (heard.length === 2) break;
 *   if (event.type === "subscribed" && event.recovered === undefined) {
 *     for (const socket of server.connections) socket.abort();
 *     hub.publish("news", "It rains");
 *     hub.publish("news", "It pours");
 *   }
 * }
 * assertEquals(heard, ["It rains", "It pours"]);
 * ```
 *
 * @typeParam Data The type of `socket.data`.
 * @param url The URL, as for `reconnecting`.
 * @param options The topics, and the options of `reconnecting`.
 * @returns The connection. It has begun to connect.
 * @throws {DOMException} `SyntaxError` for an invalid URL.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 * @throws {RangeError} If a number is out of range.
 */
export function recovering<Data = unknown>(
  url: Fresh<string | URL>,
  options: RecoveringOptions<Data> = {},
): RecoveringConnection<Data> {
  checkOptions("recovering()", options, RECOVERING_OPTION_KINDS);
  return new Recovering(url, options);
}

class Recovering<Data> implements RecoveringConnection<Data> {
  readonly connection: ReconnectingConnection<Data>;
  readonly #topics = new Map<string, Position | undefined>();
  readonly #unacknowledged: UnacknowledgedMessages | undefined;
  /** The connection on which the topics were subscribed. */
  #socket: WebSocketConnection<Data> | undefined;

  constructor(url: Fresh<string | URL>, options: RecoveringOptions<Data>) {
    const { topics = {}, acknowledge = false, session = crypto.randomUUID(), onConnect, ...rest } = options;
    for (const [topic, position] of Object.entries(topics)) this.#topics.set(topic, position);
    if (acknowledge) this.#unacknowledged = new UnacknowledgedMessages(session, resolveReconnectLimits(options));
    this.connection = reconnecting<Data>(url, {
      ...rest,
      protocols: RECOVERY_PROTOCOL,
      onConnect: (socket) => {
        this.#socket = socket;
        this.#unacknowledged?.begin(socket);
        for (const [topic, position] of this.#topics) this.#ask(topic, position);
        return onConnect?.(socket);
      },
    });
    void this.closed.then(({ error }) => this.#unacknowledged?.end(error));
  }

  get closed(): Promise<CloseInfo> {
    return this.connection.closed;
  }

  get unacknowledged(): number {
    return this.#unacknowledged?.length ?? 0;
  }

  subscribe(topic: string, position?: Position): void {
    this.#topics.set(topic, position);
    this.#ask(topic, position);
  }

  unsubscribe(topic: string): void {
    if (!this.#topics.delete(topic) || this.#socket?.readyState !== 1) return;
    void this.#socket.send(encodeFact({ type: "unsubscribe", topic }));
  }

  position(topic: string): Position | undefined {
    return this.#topics.get(topic);
  }

  send(data: MessageData): Promise<void> {
    if (this.#unacknowledged !== undefined) return this.#unacknowledged.add(toMessage(data));
    return this.connection.send(encodeMessage({}, toMessage(data)));
  }

  close(code?: number, reason?: string): Promise<CloseInfo> {
    return this.connection.close(code, reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async *[Symbol.asyncIterator](): AsyncIterableIterator<RecoveryEvent> {
    const messages = this.connection[Symbol.asyncIterator]();
    for (let next = await messages.next(); next.done !== true; next = await messages.next()) {
      const said = decodeFromServer(next.value);
      if (said === undefined) void this.close(1007, `Not a message of ${RECOVERY_PROTOCOL}`);
      const event = said && this.#hear(said);
      if (event !== undefined) yield event;
    }
  }

  #ask(topic: string, position: Position | undefined): void {
    if (this.#socket?.readyState !== 1) return;
    void this.#socket.send(encodeFact({ type: "subscribe", topic, position }));
  }

  /** Returns the event for the application, if there is one. */
  #hear(said: FromServer): RecoveryEvent | undefined {
    switch (said.type) {
      case "session":
      case "acknowledged":
        this.#unacknowledged?.taken(said);
        return undefined;
      case "refused":
        return this.#topics.delete(said.topic) ? said : undefined;
      case "subscribed":
        if (!this.#topics.has(said.topic)) return undefined;
        // Unread messages of a lost connection may be newer than the position that was sent.
        if (said.recovered !== true) this.#topics.set(said.topic, said.position);
        return said;
      case "message":
        return this.#hearMessage(said);
    }
  }

  #hearMessage({ topic, offset, data }: Extract<FromServer, { type: "message" }>): RecoveryEvent | undefined {
    if (topic === undefined || offset === undefined) return { type: "direct", data };
    const last = this.#topics.get(topic);
    if (last === undefined || offset <= last.offset) return undefined; // the message belongs to an ended subscription, or was read before
    const position = { epoch: last.epoch, offset };
    this.#topics.set(topic, position);
    return { type: "message", topic, data, position };
  }
}
