/**
 * The hubs of a world: who says what on which topic, and who should hear it.
 *
 * @module
 */
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { createHub } from "../../lib/hub/hub.ts";
import type { Hub } from "../../lib/hub/hub_options.ts";
import { linkBroker } from "../../lib/hub/linked_broker.ts";
import { BrokerGone, SimulatedBroker } from "./broker.ts";
import { TOPICS } from "./draw_app.ts";
import type { HubPlan, WorldAct } from "./plan.ts";
import { type Listening, Talk } from "./talk.ts";
import type { World } from "./world.ts";

/** How often an application says that something was dropped: what it says may be dropped as well. */
const MOST_NOTES = 20;

/** Seats call these for what their plans say about topics. */
export interface SeatTopics {
  /** Bytes that the hub alone queues for it at the most, beside one message. */
  readonly most: number;
  /** At least the bytes of the largest message on a topic. */
  readonly largest: number;
  /** At least the bytes of all messages that it may have been sent: its own, and those on its topics. */
  readonly bytes: number;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  publish(topic: string, size: number): void;
}

/** A message that is published on a topic. */
interface TopicTalk {
  readonly topic: string;
  readonly talk: Talk;
  readonly lossy: boolean;
  /** The connection for which it is published. */
  readonly author: Listening | undefined;
}

/** The hubs; the first one is the server's. */
export class SimulatedHubs {
  readonly #world: World;
  readonly #plan: HubPlan;
  readonly #hubs: Hub[];
  readonly #broker: SimulatedBroker;
  /** What is said on a topic, by who says it. */
  readonly #talks = new Map<string, TopicTalk>();
  readonly #subscribed = new Map<Listening, Set<string>>();
  #noted = 0;

  constructor(world: World, plan: HubPlan) {
    this.#world = world;
    this.#plan = plan;
    this.#broker = new SimulatedBroker(world, plan.twice);
    this.#hubs = Array.from({ length: plan.hubs }, () => this.#create());
  }

  /** The server's hub. */
  get first(): Hub {
    return this.#hubs[0]!;
  }

  /** The broker dies for a while. */
  brokerDies(time: number): void {
    this.#broker.die(time);
  }

  /** A hub's own application publishes. */
  publish({ hub, topic, size, count = 1 }: Extract<WorldAct, { do: "publish" }>): void {
    const at = hub % this.#hubs.length;
    // What comes by way of the broker may be lost, and so may messages that are published before a hub listens.
    const talk = this.#talk(`h${at}.${topic}`, topic, at > 0);
    for (let i = 0; i < count; i++) this.#hubs[at]?.publish(topic, talk.say("text", size));
  }

  /** What a seat may do with topics; what comes of them is heard at the other end of its connection. */
  topicsOf(name: string, socket: WebSocketConnection, listening: Listening): SeatTopics {
    const subscribed = new Set<string>();
    this.#subscribed.set(listening, subscribed);
    const must = (holds: boolean, detail: string) => this.#world.must(holds, "topic", () => `${name}: ${detail}`);
    const { slowPolicy, limits: { maxBacklogBytes = Infinity } } = this.#plan;
    return {
      get largest() {
        return listening.largest;
      },
      get bytes() {
        return listening.bytes;
      },
      most: slowPolicy === "disconnect" ? maxBacklogBytes : Infinity,
      subscribe: (topic) => {
        const isNew = socket.subscribe(topic, { history: this.#plan.history });
        if (socket.readyState === 1) must(isNew !== subscribed.has(topic), `subscribe("${topic}") says ${isNew}`);
        if (!isNew) return;
        subscribed.add(topic);
        for (const known of this.#talks.values()) if (known.topic === topic) this.#hears(listening, known);
      },
      unsubscribe: (topic) => {
        const was = socket.unsubscribe(topic);
        if (socket.readyState === 1) must(was === subscribed.has(topic), `unsubscribe("${topic}") says ${was}`);
        subscribed.delete(topic);
      },
      publish: (topic, size) => {
        const talk = this.#talk(`${name}.${topic}`, topic, false, listening);
        socket.publish(topic, talk.say("binary", size));
      },
    };
  }

  /** Ends. */
  close(): void {
    const closing = this.#hubs.map((hub) => this.#world.follow("hub.close()", hub.close()));
    void Promise.all(closing).then(() => {
      const { sessions } = this.#broker;
      this.#world.must(sessions === 0, "nothing-left", () => `${sessions} sessions with the broker`);
    });
  }

  /** What is left when all connections have ended. */
  judge(): void {
    const topics = this.#hubs.flatMap((hub) => [...hub.topics()]);
    this.#world.must(topics.length === 0, "nothing-left", () => `The hub has subscribers of ${topics}`);
  }

  #create(): Hub {
    const { slowPolicy, limits, history, hubs } = this.#plan;
    const world = this.#world;
    const onError = (error: unknown) => {
      world.must(
        error instanceof BrokerGone,
        "our-fault",
        () => error instanceof Error ? error.stack ?? error.message : String(error),
      );
    };
    return createHub({
      ...limits,
      slowPolicy,
      onError,
      onDropped: () => this.#sayWhatIsMissing(),
      ...(history > 0 ? { history: { messages: history } } : {}),
      ...(hubs > 1
        ? { broker: linkBroker(this.#broker.link(), { onError, reconnect: { first: 100, most: 500 } }) }
        : {}),
    });
  }

  /** An application says to its subscribers that something was dropped: that comes behind what is held for them. */
  #sayWhatIsMissing(): void {
    if (this.#noted++ > MOST_NOTES) return;
    for (const topic of TOPICS) this.publish({ at: 0, do: "publish", hub: 0, topic, size: 10 });
  }

  #talk(name: string, topic: string, remote: boolean, author?: Listening): Talk {
    const known = this.#talks.get(name);
    if (known !== undefined) return known.talk;
    const { slowPolicy } = this.#plan;
    const made = {
      topic,
      talk: new Talk(name, true),
      author,
      lossy: remote || slowPolicy === "drop-oldest" || slowPolicy === "latest-only",
    };
    this.#talks.set(name, made);
    for (const [listening, topics] of this.#subscribed) if (topics.has(topic)) this.#hears(listening, made);
    return made.talk;
  }

  /** Who says it does not hear it, unless it subscribes afterwards and the history has it. */
  #hears(listening: Listening, { talk, lossy, author }: TopicTalk): void {
    const own = listening === author;
    if (!own || this.#plan.history > 0) listening.hears(talk, { lossy: lossy || own, joins: true });
  }
}
