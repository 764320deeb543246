/**
 * A soak of the hub: one publisher, thousands of subscribers, some of which leave and join all the time:
 * `deno run --allow-net=127.0.0.1 --allow-run tests/soak/fanout.ts --subscribers 10000 --seconds 60`. It passes where every
 * subscriber gets every message in order, memory is flat and no subscriber is left. Ten thousand need 10 100 file descriptors
 * (`ulimit -n`) in each of two processes.
 *
 * @module
 */
import { connect, type WebSocketConnection } from "../../mod.ts";
import { deno } from "../_support/child.ts";
import { print, readOptions, readPositive, readWhole, runProgram } from "../_support/command_line.ts";
import { requestText } from "../_support/raw_peer.ts";
import type { FanoutStats } from "./fanout_server.ts";
import { mebibytes, mostMemory } from "./_tally.ts";

const USAGE = `Usage: deno run --allow-net=127.0.0.1 --allow-run=deno tests/soak/fanout.ts [options]

  --subscribers N  clients that subscribe to the topic (1000)
  --seconds S      how long messages are published (20)
  --help           show this and exit
`;

/** Messages under way: published together, and the next when everybody has them. */
const WINDOW = 8;
/** A message: its number, in so many characters. */
const SIZE = 64;
/** A message's frame: two bytes of header. */
const FRAME = 2 + SIZE;
/** Handshakes at a time. */
const HANDSHAKES = 50;
/** Milliseconds in which everybody must have a message. */
const PATIENCE = 20_000;

/** A client that reads numbered messages over a bare connection, cheap enough that ten thousand fit one process. */
class Client {
  readonly #conn: Deno.TcpConn;
  /** The number of the next message; `undefined` before the first. */
  next: number | undefined;
  /** Messages that were not the next one. */
  wrong = 0;
  got = 0;
  #left = false;

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    void this.#read();
  }

  leave(): void {
    this.#left = true;
    this.#conn.close();
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(16 * FRAME);
    const text = new TextDecoder();
    for (let filled = 0;;) {
      const count = await this.#conn.read(buffer.subarray(filled)).catch(() => null);
      if (count === null) {
        if (!this.#left) this.wrong++;
        return;
      }
      filled += count;
      let at = 0;
      for (; filled - at >= FRAME; at += FRAME) {
        const number = Number(text.decode(buffer.subarray(at + 2, at + FRAME)));
        if (buffer[at] !== 0x81 || buffer[at + 1] !== SIZE || number !== (this.next ?? number)) this.wrong++;
        this.next = number + 1;
        this.got++;
      }
      buffer.copyWithin(0, at, filled);
      filled -= at;
    }
  }
}

/** Connects and shakes hands; the first messages may follow the answer at once, so it is read a byte at a time. */
async function join(port: number): Promise<Client> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(new TextEncoder().encode(requestText({}, "GET /room HTTP/1.1")));
  const byte = new Uint8Array(1);
  for (let head = ""; !head.endsWith("\r\n\r\n"); head += String.fromCharCode(byte[0]!)) {
    if (await conn.read(byte) === null) throw new Error(`The server ended a handshake after ${JSON.stringify(head)}`);
  }
  return new Client(conn);
}

/** As many clients as are wanted. */
async function crowd(port: number, size: number): Promise<Client[]> {
  const clients: Client[] = [];
  while (clients.length < size) {
    const batch = Math.min(HANDSHAKES, size - clients.length);
    clients.push(...await Promise.all(Array.from({ length: batch }, () => join(port))));
  }
  return clients;
}

/** The publisher, who also asks how the server is. */
class Control {
  readonly #socket: WebSocketConnection;
  readonly #answers: AsyncIterator<string | Uint8Array>;
  published = 0;

  constructor(socket: WebSocketConnection) {
    this.#socket = socket;
    this.#answers = socket[Symbol.asyncIterator]();
  }

  async publish(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await this.#socket.send(`${this.published++}`.padStart(SIZE, "0"));
  }

  async stats(): Promise<FanoutStats> {
    await this.#socket.send("stats");
    return JSON.parse(String((await this.#answers.next()).value));
  }
}

/** Waits until a condition holds. */
async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const end = performance.now() + PATIENCE; !await condition();) {
    if (performance.now() > end) throw new Error(`${what} took more than ${PATIENCE} ms`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function main(args: string[]): Promise<number> {
  const values = readOptions({
    args,
    options: { subscribers: { type: "string", default: "1000" }, seconds: { type: "string", default: "20" } },
  });
  const subscribers = readWhole("subscribers", values.subscribers, 1);
  const seconds = readPositive("seconds", values.seconds);
  await using server = deno("run", "--no-prompt", "--allow-net=127.0.0.1", "tests/soak/fanout_server.ts");
  const [, port] = await server.said(/listening on (\d+)\n/);
  await using socket = await connect(`ws://127.0.0.1:${port}/control`);
  const control = new Control(socket);
  const clients = await crowd(Number(port), subscribers);
  const gone: Client[] = [];
  await until(async () => (await control.stats()).subscribers === subscribers, "The subscriptions");

  const started = performance.now();
  const memory: number[] = [];
  for (let rounds = 0; performance.now() - started < 1000 * seconds; rounds++) {
    await control.publish(WINDOW);
    // Meanwhile one in a hundred leaves, and another comes; it gets the last messages and all that follow.
    const leaving = clients.splice(0, Math.ceil(Math.min(subscribers / 100, HANDSHAKES)));
    leaving.forEach((client) => client.leave());
    gone.push(...leaving.filter(({ wrong }) => wrong > 0));
    clients.push(...await crowd(Number(port), leaving.length));
    await until(() => clients.every(({ next }) => next === control.published), `Message ${control.published}`);
    const due = 1000 * seconds * memory.length / 10;
    if (performance.now() - started >= due) memory.push((await control.stats()).rss);
  }
  const time = (performance.now() - started) / 1000;
  const { delivered, dropped, disconnected } = await control.stats();
  const wrong = [...clients, ...gone].reduce((sum, client) => sum + client.wrong, 0);
  clients.forEach((client) => client.leave());
  await until(async () => (await control.stats()).subscribers === 0, "The end of the subscriptions");

  const [, warm = 0, ...rest] = memory;
  const last = memory.at(-1) ?? 0;
  print(
    `${subscribers} subscribers, ${seconds} s: ${control.published} published, ${delivered} delivered, ` +
      `${Math.round(delivered / time)} a second, ${wrong} lost or wrong\n` +
      `server memory: ${[warm, ...rest].map(mebibytes).join(", ")}\n`,
  );
  const complaints = [
    wrong > 0 && `${wrong} messages were lost or wrong`,
    dropped + disconnected > 0 && `${dropped} messages were dropped and ${disconnected} subscribers disconnected`,
    last > mostMemory(warm) && `memory is not flat: ${mebibytes(last)} at the end`,
  ].filter((complaint) => complaint !== false);
  for (const complaint of complaints) print(`FAILED: ${complaint}\n`);
  if (complaints.length === 0) print("passed: nothing lost, memory flat, nobody left\n");
  return complaints.length === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await runProgram({ name: "fanout", usage: USAGE, run: main }));
