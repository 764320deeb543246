/**
 * A raw peer: it says what its plan says, right or wrong, and knows nothing of the library.
 *
 * @module
 */
import { naiveBytes, naiveFrames, naiveMessages } from "../_support/naive_frames.ts";
import { concat } from "../_support/bytes.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import type { SimulatedConn } from "./network.ts";
import type { RawAct, RawPlan } from "./plan.ts";
import { sha1 } from "./sha1.ts";
import { WireReader } from "./wire.ts";
import type { World } from "./world.ts";

const UTF8 = new TextEncoder();
const KEY = "AAAAAAAAAAAAAAAAAAAAAA==";
/** Milliseconds after which a frame that has arrived is also written for the end that wrote it. */
const WRITTEN = 20;
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** What an end that hears a raw peer should make of it. */
export interface RawVerdict {
  /** The messages before the first mistake, or before the close frame. */
  readonly messages: Message[];
  /** The close codes that answer it; empty where nothing is wrong. */
  readonly codes: number[];
}

/** A raw peer. */
export class RawPeer {
  readonly #world: World;
  readonly #name: string;
  readonly #role: "client" | "server";
  readonly #plan: RawPlan;
  readonly #conn: SimulatedConn;
  readonly #reader: WireReader;
  /** What it wrote behind its head, as it wrote it. */
  readonly #written: Uint8Array[] = [];
  #toWrite: Uint8Array[] = [];
  #writing = false;
  #ending = false;
  #headBytes = 0;
  #bytesSaid = 0;
  /** Sizes of the pings that it said, and how many of them are answered, or passed over. */
  readonly #pings: number[] = [];
  #answered = 0;
  #saidClose = false;
  /** Whether it has said a close frame and heard one, and stayed until both were written. */
  exchanged = false;
  /** Whether it has left in the middle of a write of the other end: then a close frame behind that had no way to it. */
  interrupts = false;
  #exchangedAt = 0;
  /** Is called when it says a ping, with the number of bytes that end with it. */
  onping: (position: number) => void = () => {};
  /** Is called when it begins to read, where it has waited with that. */
  onread: () => void = () => {};
  #acting = false;

  constructor(world: World, name: string, role: "client" | "server", plan: RawPlan, conn: SimulatedConn, index = 0) {
    this.#world = world;
    this.#name = name;
    this.#role = role;
    this.#plan = plan;
    this.#conn = conn;
    const peer = role === "client" ? "server" : "client";
    this.#reader = new WireReader(
      world,
      `what ${name} reads`,
      peer,
      (opcode, payload) => this.#answer(opcode, payload),
    );
    if (role === "client") this.#greetServer(index);
    void this.#read();
  }

  /** Whether it reads, and is there to the end. */
  get stays(): boolean {
    return this.#plan.reads && this.#plan.acts.every((act) => act.do !== "drop" && act.do !== "end");
  }

  /** Leaves. */
  drop(): void {
    if (this.#conn.closed) return;
    this.interrupts = this.#conn.incoming.isWriting;
    this.#conn.close();
  }

  /** What the bytes that arrived say, by the naive reader. */
  verdict(maxMessageBytes: number): RawVerdict {
    const arrived = concat(this.#written).subarray(0, Math.max(this.#conn.outgoing.read - this.#headBytes, 0));
    const { frames, closeCode } = naiveFrames(arrived, this.#role === "client" ? "server" : "client", maxMessageBytes);
    const end = frames.findIndex(({ opcode }) => opcode === 8);
    const messages = naiveMessages(end === -1 ? frames : frames.slice(0, end)).messages;
    const wrong = messages.findIndex((message) => message === undefined);
    const codes = closeCode === undefined || closeCode === 1006 ? [] : [closeCode];
    // Bytes that a false length makes a text of need not be one, nor need bytes of chance.
    const badText = this.#plan.acts.some((act) =>
      act.do === "bytes" || (act.do === "frame" && ((!act.utf8 && act.size > 0) || act.claims !== undefined))
    );
    if (wrong !== -1 || badText) codes.push(1007);
    return { messages: wrong === -1 ? messages : messages.slice(0, wrong), codes };
  }

  #greetServer(index: number): void {
    const { greeting } = this.#plan;
    if (greeting === "silence") return;
    const lines = [
      `GET /${index} HTTP/1.1`,
      "Host: server",
      ...(greeting === "no upgrade" ? [] : ["Upgrade: websocket"]),
      "Connection: Upgrade",
      `Sec-WebSocket-Key: ${greeting === "wrong key" ? "short" : KEY}`,
      `Sec-WebSocket-Version: ${greeting === "refusal" ? 12 : 13}`,
    ];
    this.#greet(lines);
  }

  #greetClient(request: string): void {
    const { greeting } = this.#plan;
    if (greeting === "silence") return;
    const key = /sec-websocket-key: *(\S+)/i.exec(request)?.[1] ?? "";
    const proof = btoa(String.fromCharCode(...sha1(UTF8.encode(key + GUID))));
    const lines = greeting === "refusal" ? ["HTTP/1.1 503 Service Unavailable", "Content-Length: 0"] : [
      "HTTP/1.1 101 Switching Protocols",
      ...(greeting === "no upgrade" ? [] : ["Upgrade: websocket"]),
      "Connection: Upgrade",
      `Sec-WebSocket-Accept: ${greeting === "wrong key" ? "c2hvcnQ=" : proof}`,
    ];
    this.#greet(lines);
  }

  #greet(lines: string[]): void {
    const head = UTF8.encode(`${lines.join("\r\n")}\r\n\r\n`);
    const { greeting } = this.#plan;
    const bytes = greeting === "garbage"
      ? head.map((byte) => byte ^ 0x80)
      : greeting === "half"
      ? head.subarray(0, 40)
      : head;
    this.#headBytes = bytes.length;
    this.#write(bytes);
    if (greeting !== "right" || this.#acting) return;
    this.#acting = true;
    for (const act of this.#plan.acts) this.#world.after(act.at, () => this.#act(act));
  }

  #act(act: RawAct): void {
    if (this.#conn.closed) return;
    switch (act.do) {
      case "frame":
        this.#say(this.#frame(act));
        if (act.opcode !== 9) return;
        this.#pings.push(act.size);
        return this.onping(this.#bytesSaid);
      case "close":
        this.#saidClose = true;
        return this.#say(this.#bytesOf({ fin: true, rsv: 0, opcode: 8, payload: Uint8Array.from(act.payload) }));
      case "bytes":
        return this.#say(Uint8Array.from(act.bytes));
      case "end":
        this.#ending = true;
        if (!this.#writing) this.#end();
        return;
      case "drop":
        this.#world.trace.note(this.#world.now, this.#name, "drops the connection");
        this.exchanged &&= this.#isWritten && !this.#writing;
        this.drop();
    }
  }

  #frame({ opcode, fin, rsv, masked, size, utf8, claims }: Extract<RawAct, { do: "frame" }>): Uint8Array {
    const payload = new Uint8Array(size).fill(utf8 ? 0x61 : 0xff);
    const bytes = Uint8Array.from(naiveBytes({ fin, rsv, opcode, payload }, this.#keyIf(masked)));
    if (claims !== undefined) bytes[1] = (bytes[1]! & 0x80) | claims;
    return bytes;
  }

  #bytesOf(frame: Parameters<typeof naiveBytes>[0]): Uint8Array {
    return Uint8Array.from(naiveBytes(frame, this.#keyIf(this.#role === "client")));
  }

  #keyIf(masked: boolean): number[] | undefined {
    if (!masked) return undefined;
    const key = new Uint8Array(4);
    this.#world.fill(key);
    return [...key];
  }

  #say(bytes: Uint8Array): void {
    if (this.#ending) return;
    this.#written.push(bytes);
    this.#write(bytes);
  }

  #write(bytes: Uint8Array): void {
    this.#bytesSaid += bytes.length;
    this.#toWrite.push(bytes);
    if (!this.#writing) void this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    this.#writing = true;
    try {
      for (let next = this.#toWrite.shift(); next !== undefined; next = this.#toWrite.shift()) {
        for (let at = 0; at < next.length;) at += await this.#conn.write(next.subarray(at));
      }
      if (this.#ending) this.#end();
    } catch {
      this.#toWrite = []; // the connection is gone, and so is the peer's interest
    }
    this.#writing = false;
  }

  /** Whether the other end's close frame is written for that end as well. */
  get #isWritten(): boolean {
    return this.#world.now >= this.#exchangedAt + WRITTEN;
  }

  #end(): void {
    if (!this.#plan.resets || !this.exchanged) return this.#conn.outgoing.end();
    this.exchanged = this.#isWritten;
    this.#conn.reset();
  }

  /** Answers what it reads, as far as it does. */
  #answer(opcode: number, payload: Uint8Array): void {
    const { pongs, pongsAfter = 0, closes, resets } = this.#plan;
    if (opcode === 10) this.#hearPong(payload.length);
    if (opcode === 9 && pongs) {
      const pong = this.#bytesOf({ fin: true, rsv: 0, opcode: 10, payload: payload.slice() });
      if (pongsAfter === 0) this.#say(pong);
      else this.#world.after(pongsAfter, () => void (this.#conn.closed || this.#say(pong)));
    }
    if (opcode !== 8 || !closes) return;
    if (!this.#saidClose || !resets) {
      this.#say(this.#bytesOf({ fin: true, rsv: 0, opcode: 8, payload: payload.slice() }));
    }
    this.exchanged = !this.#ending;
    this.#exchangedAt = this.#world.now;
    const end = () => this.#act({ at: 0, do: "end" });
    if (resets) this.#world.after(WRITTEN, end);
    else if (this.#role === "server") end(); // RFC 6455 §7.1.1
  }

  /** A pong has the payload of a ping, and answers all before that as well (§5.5.3). */
  #hearPong(size: number): void {
    const at = this.#pings.indexOf(size, this.#answered);
    // Bytes of chance and frames with a false length can be pings as well.
    const chance = () => {
      const { frames } = naiveFrames(concat(this.#written), this.#role === "client" ? "server" : "client");
      return frames.some(({ opcode, payload }) => opcode === 9 && payload.length === size);
    };
    this.#world.must(
      at !== -1 || chance(),
      "pong",
      () => `${this.#name} hears a pong of ${size} bytes, which answers none of its pings`,
    );
    if (at !== -1) this.#answered = at + 1;
  }

  async #read(): Promise<void> {
    if (!this.#plan.reads && this.#role === "client") return;
    const { readsAfter } = this.#plan;
    if (readsAfter !== undefined) {
      await new Promise<void>((resolve) => this.#world.after(readsAfter, resolve));
      this.onread();
    }
    const buffer = new Uint8Array(512);
    let request = "";
    try {
      for (let count = await this.#conn.read(buffer); count !== null; count = await this.#conn.read(buffer)) {
        const bytes = buffer.subarray(0, count);
        this.#reader.written(bytes);
        if (this.#role === "client" || this.#headBytes > 0) continue;
        request += String.fromCharCode(...bytes);
        if (!request.includes("\r\n\r\n")) continue;
        this.#greetClient(request);
        if (!this.#plan.reads) return;
      }
      this.drop();
    } catch {
      this.drop();
    }
  }
}
