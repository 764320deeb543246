// deno-lint-ignore-file no-console -- it answers the process that counts
/**
 * One kind of work, done so many times over connections in memory: `calls_subject.ts KIND UNITS`. V8's coverage counts the calls; this
 * program prints the promises.
 *
 * @module
 */
import { ConnectionGroup } from "../lib/server/connection_group.ts";
import type { WebSocketHandler } from "../mod.ts";
import type { ByteConnection } from "../lib/server/mod.ts";

const HANDLERS: Readonly<Record<string, WebSocketHandler>> = {
  callbacks: { message: (socket, data) => void socket.send(data) },
  async iterate(socket) {
    for await (const message of socket) await socket.send(message);
  },
  readable: (socket) => socket.readable.pipeTo(socket.writable),
  async batches(socket) {
    for await (const batch of socket.batches) for (const message of batch) void socket.send(message);
  },
  async messages(socket) {
    for await (const { readable } of socket.messages()) {
      for await (const chunk of readable) void socket.send(chunk);
    }
  },
};

const REQUEST = new TextEncoder().encode(
  "GET /chat HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
);
/** The text "hi", masked with zeros. */
const HI = [0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69];
/** A binary message of 300 bytes. */
const LONG = [0x82, 0xfe, 0x01, 0x2c, 0, 0, 0, 0, ...new Array<number>(300).fill(0)];
/** A close frame with 1000. */
const CLOSE = [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8];

/** Turns of the event loop after which all that follows from a step has happened, hashing the key in another thread too. */
const TURNS = 5;

/** Units before counting, so that what happens once has happened. */
const WARM_UP = 10;

/** A connection whose bytes are fed by hand, and whose writes are swallowed. */
class FedConnection implements ByteConnection {
  #wanted: { target: Uint8Array; resolve(count: number | null): void } | undefined;
  #rest = new Uint8Array(0);

  read(target: Uint8Array): Promise<number | null> {
    if (this.#rest.length > 0) return Promise.resolve(this.#fill(target));
    const { promise, resolve } = Promise.withResolvers<number | null>();
    this.#wanted = { target, resolve };
    return promise;
  }

  /** Gives the read under way what it waits for; `null` is the end. */
  feed(bytes: ArrayLike<number> | null): void {
    const wanted = this.#wanted;
    if (wanted === undefined) throw new Error("Nothing reads");
    this.#wanted = undefined;
    if (bytes !== null) this.#rest = Uint8Array.from(bytes);
    wanted.resolve(bytes === null ? null : this.#fill(wanted.target));
  }

  #fill(target: Uint8Array): number {
    const part = this.#rest.subarray(0, target.length);
    target.set(part);
    this.#rest = this.#rest.subarray(part.length);
    return part.length;
  }

  write(bytes: Uint8Array): Promise<number> {
    return Promise.resolve(bytes.length);
  }

  close(): void {}
}

const [kind = "", units = "0"] = Deno.args;
const [reader = "", what = "message"] = kind.split(":");
const handler = HANDLERS[reader];
if (handler === undefined) throw new Error(`No such kind of work: ${kind}`);
const group = new ConnectionGroup({}, handler);

/** Does something, and waits for all that follows from it. */
async function step(act: () => void): Promise<void> {
  steps++;
  act();
  for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}

async function open(): Promise<FedConnection> {
  const conn = new FedConnection();
  await step(() => group.take(conn));
  await step(() => conn.feed(REQUEST));
  return conn;
}

async function close(conn: FedConnection): Promise<void> {
  await step(() => conn.feed(CLOSE));
  await step(() => conn.feed(null));
}

let steps = 0;
const conn = await open();
const work: Readonly<Record<string, () => Promise<unknown>>> = {
  message: () => step(() => conn.feed(HI)),
  long: () => step(() => conn.feed(LONG)),
  accept: open,
  close: async () => close(await open()),
};
const unit = work[what];
if (unit === undefined) throw new Error(`No such kind of work: ${kind}`);

for (let at = 0; at < WARM_UP; at++) await unit();
let promises = 0;
// @ts-ignore: Deno's own hook, which has no types
Deno[Deno.internal].core.setPromiseHooks(() => promises++, () => {}, () => {}, () => {});
await step(() => {});
const harness = promises;
promises = 0;
steps = 0;
for (let at = 0; at < Number(units); at++) await unit();
console.log(promises - harness * steps);
Deno.exit(0);
