/**
 * A client whose topics catch up: it remembers where it was in each of them, and says so whenever it comes back.
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

/** How a client subscribes, connects and comes back. */
export interface RecoveringOptions<Data = unknown> extends Omit<ReconnectingOptions<Data>, "protocols"> {
  /** The topics to begin with: each with where it goes on, or `undefined` to begin at the head. @default {{}} */
  topics?: Readonly<Record<string, Position | undefined>>;
  /**
   * Whether the server acknowledges what it is sent. Then `send` keeps a message until the server's application has taken it, and
   * sends it again after a connection that was lost: once, and in order.
   *
   * @default {false}
   */
  acknowledge?: boolean;
  /**
   * The name under which the server knows what this client sent already: 1 to 64 visible ASCII characters. It is a secret, as another
   * client that knows it can pretend that messages were sent.
   *
   * @default {a random one}
   */
  session?: string;
}

/** What a client hears. */
export type RecoveryEvent =
  | {
    /** A message of a topic. */
    readonly type: "message";
    readonly topic: string;
    readonly data: Message;
    /** Where the client is with it: to begin there another time. */
    readonly position: Position;
  }
  | {
    /** A message to this client alone. */
    readonly type: "direct";
    readonly data: Message;
  }
  | {
    /**
     * A subscription has begun (`recovered` is `undefined`), goes on where it was (`true`), or goes on elsewhere (`false`), because
     * some messages are gone: a page that shows a state loads it anew.
     */
    readonly type: "subscribed";
    readonly topic: string;
    readonly recovered: boolean | undefined;
    readonly reason: UnrecoveredReason | undefined;
    readonly position: Position;
  }
  | {
    /** There is no subscription, or no more: the server does not allow it. */
    readonly type: "refused";
    readonly topic: string;
    readonly reason: RefusedReason;
  };

/** A connection that comes back, and catches up. Read it to its end: what is not read holds the server back. */
export interface RecoveringConnection<Data = unknown> extends AsyncIterable<RecoveryEvent>, AsyncDisposable {
  /** The connection below, for its state. Its messages are read here. */
  readonly connection: ReconnectingConnection<Data>;
  /** Resolves when it has ended for good. It never rejects. */
  readonly closed: Promise<CloseInfo>;
  /** Messages that the server has not acknowledged yet. */
  readonly unacknowledged: number;
  /**
   * Subscribes to a topic, now and whenever it comes back.
   *
   * @param topic The topic.
   * @param position Where it goes on; by default it begins at the head.
   */
  subscribe(topic: string, position?: Position): void;
  /** Ends a subscription. */
  unsubscribe(topic: string): void;
  /** Where it is in a topic: what was read last. Stored, it lets a page that loads anew go on there. */
  position(topic: string): Position | undefined;
  /**
   * Sends a message to the server's application.
   *
   * @param data The message; it is copied where it has to wait.
   * @returns Without `acknowledge`, as `reconnecting`'s. With it, resolves when the server's application has taken the message. Rejects with
   *   `LimitError` where `maxOutboxBytes` or `maxOutboxMessages` wait already, and when it is closed before. Safe to ignore.
   */
  send(data: MessageData): Promise<void>;
  /** Ends it for good. See `reconnecting`. */
  close(code?: number, reason?: string): Promise<CloseInfo>;
}

/** What `recovering` takes. */
export const RECOVERING_OPTION_KINDS: OptionKinds<RecoveringOptions> = {
  ...without(RECONNECTING_OPTION_KINDS, "protocols"),
  topics: kind("an object of topics and their positions", isObject),
  acknowledge: FLAG,
  session: kind("1 to 64 visible ASCII characters", isSession),
  onConnect: CALLBACK,
};

/**
 * Opens a WebSocket connection that comes back, and whose topics go on where they were.
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
 * @typeParam Data What the application keeps with each connection.
 * @param url As for `reconnecting`.
 * @param options The topics, and what `reconnecting` takes.
 * @returns The connection, which has begun to connect.
 * @throws {DOMException} `SyntaxError` for a bad URL.
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
  /** The connection that was told of the topics. */
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

  /** What the application hears of it, if it does. */
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
        // What a connection that was lost still had to be read may be ahead of what was asked for.
        if (said.recovered !== true) this.#topics.set(said.topic, said.position);
        return said;
      case "message":
        return this.#hearMessage(said);
    }
  }

  #hearMessage({ topic, offset, data }: Extract<FromServer, { type: "message" }>): RecoveryEvent | undefined {
    if (topic === undefined || offset === undefined) return { type: "direct", data };
    const last = this.#topics.get(topic);
    if (last === undefined || offset <= last.offset) return undefined; // of a subscription that is over, or it was read before
    const position = { epoch: last.epoch, offset };
    this.#topics.set(topic, position);
    return { type: "message", topic, data, position };
  }
}
