/**
 * A client with recovery, over a connection that reconnects: how it remembers its position in each topic, and sends the positions
 * whenever a connection is open.
 *
 * @module
 */
import type { ReconnectingConnection, ReconnectingHooks } from "../client/reconnecting_connection.ts";
import type { ReconnectLimits } from "../limits.ts";
import { FLAG, kind, type OptionKinds, shown } from "../option_kinds.ts";
import { type Message, type MessageData, toMessage } from "../pipeline/messages/message.ts";
import type { CloseInfo, WebSocketConnection } from "../connection/websocket_connection.ts";
import type { Position } from "./log.ts";
import {
  decodeFromServer,
  encodeFact,
  encodeMessage,
  type FromServer,
  isSession,
  POSITION,
  POSITIONS,
  RECOVERY_PROTOCOL,
  type RefusedReason,
  type UnrecoveredReason,
} from "./protocol.ts";
import { UnacknowledgedMessages } from "./unacknowledged_messages.ts";

/** The options of a client with recovery, in addition to those of `reconnecting`. */
export interface RecoveryClientOptions {
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
   * secret, because another client that knows it can pretend that messages were sent. Two clients at the same time, such as two
   * tabs of a page, need two names: each would take the messages of the other for its own.
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
  /** The underlying connection, for its state. Read the messages from this object, not from that connection. */
  readonly connection: ReconnectingConnection<Data>;
  /** Resolves when the connection has ended for good. It never rejects. */
  readonly closed: Promise<CloseInfo>;
  /** The number of messages that the server has not acknowledged yet. */
  readonly unacknowledged: number;
  /**
   * Subscribes to a topic, now and after each reconnect.
   *
   * @param topic The topic.
   * @param position The position from which to continue; by default the subscription begins with new messages. It may be before
   *   messages that were read: they come again.
   * @throws {TypeError} If the topic is not a string, or the position is not one.
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

/** The options of a client with recovery, for their check. */
export const RECOVERY_CLIENT_OPTION_KINDS: OptionKinds<RecoveryClientOptions> = {
  topics: POSITIONS,
  acknowledge: FLAG,
  session: kind("1 to 64 visible ASCII characters", isSession),
};

/** What a client with recovery is made of. */
export interface RecoveringParts<Data> extends RecoveryClientOptions, Pick<ReconnectingHooks<Data>, "onConnect"> {
  /** The limits of what waits for the server. */
  readonly limits: ReconnectLimits;
  /** Opens the connection that reconnects. It offers `RECOVERY_PROTOCOL`, and calls the hook on each connection. */
  open(onConnect: (socket: WebSocketConnection<Data>) => unknown): ReconnectingConnection<Data>;
}

/** A client with recovery. */
export class Recovering<Data> implements RecoveringConnection<Data> {
  readonly connection: ReconnectingConnection<Data>;
  readonly #topics = new Map<string, Position | undefined>();
  readonly #unacknowledged: UnacknowledgedMessages | undefined;
  /** The topics that the application has subscribed and the server has not confirmed, with the positions from which to continue. */
  readonly #asked = new Map<string, Position | undefined>();
  /** The connection on which the topics were subscribed. */
  #socket: WebSocketConnection<Data> | undefined;

  /** @param parts The options, and what opens the connection. */
  constructor({ topics = {}, acknowledge = false, session, onConnect, limits, open }: RecoveringParts<Data>) {
    for (const [topic, position] of Object.entries(topics)) this.#topics.set(topic, position);
    if (acknowledge) this.#unacknowledged = new UnacknowledgedMessages(session ?? randomSession(), limits);
    this.connection = open((socket) => {
      this.#socket = socket;
      this.#unacknowledged?.begin(socket);
      for (const [topic, position] of this.#topics) this.#ask(topic, position);
      return onConnect?.(socket);
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
    if (typeof topic !== "string") throw new TypeError(`Cannot use topic ${shown(topic)}: it must be a string`);
    if (position !== undefined) POSITION.check(position, "position");
    this.#topics.set(topic, position);
    this.#asked.set(topic, position);
    this.#ask(topic, position);
  }

  unsubscribe(topic: string): void {
    this.#asked.delete(topic);
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
        this.#asked.delete(said.topic);
        return this.#topics.delete(said.topic) ? said : undefined;
      case "subscribed":
        return this.#hearSubscribed(said);
      case "message":
        return this.#hearMessage(said);
    }
  }

  #hearSubscribed(said: Extract<FromServer, { type: "subscribed" }>): RecoveryEvent | undefined {
    const { topic, position, recovered } = said;
    if (!this.#topics.has(topic)) return undefined;
    if (this.#asked.has(topic)) {
      const asked = this.#asked.get(topic);
      // A confirmation of an earlier subscription may still arrive.
      if (recovered === undefined && asked !== undefined) return undefined;
      if (recovered === true && !isSame(position, asked)) return undefined;
      this.#asked.delete(topic);
      this.#topics.set(topic, position);
    } else if (recovered !== true) {
      // Otherwise, unread messages of a lost connection may be newer than the position that was sent.
      this.#topics.set(topic, position);
    }
    return said;
  }

  #hearMessage({ topic, offset, data }: Extract<FromServer, { type: "message" }>): RecoveryEvent | undefined {
    if (topic === undefined || offset === undefined) return { type: "direct", data };
    const last = this.#topics.get(topic);
    // The message belongs to an earlier subscription, or was read before.
    if (last === undefined || this.#asked.has(topic) || offset <= last.offset) return undefined;
    const position = { epoch: last.epoch, offset };
    this.#topics.set(topic, position);
    return { type: "message", topic, data, position };
  }
}

function isSame(one: Position, other: Position | undefined): boolean {
  return one.epoch === other?.epoch && one.offset === other.offset;
}

/** Returns 128 random bits. A browser has `crypto.randomUUID` in secure contexts only. */
function randomSession(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");
}
