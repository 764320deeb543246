/**
 * Hubs in the workers of one process, over a `BroadcastChannel`.
 *
 * Deno's channel keeps 256 posts for a receiver and drops older ones: of 20 000 posts in a row, 10 000 arrive. So messages that
 * are published together are sent as one post, and the next post follows when all receivers have answered the last one.
 *
 * @module
 */
import { defer } from "../async.ts";
import { TEXT } from "../option_kinds.ts";
import { takeOptions } from "../options.ts";
import type { BrokerLink, BrokerSession } from "./broker_link.ts";
import { BROKER_OPTION_KINDS, type BrokerOptions, linkBroker, type LinkedBroker } from "./linked_broker.ts";

/** Milliseconds that a receiver may take to answer. After that, the broker no longer waits for it until it has answered. */
const ANSWER_TIMEOUT = 1_000;

/** Milliseconds between posts while no receiver is known. */
const DISCOVERY_TIME = 5;

/**
 * Deno shares one source of posts among all channels of a process, and ends it a moment after the last channel is closed. A
 * channel that is opened in this moment loses its source, and its posts throw a `TypeError`. So each channel waits for the end of
 * the previous one.
 */
let lastEnd: Promise<void> = Promise.resolve();

/** A post on the channel. */
type Post =
  | { readonly kind: "hello"; readonly from: string }
  | { readonly kind: "bye"; readonly from: string }
  | { readonly kind: "batch"; readonly from: string; readonly number: number; readonly batch: readonly Item[] }
  | { readonly kind: "seen"; readonly from: string; readonly to: string; readonly number: number };

type Item = readonly [name: string, bytes: Uint8Array];

/**
 * Creates a broker between the workers of one process. It needs no server and is `up` at once.
 *
 * Delivery is at most once. A worker that hangs for seconds while others publish loses messages.
 *
 * @example Two hubs of one process
 * ```ts
 * import { broadcastBroker, createHub } from "@sluice/websocket/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const up = Promise.withResolvers<void>();
 * await using hub = createHub({
 *   broker: broadcastBroker("chat"),
 *   onBrokerState: (state) => state === "up" ? up.resolve() : undefined,
 * });
 * await up.promise;
 * assertEquals(hub.brokerState, "up");
 * ```
 *
 * @param name The channel's name. Brokers with the same name exchange messages.
 * @param options Limits and hooks.
 * @returns The broker.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 * @throws {RangeError} If a number is out of range.
 */
export function broadcastBroker(name: string, options: BrokerOptions = {}): LinkedBroker {
  TEXT.check(name, "the channel's name");
  options = takeOptions("broadcastBroker()", options, BROKER_OPTION_KINDS);
  const link: BrokerLink = {
    nameOf: (topic) => topic,
    connect: async (receive) => {
      await lastEnd;
      return openChannel(name, receive);
    },
  };
  return linkBroker(link, options);
}

function openChannel(name: string, receive: (name: string, bytes: Uint8Array) => void): BrokerSession {
  const channel = new BroadcastChannel(name);
  const self = crypto.randomUUID();
  /** The other brokers, and the last of our batches that each has received. */
  const peers = new Map<string, number>();
  let number = 0;
  let check = () => {};
  let stopWaiting = () => {};

  const { promise: ended, resolve: end } = defer<unknown>();

  /** A channel that cannot post counts as a lost connection, so the broker opens another. */
  const post = (post: Post): void => {
    try {
      channel.postMessage(post);
    } catch (error) {
      end(error);
    }
  };
  channel.onmessage = ({ data }) => {
    const post = readPost(data);
    if (post === undefined) return;
    const { from } = post;
    if (post.kind === "bye") peers.delete(from);
    else if (post.kind === "seen") {
      if (post.to === self) peers.set(from, post.number);
    } else if (post.kind === "hello") {
      peers.set(from, number);
      answer(from, 0);
    } else {
      for (const [name, bytes] of post.batch) receive(name, bytes);
      answer(from, post.number);
    }
    check();
  };
  const answer = (to: string, number: number) => post({ kind: "seen", from: self, to, number });
  post({ kind: "hello", from: self });

  /** Resolves when all brokers have received the last batch, or the time for that is up. */
  const seen = () =>
    new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        check = stopWaiting = () => {};
        resolve();
      };
      const timer = setTimeout(() => {
        for (const [peer, last] of peers) if (last < number) peers.delete(peer);
        done();
      }, peers.size === 0 ? DISCOVERY_TIME : ANSWER_TIMEOUT);
      stopWaiting = done;
      check = () => {
        if (peers.size > 0 && [...peers.values()].every((last) => last >= number)) done();
      };
    });

  return {
    ended,
    async publish(batch) {
      number++;
      post({ kind: "batch", from: self, number, batch: batch.map(({ name, bytes }) => [name, bytes]) });
      await seen();
      return 0;
    },
    // Every process gets every message, and discards those of topics without subscribers.
    subscribe: () => Promise.resolve(),
    unsubscribe: () => Promise.resolve(),
    ping: () => Promise.resolve(),
    close() {
      post({ kind: "bye", from: self });
      channel.close();
      stopWaiting();
      return lastEnd = turn();
    },
  };
}

/** Waits for one turn of the event loop. A timer would not run with a fake clock in tests. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      port2.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

/** Reads a post. Any code of the process may post on the channel. */
function readPost(data: unknown): Post | undefined {
  if (typeof data !== "object" || data === null || !("kind" in data && "from" in data)) return undefined;
  const { kind, from } = data;
  if (typeof from !== "string") return undefined;
  if (kind === "hello" || kind === "bye") return { kind, from };
  if (!("number" in data) || typeof data.number !== "number") return undefined;
  const { number } = data;
  if (kind === "seen" && "to" in data && typeof data.to === "string") return { kind, from, to: data.to, number };
  if (kind === "batch" && "batch" in data && Array.isArray(data.batch)) {
    return { kind, from, number, batch: data.batch.filter(isItem) };
  }
  return undefined;
}

function isItem(item: unknown): item is Item {
  return Array.isArray(item) && typeof item[0] === "string" && item[1] instanceof Uint8Array;
}
