/**
 * How clients behave: well, badly, and not at all. Each play is one connection from its beginning to its end.
 *
 * @module
 */
import { connect, type WebSocketConnection } from "../../mod.ts";
import { concat } from "../_support/bytes.ts";
import { below, type Random, randomBytes } from "../_support/random.ts";
import { within } from "../_support/deadline.ts";
import { dial, handshake, masked, type RawClient } from "./_raw.ts";
import { count, type Tally } from "./_tally.ts";

/** What a play has to do with. */
export interface Scene {
  readonly port: number;
  readonly random: Random;
  readonly tally: Tally;
  /** Aborted when it is time to leave. */
  readonly signal: AbortSignal;
  /** Waits, until it is time to leave at most. */
  pause(ms: number): Promise<void>;
  /** Waits for one's turn to connect, so that the rate is bounded. */
  turn(): Promise<void>;
}

/** One connection from its beginning to its end. */
export type Play = (scene: Scene) => Promise<void>;

/** Milliseconds that an answer may take on a busy machine. */
const PATIENCE = 20_000;

/** A number from `least` to `most`. */
function between(random: Random, least: number, most: number): number {
  return least + below(random, most - least + 1);
}

/** A connection of ours on which every message is numbered and every echo is accounted for. */
interface Conversation {
  readonly socket: WebSocketConnection;
  /** Sends `count` messages of some size; the promise is `send`'s. */
  say(count: number, size?: number): Promise<void>;
  /** Waits until every echo is here. */
  answered(): Promise<void>;
  /** Stops reading until the function that it returns is called. */
  hold(): () => void;
  /** Says goodbye. What has not come back by then is lost. */
  leave(): Promise<void>;
  /** Drops everything. What has not come back by then is given up, not lost. */
  drop(): Promise<void>;
}

async function converse({ port, random, tally, turn }: Scene): Promise<Conversation> {
  await turn();
  const socket = await connect(`ws://127.0.0.1:${port}`);
  tally.connections++;
  const owed: string[] = [];
  let said = 0;
  let heard = 0;
  let dropped = false;
  let gate: Promise<void> | undefined;
  let waiting: PromiseWithResolvers<void> | undefined;

  const read = async () => {
    for await (const message of socket) {
      if (gate !== undefined) await gate;
      const text = owed.shift();
      // The server's number, then ours: both without a gap.
      if (message === `${++heard} ${text}`) tally.echoed++;
      else tally.wrong++;
      if (owed.length > 0) continue;
      waiting?.resolve();
      waiting = undefined;
    }
  };
  let over = false;
  // `closed` resolves with how the connection ended.
  const reading = read().catch(() => {}).finally(() => {
    over = true;
    waiting?.reject(new Error("The connection ended before the last echo"));
  });

  const end = async (ended: Promise<unknown>): Promise<void> => {
    await within(ended, PATIENCE, "The end");
    await reading;
  };
  return {
    socket,
    async say(times, size = [0, 7, 125, 126, 1000, 5000, 5000, 70_000][below(random, 8)]!) {
      for (let i = 0; i < times; i++) {
        const text = `${++said} ${"x".repeat(size)}`;
        const sent = socket.send(text);
        owed.push(text);
        tally.sent++;
        await sent;
      }
    },
    answered() {
      if (owed.length === 0) return Promise.resolve();
      if (over) return Promise.reject(new Error("The connection has ended"));
      waiting = Promise.withResolvers();
      return within(waiting.promise, PATIENCE, "An echo");
    },
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return () => {
        gate = undefined;
        resolve();
      };
    },
    async leave() {
      if (dropped) return;
      try {
        await end(socket.close());
        const { wasClean, error } = await socket.closed;
        if (!wasClean) throw error;
      } finally {
        tally.lost += owed.splice(0).length;
      }
    },
    async drop() {
      dropped = true;
      socket.abort();
      await end(socket.closed);
      tally.abandoned += owed.splice(0).length;
    },
  };
}

/** Holds a conversation; whatever goes wrong in it, what was owed is lost. */
async function conversation(scene: Scene, talk: (conversation: Conversation) => Promise<void>): Promise<void> {
  const conversation = await converse(scene);
  try {
    await talk(conversation);
  } finally {
    await conversation.leave();
  }
}

/** Talks for as long as it may, at a walk. */
export const steady: Play = (scene) =>
  conversation(scene, async ({ say, answered }) => {
    while (!scene.signal.aborted) {
      await say(between(scene.random, 1, 4));
      await answered();
      await scene.pause(between(scene.random, 100, 400));
    }
  });

/** Runs a play on a raw connection. */
function raw(play: (client: RawClient, scene: Scene) => Promise<void>): Play {
  return async (scene) => {
    await scene.turn();
    using client = await dial(scene.port);
    scene.tally.connections++;
    await play(client, scene);
  };
}

/** How a rude client begins, and what it is owed all the same. */
interface RudeOptions {
  /** Whether it shakes hands first. @default {true} */
  open?: boolean;
  /** Bytes that the server sends before it ends the connection. By default as much as any head has. */
  owed?: number;
}

/** Opens, writes, and stays until the server ends it or it is time to leave. */
function rude(
  bytes: (random: Random, port: number) => Uint8Array<ArrayBuffer>[],
  { open = true, owed = 60 }: RudeOptions = {},
): Play {
  return raw(async (client, scene) => {
    if (open) await client.write(handshake(scene.port));
    await client.write(concat(bytes(scene.random, scene.port)));
    const came = await untilEnd(client, scene);
    if (came < owed && !scene.signal.aborted) throw new Error(`The server ended without its ${owed} bytes`);
  });
}

/** Drains a connection until its end, or until it is time to leave; returns the number of bytes. */
async function untilEnd(client: RawClient, scene: Scene): Promise<number> {
  const left = Promise.withResolvers<number>();
  const leave = () => left.resolve(0);
  if (scene.signal.aborted) return 0;
  scene.signal.addEventListener("abort", leave, { once: true });
  const drained = client.drain();
  drained.catch(() => {}); // when we leave, our own read is interrupted
  try {
    return await within(Promise.race([drained, left.promise]), PATIENCE, "The server's end");
  } finally {
    scene.signal.removeEventListener("abort", leave);
  }
}

const bytes = (text: string) => new TextEncoder().encode(text);
const normalClose = (random: Random) => masked(random, 8, Uint8Array.of(0x03, 0xe8));

/** Everything but {@linkcode steady}, by what it does. */
export const PLAYS: Readonly<Record<string, Play>> = {
  "talk and leave": (scene) =>
    conversation(scene, async ({ say, answered }) => {
      await say(between(scene.random, 1, 8));
      await answered();
    }),

  "connect and leave": (scene) => conversation(scene, () => Promise.resolve()),

  "abort": (scene) =>
    conversation(scene, async ({ say, drop }) => {
      await say(between(scene.random, 0, 8));
      await drop();
    }),

  "read slowly": (scene) =>
    conversation(scene, async ({ say, answered, hold }) => {
      const resume = hold();
      const said = say(100, 20_000);
      said.catch(() => {});
      await scene.pause(between(scene.random, 200, 2_500));
      resume();
      await said;
      await answered();
    }),

  "never read": (scene) =>
    conversation(scene, async ({ say, hold, drop }) => {
      const resume = hold();
      const said = say(100, 20_000).catch(() => {});
      await scene.pause(between(scene.random, 200, 2_500));
      const dropped = drop();
      resume();
      await Promise.all([said, dropped]);
    }),

  "reset over unread bytes": raw(async (client, { port, random, pause }) => {
    await client.write(handshake(port));
    for (let i = 0; i < 20; i++) {
      await client.write(masked(random, 1, bytes(`${i} ${"x".repeat(below(random, 2_000))}`)));
    }
    await pause(between(random, 0, 50));
  }),

  "half-close": raw(async (client, scene) => {
    await client.write(handshake(scene.port));
    for (let i = 0; i < 3; i++) await client.write(masked(scene.random, 1, bytes(`${i}`)));
    await client.endWriting();
    await untilEnd(client, scene);
  }),

  "half-close in the handshake": raw(async (client, scene) => {
    await client.write(handshake(scene.port).subarray(0, between(scene.random, 0, 100)));
    await client.endWriting();
    await untilEnd(client, scene);
  }),

  "half-close in a frame": raw(async (client, scene) => {
    await client.write(handshake(scene.port));
    await client.write(
      masked(scene.random, 2, randomBytes(scene.random, 100)).subarray(0, between(scene.random, 1, 100)),
    );
    await client.endWriting();
    await untilEnd(client, scene);
  }),

  "flood of pings": rude((random) => {
    const pings = Array.from({ length: 500 }, () => masked(random, 9, randomBytes(random, below(random, 126))));
    return [...pings, normalClose(random)];
  }),

  "tiny fragments": rude((random) => {
    const parts = Array.from({ length: 500 }, (_, i) => masked(random, i === 0 ? 1 : 0, bytes("x"), i === 499));
    return [...parts, normalClose(random)];
  }, { owed: 60 + 500 }),

  "empty fragments": rude((random) =>
    Array.from({ length: 200 }, (_, i) => masked(random, i === 0 ? 1 : 0, new Uint8Array(0), false))
  ),

  "garbage for frames": rude((random) => [randomBytes(random, between(random, 1, 2_000))]),

  "garbage for a handshake": rude(
    (random) => [randomBytes(random, between(random, 1, 2_000)), bytes("\n\r\n\r\n")],
    { open: false },
  ),

  "endless head": rude(
    (_, port) => [handshake(port).slice(0, -2), ...Array(20).fill(bytes(`x: ${"y".repeat(1000)}\r\n`))],
    { open: false },
  ),

  "half a handshake": rude((random, port) => [handshake(port).slice(0, between(random, 0, 150))], { open: false }),

  "half a message": rude((random) => [masked(random, 1, bytes("begun"), false)]),

  "silence": rude(() => []),
};

/** Plays, over and over, until it is time to leave. */
export async function playOn(scene: Scene, next: () => [name: string, play: Play]): Promise<void> {
  const { tally, random, signal } = scene;
  while (!signal.aborted) {
    const [name, play] = next();
    count(tally.plays, name);
    try {
      await play(scene);
    } catch (error) {
      count(tally.errors, `${name}: ${error instanceof Error ? `${error.name}: ${error.message}` : error}`);
    }
    await scene.pause(between(random, 20, 400));
  }
}
