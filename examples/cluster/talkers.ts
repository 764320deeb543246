/**
 * Clients of a chat with recovery: each sends numbered messages in its room, and checks every number that it receives.
 *
 * @module
 */
import { recovering, type RecoveringConnection } from "@sluice/websocket/recovery/client";

/** A client. */
export interface Talker {
  readonly client: RecoveringConnection;
  readonly room: string;
  readonly name: string;
  /** How many messages it sent. */
  readonly said: number;
  /** How many the server has acknowledged. */
  readonly acknowledged: number;
  /** The last number that it received from each author. It has received all numbers before it, too. */
  readonly heard: ReadonlyMap<string, number>;
  /** Counts of faults. All must be 0. */
  readonly faults: {
    readonly twice: number;
    readonly skipped: number;
    readonly unrecovered: number;
    readonly refused: number;
  };
  /** How often a subscription continued where it was. */
  readonly recovered: number;
  /** How many messages it received. */
  readonly messages: number;
  /** Whether it is connected and subscribed. */
  readonly back: boolean;
  /** Sends the next message. */
  say(): void;
}

/**
 * Starts a client.
 *
 * @param name Its name.
 * @param room Its room.
 * @param url Where it connects.
 */
export function createTalker(name: string, room: string, url: string): Talker {
  const heard = new Map<string, number>();
  const faults = { twice: 0, skipped: 0, unrecovered: 0, refused: 0 };
  let [said, acknowledged, recovered, messages] = [0, 0, 0, 0];
  let back = false;
  const client = recovering(url, {
    topics: { [room]: undefined },
    acknowledge: true,
    delay: { first: 300, most: 2_000 },
    handshakeTimeout: 3_000,
    pingInterval: 2_000,
    pongTimeout: 2_000,
    shouldReconnect: () => true,
    onState: ({ state }) => {
      if (state !== "open") back = false;
    },
  });
  void (async () => {
    for await (const event of client) {
      if (event.type === "subscribed") {
        back = true;
        if (event.recovered === true) recovered++;
        if (event.recovered === false) faults.unrecovered++;
      } else if (event.type === "message") {
        messages++;
        const [author = "", number] = String(event.data).split(" ");
        const last = heard.get(author) ?? 0;
        if (Number(number) <= last) faults.twice++;
        else if (Number(number) > last + 1) faults.skipped++;
        heard.set(author, Math.max(last, Number(number)));
      }
    }
  })().catch(() => {}); // `closed` says why
  return {
    client,
    room,
    name,
    heard,
    faults,
    get said() {
      return said;
    },
    get acknowledged() {
      return acknowledged;
    },
    get recovered() {
      return recovered;
    },
    get messages() {
      return messages;
    },
    get back() {
      return back;
    },
    say() {
      client.send(JSON.stringify({ room, text: `${name} ${++said}` })).then(
        () => acknowledged++,
        () => faults.refused++,
      );
    },
  };
}
