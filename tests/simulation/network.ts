/**
 * Simulated transports: two ways that deliver what is written to them, in order, in any cut and with any delay, and fail where the
 * plan has them fail.
 *
 * @module
 */
import type { ByteConnection, BytePair } from "../../lib/transport/transport.ts";
import type { FaultPlan, WayPlan } from "./plan.ts";
import type { World } from "./world.ts";

/** What reads and writes are rejected with, by the names that Deno's errors have. */
class TransportError extends Error {
  /** @param name The error's name. */
  constructor(override readonly name: string) {
    super(`The simulated transport fails: ${name}`);
  }
}

/** One of each: an error costs as much as a small frame on its whole way. */
const RESET = new TransportError("ConnectionReset");
const CLOSED = new TransportError("BadResource");
const GONE = new TransportError("BrokenPipe");

/** Bytes under way at which writes wait, when a way is no longer fitful. */
const WIDE = 65_536;

interface Waiting<Value> {
  readonly bytes: Uint8Array;
  readonly resolve: (value: Value) => void;
  readonly reject: (error: unknown) => void;
}

/** What an end watches of its own writing. */
export interface WireWatch {
  /** Bytes leave. */
  written(bytes: Uint8Array): void;
  /** The writing side ends in order. */
  ended(): void;
}

/** One way. */
export class Way {
  readonly #world: World;
  readonly #name: string;
  readonly #plan: WayPlan;
  readonly #faults: FaultPlan[];
  readonly #arrived: Uint8Array[] = [];
  #unread = 0;
  #underWay = 0;
  #lastArrival = 0;
  #turn = 0;
  #lost = false;
  #finished = false;
  #mark: "none" | "end" | "reset" = "none";
  #readError: unknown;
  #writeError: unknown;
  readonly #reading: Waiting<number | null>[] = [];
  #writing: Waiting<number> | undefined;
  /** Whether some of what is being written was taken, and the write is not done yet. */
  #taken = false;
  /** Who watches what is written. */
  watch: WireWatch | undefined;
  /** Is called when nothing goes through any more, in either direction. */
  onsilence: () => void = () => {};
  /** Is called when the way itself resets the connection. */
  onreset: () => void = () => {};
  /** The number of the event in which a write was done last. */
  doneIn = 0;
  /** Bytes that were written. */
  written = 0;
  /** Bytes that were read. */
  read = 0;
  /** Whether a fault of the plan has struck. */
  disturbed = false;

  constructor(world: World, name: string, plan: WayPlan) {
    this.#world = world;
    this.#name = name;
    this.#plan = plan;
    this.#faults = plan.faults.toSorted((one, other) => one.at - other.at);
    this.#strike();
  }

  /** Whether nothing that is written arrives any more. */
  get lost(): boolean {
    return this.#lost;
  }

  /** Loses all that is written from now on. */
  lose(): void {
    this.#lost = this.disturbed = true;
  }

  /** Whether a write is under way. */
  get isWriting(): boolean {
    return this.#writing !== undefined;
  }

  /** Whether there are written bytes that are not read yet. */
  get busy(): boolean {
    return this.#unread + this.#underWay > 0;
  }

  /** Writes what there is room for. */
  write(bytes: Uint8Array): Promise<number> {
    this.#world.must(this.#writing === undefined, "one-at-a-time", () => `${this.#name} is written to twice at a time`);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#writing = { bytes, resolve, reject };
    this.#tryToWrite();
    return promise;
  }

  /** Reads what there is. */
  receive(buffer: Uint8Array): Promise<number | null> {
    const { promise, resolve, reject } = Promise.withResolvers<number | null>();
    this.#reading.push({ bytes: buffer, resolve, reject });
    if (this.#unread > 0 || this.#mark !== "none" || this.#readError !== undefined) {
      this.#world.immediately(() => this.#tryToRead());
    }
    return promise;
  }

  /** Ends the way in order: what was written arrives first. */
  end(mark: "end" | "reset" = "end"): void {
    if (this.#finished) return;
    this.#finished = true;
    if (mark === "end") this.watch?.ended();
    if (!this.#lost) this.#world.after(this.#delay(), () => this.#finish(mark));
  }

  /** Fails reads and writes at once; writes not, where their error is `undefined`. */
  fail(readError: unknown, writeError: unknown): void {
    this.#readError ??= readError;
    this.#writeError ??= writeError;
    this.#tryToRead();
    this.#tryToWrite();
  }

  /** Fails writes: the other end has gone. */
  failWrites(error: unknown): void {
    this.#writeError ??= error;
    this.#tryToWrite();
  }

  #delay(): number {
    const { delays } = this.#plan;
    const delay = delays[this.#turn++ % delays.length] ?? 0;
    this.#lastArrival = Math.max(this.#lastArrival, this.#world.now + delay);
    return this.#lastArrival - this.#world.now;
  }

  #tryToWrite(): void {
    const writing = this.#writing;
    if (writing === undefined) return;
    if (this.#writeError !== undefined || this.#finished) {
      this.#taken = false;
      this.#writing = undefined;
      return writing.reject(this.#writeError ?? CLOSED);
    }
    if (this.#taken) return;
    const { takes, writes, capacity } = this.#plan;
    const fitful = this.written < this.#plan.fitful;
    const room = (fitful ? capacity : WIDE) - this.#unread - this.#underWay;
    if (room <= 0) {
      this.#world.trace.note(this.#world.now, this.#name, () => `<- waits with ${writing.bytes.length} bytes`);
      return;
    }
    const take = fitful ? takes[this.#turn % takes.length] || Infinity : Infinity;
    const part = writing.bytes.slice(0, Math.min(room, take));
    const time = writes[this.#turn % writes.length] ?? 0;
    this.watch?.written(part);
    this.#world.trace.bytes(this.#world.now, this.#name, part);
    this.#send(part);
    this.#taken = true;
    const done = () => {
      if (this.#writing !== writing) return;
      this.#writing = undefined;
      this.#taken = false;
      this.doneIn = this.#world.events;
      const steady = startsWith(writing.bytes, part);
      this.#world.must(steady, "steady-bytes", () => `${this.#name}: ${part.length} bytes changed under way`);
      writing.resolve(part.length);
    };
    if (time === 0) done();
    else this.#world.after(time, done);
  }

  /** Sends a part on its way, cut where faults strike. */
  #send(bytes: Uint8Array): void {
    for (let rest = bytes; rest.length > 0;) {
      const fault = this.#faults[0];
      const part = rest.subarray(0, fault === undefined ? rest.length : fault.at - this.written);
      rest = rest.subarray(part.length);
      this.written += part.length;
      if (!this.#lost) {
        this.#underWay += part.length;
        this.#world.after(this.#delay(), () => this.#arrive(part));
      }
      this.#strike();
    }
  }

  /** Lets the faults strike that are due. */
  #strike(): void {
    for (let fault = this.#faults[0]; fault !== undefined && fault.at <= this.written; fault = this.#faults[0]) {
      this.#faults.shift();
      if (this.#lost) continue;
      this.disturbed = true;
      if (fault.kind === "stall" && fault.time !== null) {
        this.#lastArrival = Math.max(this.#lastArrival, this.#world.now) + fault.time;
      } else this.#lost = true;
      if (fault.kind === "silence") this.onsilence();
      if (fault.kind === "end") this.#world.after(this.#delay(), () => this.#finish("end"));
      if (fault.kind === "reset") this.#world.after(this.#delay(), () => this.onreset());
    }
  }

  #arrive(bytes: Uint8Array): void {
    this.#underWay -= bytes.length;
    if (this.#readError !== undefined) return;
    this.#arrived.push(bytes);
    this.#unread += bytes.length;
    this.#tryToRead();
  }

  #finish(mark: "end" | "reset"): void {
    this.#mark = mark;
    this.#tryToRead();
    if (mark === "reset") this.onreset();
  }

  #tryToRead(): void {
    while (this.#reading.length > 0) {
      if (this.#readError === undefined && this.#unread === 0 && this.#mark === "none") return;
      const { bytes, resolve, reject } = this.#reading.shift()!;
      if (this.#readError !== undefined) reject(this.#readError);
      else if (this.#unread > 0) resolve(this.#moveInto(bytes));
      else if (this.#mark === "end") resolve(null);
      else reject(RESET);
    }
  }

  #moveInto(target: Uint8Array): number {
    const { cuts } = this.#plan;
    const cut = this.read < this.#plan.fitful ? cuts[this.#turn++ % cuts.length] || Infinity : Infinity;
    const most = Math.min(target.length, cut);
    let count = 0;
    while (count < most && this.#arrived.length > 0) {
      const chunk = this.#arrived[0]!;
      const part = chunk.subarray(0, most - count);
      target.set(part, count);
      count += part.length;
      if (part.length === chunk.length) this.#arrived.shift();
      else this.#arrived[0] = chunk.subarray(part.length);
    }
    this.#unread -= count;
    this.read += count;
    if (this.#writing !== undefined) this.#world.immediately(() => this.#tryToWrite());
    return count;
  }
}

function startsWith(bytes: Uint8Array, part: Uint8Array): boolean {
  for (let i = 0; i < part.length; i++) if (bytes[i] !== part[i]) return false;
  return true;
}

/** One end of a simulated connection, as a `Deno.Conn` is one. */
export class SimulatedConn implements ByteConnection {
  readonly #world: World;
  readonly name: string;
  /** What comes. */
  readonly incoming: Way;
  /** What goes. */
  readonly outgoing: Way;
  #closed = false;
  /** Whether it was closed over a write that was under way. */
  cut = false;
  readonly remoteAddr = { transport: "tcp", hostname: "192.0.2.1", port: 1 } as const;
  readonly localAddr = { transport: "tcp", hostname: "192.0.2.2", port: 80 } as const;

  constructor(world: World, name: string, incoming: Way, outgoing: Way) {
    this.#world = world;
    this.name = name;
    this.incoming = incoming;
    this.outgoing = outgoing;
  }

  /** Whether this end was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#closed ? Promise.reject(CLOSED) : this.incoming.receive(buffer);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#closed ? Promise.reject(CLOSED) : this.outgoing.write(bytes);
  }

  closeWrite(): Promise<void> {
    if (this.#closed) return Promise.reject(CLOSED);
    this.outgoing.end();
    return Promise.resolve();
  }

  /** Resets the connection, behind what was written. */
  reset(): void {
    this.outgoing.end("reset");
  }

  /** As in a kernel: closing with unread bytes resets the connection (RFC 1122 §4.2.2.13). */
  close(): void {
    this.#world.must(!this.#closed, "closed-transport", () => `${this.name} is closed twice`);
    this.#closed = true;
    this.#world.trace.note(this.#world.now, this.name, "closes");
    this.cut = this.outgoing.isWriting;
    const rude = this.incoming.busy;
    this.outgoing.end(rude ? "reset" : "end");
    this.outgoing.failWrites(CLOSED);
    this.incoming.fail(CLOSED, this.outgoing.lost ? undefined : GONE); // that it has gone may not arrive either
  }

  setNoDelay(): void {}
}

/** Connects two ends. */
export function link(world: World, name: string, there: WayPlan, back: WayPlan): [SimulatedConn, SimulatedConn] {
  const toServer = new Way(world, `${name} to server`, there);
  const toClient = new Way(world, `${name} to client`, back);
  const onreset = () => {
    world.trace.note(world.now, name, "is reset");
    toServer.fail(RESET, RESET);
    toClient.fail(RESET, RESET);
  };
  toServer.onsilence = () => toClient.lose();
  toClient.onsilence = () => toServer.lose();
  toServer.onreset = toClient.onreset = onreset;
  return [
    new SimulatedConn(world, `${name} client`, toClient, toServer),
    new SimulatedConn(world, `${name} server`, toServer, toClient),
  ];
}

/** The same end as a pair of streams. It is closed when both of them have ended. */
export function streamsOf(conn: SimulatedConn): BytePair {
  let open = 2;
  const close = () => {
    if (!conn.closed) conn.close();
  };
  const ended = () => {
    if (--open === 0) close();
  };
  const orClose = async <Value>(step: Promise<Value>): Promise<Value> => {
    try {
      return await step;
    } catch (error) {
      close();
      throw error;
    }
  };
  return {
    remoteAddr: conn.remoteAddr,
    localAddr: conn.localAddr,
    readable: new ReadableStream({
      async pull(controller) {
        const chunk = new Uint8Array(2048);
        const count = await orClose(conn.read(chunk));
        if (count !== null) return controller.enqueue(chunk.subarray(0, count));
        controller.close();
        ended();
      },
      cancel: close,
    }, { highWaterMark: 0 }),
    writable: new WritableStream({
      start: ({ signal }) => signal.addEventListener("abort", close),
      async write(bytes) {
        for (let at = 0; at < bytes.length;) at += await orClose(conn.write(bytes.subarray(at)));
      },
      async close() {
        await conn.closeWrite();
        ended();
      },
    }),
  };
}
