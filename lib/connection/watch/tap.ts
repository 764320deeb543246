/**
 * A frame tap, which records everything that a connection reads and writes as lines of JSON.
 *
 * ```text
 * {"tap":1,"time":"2026-11-21T10:00:00.000Z","role":"server","url":"ws://127.0.0.1/chat","protocol":"","extensions":"",…}
 * {"ms":3.1,"way":"in","bytes":"gYU3+iE9f59NUVg="}
 * {"ms":3.1,"way":"in","opcode":1,"fin":true,"rsv":0,"length":5,"text":"Hello"}
 * {"ms":9.8,"closed":{"closeCode":1000,"reason":"","wasClean":true}}
 * ```
 *
 * A line with `bytes` is one read or one write as it was on the wire, in base64. A bug of a parser may depend on how the bytes
 * were split, so `replay` of `./telemetry` uses only these lines. The lines of frames that follow are for people.
 *
 * @module
 */
import { base64 } from "../../pipeline/bytes/base64.ts";
import type { Limits } from "../../limits.ts";
import { maskRange } from "../../pipeline/bytes/mask.ts";
import { Utf8Validator } from "../../pipeline/bytes/utf8.ts";
import { Opcode } from "../../pipeline/frames/frame.ts";
import { FrameScanner } from "../../pipeline/frames/frame_scanner.ts";
import type { Direction } from "./observer.ts";
import type { CloseInfo, ConnectionFacts } from "../websocket_connection.ts";
import type { TapOptions } from "../socket_options.ts";

/** The facts of a connection that is recorded. */
export interface TappedFacts extends Pick<ConnectionFacts, "role" | "url" | "protocol" | "extensions"> {
  /** The limits that apply to incoming data. */
  readonly limits: Pick<Limits, "maxMessageBytes" | "maxFragments" | "maxEmptyFragments">;
  /** Whether frames are written as in RFC 6455 §5.2. Other frames are not parsed. */
  readonly standard: boolean;
}

/** The version of the format. The first line of a recording contains it. */
export const TAP_VERSION = 1;

/** Records a connection. */
export class Tap {
  /** The recording. Each chunk is a line without its line end. Cancelling it ends the tap. */
  readonly lines: ReadableStream<string>;
  readonly #wire: boolean;
  readonly #ways: Readonly<Record<Direction, FrameLines>> | undefined;
  readonly #start = performance.now();
  #controller: ReadableStreamDefaultController<string> | undefined;
  #lost = 0;

  /**
   * Starts to record.
   *
   * @param facts The facts of the connection.
   * @param options The options of the tap.
   * @param cancelled Called when the reader cancels the recording.
   */
  constructor(facts: TappedFacts, options: TapOptions, cancelled: () => void) {
    const { maxPayloadBytes = 1024, wire = true, highWaterMark = 1024 * 1024 } = options;
    this.#wire = wire;
    const ways = () => ({ in: new FrameLines(maxPayloadBytes), out: new FrameLines(maxPayloadBytes) });
    this.#ways = facts.standard ? ways() : undefined;
    this.lines = new ReadableStream<string>({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => {
        this.#controller = undefined;
        cancelled();
      },
    }, { highWaterMark, size: (line) => line.length });
    const { role, url, protocol, extensions, standard, limits } = facts;
    const { maxMessageBytes, maxFragments, maxEmptyFragments } = limits;
    const { origin, pathname } = new URL(url); // a query may hold a secret
    this.#put({
      tap: TAP_VERSION,
      time: new Date().toISOString(),
      role,
      url: origin + pathname,
      protocol,
      extensions,
      standard,
      limits: { maxMessageBytes, maxFragments, maxEmptyFragments },
    });
  }

  /** Records a write, or a read before it is unmasked in place. */
  record(way: Direction, bytes: Uint8Array): void {
    if (this.#controller === undefined || bytes.length === 0) return;
    const ms = this.#ms();
    if (this.#wire) this.#offer(ms, { way, bytes: base64(bytes) });
    this.#ways?.[way].push(bytes, (frame) => this.#offer(ms, { way, ...frame }));
  }

  /** Records the end. */
  end({ closeCode, reason, wasClean, error }: CloseInfo): void {
    const ms = this.#ms();
    for (const way of ["in", "out"] as const) {
      this.#ways?.[way].end((frame) => this.#offer(ms, { way, ...frame }));
    }
    this.#tellLost(ms);
    this.#put({
      ms,
      closed: { closeCode, reason, wasClean },
      ...(error === undefined ? {} : { error: describe(error) }),
    });
    this.#controller?.close();
    this.#controller = undefined;
  }

  #ms(): number {
    return Number((performance.now() - this.#start).toFixed(3));
  }

  /** Adds a line if there is room for it. */
  #offer(ms: number, line: object): void {
    if ((this.#controller?.desiredSize ?? 0) <= 0) {
      this.#lost++;
    } else {
      this.#tellLost(ms);
      this.#put({ ms, ...line });
    }
  }

  #tellLost(ms: number): void {
    if (this.#lost > 0) this.#put({ ms, lost: this.#lost });
    this.#lost = 0;
  }

  #put(line: object): void {
    this.#controller?.enqueue(JSON.stringify(line));
  }
}

/** Describes any value, because applications abort with any value, and not every object can become a string. */
function describe(error: unknown): string {
  try {
    return typeof error === "object" && !(error instanceof Error) ? "object" : String(error);
  } catch {
    return "object";
  }
}

/** Parses the bytes of one direction for people to read, valid or not. */
class FrameLines {
  readonly #scanner = new FrameScanner();
  readonly #max: number;
  #payload = new Uint8Array(0);
  #shown = 0;
  #inText = false;

  constructor(max: number) {
    this.#max = max;
  }

  push(bytes: Uint8Array, put: (frame: object) => void): void {
    const scanner = this.#scanner;
    for (let at = 0; at < bytes.length;) {
      at = scanner.next(bytes, at);
      const before = scanner.length - scanner.remaining - (at - scanner.from);
      if (before < this.#max) this.#show(bytes.subarray(scanner.from, Math.min(at, scanner.from + this.#max - before)));
      if (scanner.complete) put(this.#take());
    }
  }

  /** Reports a frame that had begun and did not end. */
  end(put: (frame: object) => void): void {
    if (this.#scanner.remaining > 0) put({ ...this.#take(), missing: this.#scanner.remaining });
  }

  #show(part: Uint8Array): void {
    const length = this.#shown + part.length;
    if (length > this.#payload.length) {
      const grown = new Uint8Array(Math.max(length, 2 * this.#payload.length));
      grown.set(this.#payload.subarray(0, this.#shown));
      this.#payload = grown;
    }
    this.#payload.set(part, this.#shown);
    this.#shown = length;
  }

  #take(): object {
    const { fin, rsv, opcode, key, length } = this.#scanner;
    const shown = this.#payload.slice(0, this.#shown);
    this.#shown = 0;
    if (key !== undefined) maskRange(shown, 0, shown.length, key);
    if (opcode === Opcode.TEXT || opcode === Opcode.BINARY) this.#inText = opcode === Opcode.TEXT && rsv === 0;
    const readable = opcode === Opcode.CONTINUATION ? this.#inText : opcode === Opcode.TEXT && rsv === 0;
    const cut = shown.length < length;
    return {
      opcode,
      fin,
      rsv,
      ...(key === undefined ? {} : { masked: true }),
      length,
      ...(opcode === Opcode.CLOSE && shown.length >= 2
        ? { closeCode: shown[0]! * 256 + shown[1]!, ...payloadOf(shown.subarray(2), { readable: true, cut }) }
        : payloadOf(shown, { readable, cut })),
      ...(cut ? { cut } : {}),
    };
  }
}

/** Returns a payload as text if it is text, otherwise in base64. */
function payloadOf(bytes: Uint8Array, { readable, cut }: { readable: boolean; cut: boolean }): object {
  if (bytes.length === 0) return cut ? {} : { text: "" };
  const utf8 = new Utf8Validator();
  if (!readable || utf8.push(bytes) !== -1 || !(utf8.complete || cut)) return { base64: base64(bytes) };
  // As a stream, so that nothing is shown of an incomplete character.
  return { text: new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes, { stream: true }) };
}
