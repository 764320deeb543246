/**
 * The hub with recovery. A subscriber at the head of a topic is a subscriber of an ordinary hub, and gets each message in its
 * envelope. Other subscribers first catch up.
 *
 * @module
 */
import { handled } from "../async.ts";
import { LimitError, TopicError } from "../errors.ts";
import { createHub } from "../hub/hub.ts";
import type { Hub } from "../hub/hub_options.ts";
import { topicFault } from "../hub/topic_pattern.ts";
import { type HubLimits, resolveHubLimits, resolveRecoveryLimits } from "../limits.ts";
import { allows, logError } from "../log_error.ts";
import { checkOptions, takeOptions } from "../options.ts";
import { CloseCode } from "../pipeline/frames/close_code.ts";
import { type Message, type MessageData, ownCopy, toMessage } from "../pipeline/messages/message.ts";
import { checkDriven } from "../connection/driven_connection.ts";
import { checkHandler } from "../connection/check_handler.ts";
import { notify } from "../connection/watch/observer.ts";
import type { WebSocketCallbacks } from "../connection/readers/callbacks.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import type { Log, LogEntry, Position } from "./log.ts";
import { NumberedMessages } from "./numbered_messages.ts";
import {
  decodeFromClient,
  encodeEntry,
  encodeFact,
  encodeMessage,
  RECOVERY_PROTOCOL,
  type RefusedReason,
  type UnrecoveredReason,
} from "./protocol.ts";
import {
  RECOVERABLE_HUB_OPTION_KINDS,
  RECOVERABLE_PUBLISH_OPTION_KINDS,
  RECOVERABLE_SUBSCRIBE_OPTION_KINDS,
  type RecoverableCallbacks,
  type RecoverableHub,
  type RecoverableHubOptions,
  type RecoverablePublishOptions,
  type RecoverableSubscribeOptions,
  type RecoveryObserver,
  type RecoveryStats,
} from "./recoverable_options.ts";
import { RecoverableTopic, type TailBudget, type TopicOwner } from "./recoverable_topic.ts";
import { Session, Subscription } from "./session.ts";

/** Milliseconds for which a topic without subscribers is still followed. It is longer than a page takes to reload. */
const UNFOLLOW_DELAY = 1_000;

/**
 * Creates a hub whose subscribers get messages that they missed.
 *
 * @example A client that was away
 * ```ts
 * import { connect, serve } from "@sluice/websocket";
 * import { createRecoverableHub, memoryLog } from "@sluice/websocket/recovery";
 * import { assertEquals } from "@std/assert";
 *
 * await using hub = createRecoverableHub({ log: memoryLog() });
 * await using server = serve({ port: 0, hostname: "127.0.0.1", protocols: "sluice.v1" }, hub.handlers());
 *
 * const { epoch, offset } = await hub.publish("news", "It rains", { durable: true });
 * await hub.publish("news", "It pours", { durable: true }); // while the client is away
 *
 * await using socket = await connect(server.url, { protocols: "sluice.v1" });
 * await socket.send(JSON.stringify({ type: "subscribe", topic: "news", epoch, offset }));
 * const messages = socket[Symbol.asyncIterator]();
 * assertEquals(JSON.parse(String((await messages.next()).value)).recovered, true);
 * assertEquals(JSON.parse(String((await messages.next()).value)).data, "It pours");
 * ```
 *
 * @typeParam Data The type of `socket.data`.
 * @param options The log, the limits and the hooks.
 * @returns The hub.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 * @throws {RangeError} If a number is out of range.
 */
export function createRecoverableHub<Data = unknown>(options: RecoverableHubOptions<Data>): RecoverableHub<Data> {
  options = takeOptions("createRecoverableHub()", options, RECOVERABLE_HUB_OPTION_KINDS);
  return new LogHub(options);
}

/** A followed topic and the number of its users. */
interface Followed {
  readonly topic: RecoverableTopic;
  users: number;
  unfollow: ReturnType<typeof setTimeout> | undefined;
}

class LogHub<Data> implements RecoverableHub<Data>, TopicOwner {
  readonly stats: RecoveryStats = { appended: 0, refused: 0, reads: 0, recovered: 0, unrecovered: 0, caughtUp: 0 };
  readonly log: Log;
  readonly budget: TailBudget;
  readonly #options: RecoverableHubOptions<Data>;
  readonly #limits: HubLimits;
  /** The hub of subscribers at the head that get the envelope. */
  readonly #enveloped: Hub<Data>;
  /** The hub of subscribers that get only the data. */
  readonly #plain: Hub<Data>;
  readonly #topics = new Map<string, Followed>();
  readonly #sessions = new Map<WebSocketConnection<Data>, Session<Data>>();
  /** The numbered messages of clients, by the names of their sessions. */
  readonly #numbered = new Map<string, NumberedMessages>();
  #closed = false;

  constructor(options: RecoverableHubOptions<Data>) {
    const { slowPolicy = "disconnect" } = options;
    this.#options = options;
    this.#limits = resolveHubLimits(options);
    this.log = options.log;
    this.budget = budgetOf(resolveRecoveryLimits(options).maxCatchUpBytes, options.observer);
    const report = (error: unknown) => this.report(error);
    const hub = () =>
      createHub<Data>({ ...this.#limits, maxTopicsPerConnection: Infinity, slowPolicy, onError: report });
    this.#enveloped = hub();
    this.#plain = hub();
  }

  get heldBytes(): number {
    return this.budget.held;
  }

  handlers(callbacks: RecoverableCallbacks<Data> = {}): WebSocketCallbacks<Data> {
    if (typeof callbacks === "function") {
      throw new TypeError("handlers() takes an object with callbacks, not a function");
    }
    checkHandler("handlers()", callbacks);
    return {
      open: (socket) => callbacks.open?.(socket),
      drain: (socket) => callbacks.drain?.(socket),
      close: (socket, info) => callbacks.close?.(socket, info),
      error: (socket, error) => callbacks.error?.(socket, error),
      message: (socket, data) =>
        socket.protocol === RECOVERY_PROTOCOL
          ? this.#receive(socket, data, callbacks)
          : callbacks.message?.(socket, data, { id: undefined }),
    };
  }

  subscribe(
    socket: WebSocketConnection<Data>,
    topic: string,
    options: RecoverableSubscribeOptions = {},
  ): boolean {
    checkOptions("subscribe()", options, RECOVERABLE_SUBSCRIBE_OPTION_KINDS);
    checkDriven(socket, "subscribe");
    this.#checkTopic(topic);
    if (this.#closed || socket.readyState !== 1) return false;
    const session = this.#sessionOf(socket);
    if (session.subscriptions.has(topic)) return false;
    const { maxTopicsPerConnection: max } = this.#limits;
    if (session.subscriptions.size >= max) {
      const facts = { limit: "maxTopicsPerConnection", max, topic, closeCode: 1008 } as const;
      throw new LimitError(`Connection is subscribed to maxTopicsPerConnection ${max} topics already`, facts);
    }
    const { topic: followed } = this.#retain(topic);
    const enveloped = socket.protocol === RECOVERY_PROTOCOL;
    const subscription = new Subscription(socket, topic, enveloped ? this.#enveloped : this.#plain, {
      recovered: (messages) => this.#recovered(messages),
      unrecovered: (reason) => this.#unrecovered(reason, 1),
    });
    session.subscriptions.set(topic, subscription);
    if (enveloped) followed.catchUp(options.position, subscription).catch((error) => this.report(error));
    else subscription.join();
    return true;
  }

  unsubscribe(socket: WebSocketConnection<Data>, topic: string): boolean {
    const subscriptions = this.#sessions.get(socket)?.subscriptions;
    const subscription = subscriptions?.get(topic);
    if (subscription === undefined) return false;
    subscriptions?.delete(topic);
    subscription.end();
    this.#release(topic);
    return true;
  }

  publish(topic: string, data: MessageData, options: RecoverablePublishOptions & { durable: true }): Promise<Position>;
  publish(topic: string, data: MessageData, options?: RecoverablePublishOptions & { durable?: false }): void;
  publish(topic: string, data: MessageData, options: RecoverablePublishOptions = {}): Promise<Position> | void {
    checkOptions("publish()", options, RECOVERABLE_PUBLISH_OPTION_KINDS);
    this.#checkTopic(topic);
    const appended = this.#append(topic, ownCopy(toMessage(data)), options.id);
    if (options.durable) return handled(appended);
    appended.catch((error) => this.report(error));
  }

  send(socket: WebSocketConnection<Data>, data: MessageData): Promise<void> {
    checkDriven(socket, "send");
    if (socket.protocol !== RECOVERY_PROTOCOL) return socket.send(data);
    return socket.send(encodeMessage({}, toMessage(data)));
  }

  count(topic: string): number {
    return this.#enveloped.count(topic) + this.#plain.count(topic);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const session of this.#sessions.values()) this.#end(session);
    for (const { topic, unfollow } of this.#topics.values()) {
      clearTimeout(unfollow);
      topic.stop();
    }
    this.#topics.clear();
    await Promise.all([this.#enveloped.close(), this.#plain.close(), this.log.close()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  deliver(topic: string, entry: LogEntry): void {
    if (this.#enveloped.count(topic) > 0) this.#enveloped.publish(topic, encodeEntry(topic, entry));
    if (this.#plain.count(topic) > 0) this.#plain.publish(topic, entry.data);
  }

  restarted(topic: string, position: Position, reason: UnrecoveredReason): void {
    this.#unrecovered(reason, this.#enveloped.count(topic));
    this.#enveloped.publish(topic, encodeFact({ type: "subscribed", topic, position, recovered: false, reason }));
  }

  onRead(): void {
    this.stats.reads++;
  }

  report(error: unknown): void {
    logError(error, this.#options);
  }

  async #append(topic: string, data: Message, id: string | undefined): Promise<Position> {
    const { observer } = this.#options;
    const begun = observer === undefined ? 0 : performance.now();
    try {
      const position = await this.log.append(topic, data, { id });
      this.stats.appended++;
      if (observer !== undefined) notify(() => observer.appended?.(performance.now() - begun));
      return position;
    } catch (error) {
      this.stats.refused++;
      if (observer !== undefined) notify(() => observer.refused?.(performance.now() - begun));
      throw error;
    }
  }

  #recovered(messages: number): void {
    this.stats.recovered++;
    this.stats.caughtUp += messages;
    notify(() => this.#options.observer?.recovered?.(messages));
  }

  #unrecovered(reason: UnrecoveredReason, subscriptions: number): void {
    if (subscriptions === 0) return;
    this.stats.unrecovered += subscriptions;
    notify(() => this.#options.observer?.unrecovered?.(reason, subscriptions));
  }

  /** Handles a message of a client that speaks the subprotocol. */
  #receive(socket: WebSocketConnection<Data>, message: Message, callbacks: RecoverableCallbacks<Data>): unknown {
    const said = decodeFromClient(message);
    const refuse = () => void socket.close(CloseCode.INVALID_PAYLOAD, `Not a message of ${RECOVERY_PROTOCOL}`);
    switch (said?.type) {
      case undefined:
        return refuse();
      case "subscribe":
        return this.#subscribeClient(socket, said.topic, said.position);
      case "unsubscribe":
        return void this.unsubscribe(socket, said.topic);
      case "session":
        return this.#number(this.#sessionOf(socket), said.session);
      case "message": {
        const { number, data } = said;
        const hear = (id?: string) => callbacks.message?.(socket, data, { id });
        if (number === undefined) return hear();
        const { numbered } = this.#sessionOf(socket);
        return numbered === undefined ? refuse() : numbered.take(socket, number, hear);
      }
    }
  }

  #subscribeClient(socket: WebSocketConnection<Data>, topic: string, position: Position | undefined): void {
    const refuse = (reason: RefusedReason) => void socket.send(encodeFact({ type: "refused", topic, reason }));
    try {
      this.#checkTopic(topic);
      const { authorize } = this.#options;
      const allowed = authorize === undefined || authorize.call(this.#options, socket, topic);
      const isAllowed = allows(allowed, (error) => this.report(error));
      this.unsubscribe(socket, topic); // the client sends its positions again, or is no longer allowed
      if (!isAllowed) return refuse("not-allowed");
      this.subscribe(socket, topic, position === undefined ? {} : { position });
    } catch (error) {
      if (error instanceof LimitError && error.limit === "maxTopicsPerConnection") refuse("too-many-topics");
      else if (error instanceof LimitError || error instanceof TopicError) refuse("no-topic");
      else throw error;
    }
  }

  #sessionOf(socket: WebSocketConnection<Data>): Session<Data> {
    let session = this.#sessions.get(socket);
    if (session === undefined) {
      const made = session = new Session(socket);
      this.#sessions.set(socket, made);
      void socket.closed.then(() => this.#end(made));
    }
    return session;
  }

  #end(session: Session<Data>): void {
    const { socket, subscriptions } = session;
    for (const topic of [...subscriptions.keys()]) this.unsubscribe(socket, topic);
    this.#sessions.delete(socket);
    this.#unnumber(session);
  }

  /** Starts numbered messages on a connection. */
  #number(session: Session<Data>, name: string): Promise<void> {
    const numbered = this.#numbered.get(name) ?? new NumberedMessages(name, this.log);
    this.#numbered.set(name, numbered);
    numbered.users++;
    this.#unnumber(session);
    session.numbered = numbered;
    return numbered.resume(session.socket);
  }

  /** Ends them. A message that the application still handles is remembered until it has. */
  #unnumber(session: Session<Data>): void {
    const { numbered } = session;
    session.numbered = undefined;
    void numbered?.idle.then(() => {
      if (--numbered.users === 0) this.#numbered.delete(numbered.session);
    });
  }

  #retain(name: string): Followed {
    const followed = this.#topics.get(name) ??
      { topic: new RecoverableTopic(name, this), users: 0, unfollow: undefined };
    clearTimeout(followed.unfollow);
    followed.users++;
    this.#topics.set(name, followed);
    return followed;
  }

  #release(name: string): void {
    const followed = this.#topics.get(name);
    if (followed === undefined || --followed.users > 0) return;
    followed.unfollow = setTimeout(() => {
      this.#topics.delete(name);
      followed.topic.stop();
    }, UNFOLLOW_DELAY);
  }

  #checkTopic(topic: string): void {
    const fault = topicFault(topic, this.#limits.maxTopicBytes);
    if (fault !== undefined) throw fault;
  }
}

/** Creates the memory budget for subscribers that catch up. The observer gets each change. */
function budgetOf(most: number, observer: RecoveryObserver | undefined): TailBudget {
  if (observer?.held === undefined) return { held: 0, most };
  let bytes = 0;
  return {
    most,
    get held() {
      return bytes;
    },
    set held(held) {
      const change = held - bytes;
      bytes = held;
      if (change !== 0) notify(() => observer.held?.(change));
    },
  };
}
