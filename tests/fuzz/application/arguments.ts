/**
 * Arguments of the public calls, right ones and wrong ones.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { CloseInfo, MessageData, MessageSource, SendOptions, SubscribeOptions } from "../../../mod.ts";
import { below, type Random } from "../../_support/random.ts";
import { oneOf } from "../_target.ts";
import { Boom } from "./judge.ts";

/** An argument, made anew for each run. */
export interface Argument<T = unknown> {
  /** How it is written in a program. */
  readonly text: string;
  /** Whether the call may throw for it. */
  readonly wrong: boolean;
  /** Makes it. @param gate Resolves when the program is over. */
  make(gate: Promise<void>): T;
}

/** A value that no type allows, as a program in JavaScript passes it. */
export function untyped(value: unknown): never {
  return value as never;
}

const right = <T>(text: string, make: (gate: Promise<void>) => T): Argument<T> => ({ text, wrong: false, make });
const wrong = (text: string, make: (gate: Promise<void>) => unknown): Argument<never> => ({
  text,
  wrong: true,
  make: (gate) => untyped(make(gate)),
});

/** Mostly a right one. */
function mostly<T>(random: Random, rights: readonly Argument<T>[], wrongs: readonly Argument<T>[]): Argument<T> {
  return oneOf(random, below(random, 5) === 0 ? wrongs : rights);
}

function detached(): ArrayBuffer {
  const buffer = new ArrayBuffer(8);
  structuredClone(buffer, { transfer: [buffer] });
  return buffer;
}

async function* chunks<T>(values: readonly T[], end?: () => unknown): AsyncGenerator<T> {
  for (const value of values) {
    await null;
    yield value;
  }
  await end?.();
}

function thrown(): never {
  throw new Boom("The source failed");
}

function lockedStream(): ReadableStream<string> {
  const stream = ReadableStream.from(["x"]);
  stream.getReader();
  return stream;
}

/** What every entry point takes as a whole message. */
const DATA: readonly Argument<MessageData>[] = [
  right("an empty text", () => ""),
  right("a short text", () => "hello"),
  right("a text with a lone surrogate", () => "a\ud800b"),
  right("a text of 3000", () => "x".repeat(3_000)),
  right("a text of 100 000", () => "ä".repeat(50_000)),
  right("no bytes", () => new Uint8Array(0)),
  right("3 bytes", () => Uint8Array.of(1, 2, 3)),
  right("20 000 bytes", () => new Uint8Array(20_000)),
  right("200 000 bytes", () => new Uint8Array(200_000)),
  right("an ArrayBuffer", () => new ArrayBuffer(9)),
  right("a DataView", () => new DataView(new ArrayBuffer(9), 3, 4)),
  right("a Float64Array", () => new Float64Array(4)),
  right("a Node Buffer", () => Buffer.from("hello")),
];

const NO_DATA: readonly Argument<never>[] = [
  wrong("undefined", () => undefined),
  wrong("null", () => null),
  wrong("5", () => 5),
  wrong("a symbol", () => Symbol("x")),
  wrong("an object", () => ({})),
  wrong("an object without a prototype", () => Object.create(null)),
  wrong("a list", () => [1, 2]),
  wrong("a function", () => () => {}),
  wrong("a promise", () => Promise.resolve("x")),
  wrong("a String object", () => new String("x")),
  wrong("a SharedArrayBuffer", () => new SharedArrayBuffer(8)),
  wrong("a view of shared memory", () => new Uint8Array(new SharedArrayBuffer(8))),
  wrong("a resizable buffer", () => new ArrayBuffer(8, { maxByteLength: 16 })),
  wrong("a view of a resizable buffer", () => new Uint8Array(new ArrayBuffer(8, { maxByteLength: 16 }))),
  wrong("a detached buffer", detached),
  wrong("a view of a detached buffer", () => {
    const view = new Uint8Array(8);
    structuredClone(view.buffer, { transfer: [view.buffer] });
    return view;
  }),
];

const SOURCES: readonly Argument<MessageSource>[] = [
  right("a Blob", () => new Blob(["hello", new Uint8Array(50_000)])),
  right("a File", () => new File(["hello"], "a.txt")),
  right("a source of texts", () => chunks(["a", "", "b", "c"])),
  right("a source of nothing", () => chunks<string>([])),
  right("a source of bytes", () => chunks([new Uint8Array(3), new Uint8Array(40_000), new ArrayBuffer(2)])),
  right("a stream of texts", () => ReadableStream.from(["a", "b"])),
  right("a stream of bytes", () => ReadableStream.from([new Uint8Array(50_000), new Uint8Array(50_000)])),
  right("a stream that fails", () => new ReadableStream<string>({ pull: thrown })),
  right("a stream that hangs", (gate) => new ReadableStream<string>({ pull: () => gate })),
  right("a source that fails at once", () => chunks<string>([], thrown)),
  right("a source that fails later", () => chunks(["x".repeat(40_000), "y"], thrown)),
  right("a source that hangs", (gate) => chunks(["a"], () => gate)),
  right("a source of both types", () => untyped(chunks(["a", new Uint8Array(3)]))),
  right("a source of numbers", () => untyped(chunks([1, 2]))),
  right("a source of undefined", () => untyped(chunks([undefined]))),
  right("a source of detached memory", () => chunks([detached()])),
  right("a source whose return throws", (gate) => ({
    [Symbol.asyncIterator]: () => ({ next: () => gate.then(() => ({ done: true, value: "" })), return: thrown }),
  })),
  right("a source whose next throws", () => ({ [Symbol.asyncIterator]: () => ({ next: thrown }) })),
  right("a source whose next gives no promise", () => ({
    [Symbol.asyncIterator]: () => untyped({ next: () => ({ done: true }) }),
  })),
];

const NO_SOURCES: readonly Argument<never>[] = [
  wrong("a locked stream", lockedStream),
  wrong("a source whose iterator throws", () => ({ [Symbol.asyncIterator]: thrown })),
  wrong("an object whose member throws", () => ({
    get [Symbol.asyncIterator]() {
      return thrown();
    },
  })),
  wrong("a source that is none", () => ({ [Symbol.asyncIterator]: 5 })),
  wrong("a source without an iterator", () => ({ [Symbol.asyncIterator]: () => undefined })),
];

/** A whole message. */
export function data(random: Random): Argument<MessageData> {
  return mostly(random, DATA, NO_DATA);
}

/** What `send` takes. */
export function sendable(random: Random): Argument<MessageData | MessageSource> {
  return mostly<MessageData | MessageSource>(
    random,
    below(random, 3) === 0 ? SOURCES : DATA,
    below(random, 3) === 0 ? NO_SOURCES : NO_DATA,
  );
}

/** The options of `send`. */
export function sendOptions(random: Random): Argument<SendOptions | undefined> {
  return below(random, 2) === 0 ? right("", () => undefined) : mostly<SendOptions | undefined>(random, [
    right("{ compress: true }", () => ({ compress: true })),
    right("{ compress: false }", () => ({ compress: false })),
    right('{ type: "text" }', () => ({ type: "text" })),
    right('{ type: "binary" }', () => ({ type: "binary" })),
  ], [
    wrong("null", () => null),
    wrong("5", () => 5),
    wrong('{ type: "x" }', () => ({ type: "x" })),
    wrong('{ compress: "x" }', () => ({ compress: "x" })),
    wrong("{ unknown: 1 }", () => ({ unknown: 1 })),
  ]);
}

/** The payload of a ping. */
export function pingPayload(random: Random): Argument<MessageData | undefined> {
  return mostly<MessageData | undefined>(random, [
    right("", () => undefined),
    right('"x"', () => "x"),
    right("125 bytes", () => new Uint8Array(125)),
  ], [wrong("126 bytes", () => new Uint8Array(126)), ...NO_DATA.slice(1), ...NO_SOURCES]);
}

/** A close code. */
export function closeCode(random: Random): Argument<number | undefined> {
  return mostly<number | undefined>(
    random,
    [undefined, 1000, 1001, 1011, 3000, 4999].map((code) => right(`${code}`, () => code)),
    [0, -1, 999, 1004, 1005, 1006, 1015, 2000, 5000, 66_536, 1000.5, NaN, Infinity, null, "1000", {}, 3000n]
      .map((code) => wrong(`${typeof code} ${code}`, () => code)),
  );
}

/** A close reason. */
export function closeReason(random: Random): Argument<string | undefined> {
  return mostly<string | undefined>(random, [
    right("", () => undefined),
    right('"bye"', () => "bye"),
    right("123 bytes", () => "x".repeat(123)),
    right("a lone surrogate", () => "\ud800"),
  ], [
    wrong("124 bytes", () => "ä".repeat(62)),
    wrong("null", () => null),
    wrong("5", () => 5),
    wrong("an object", () => ({})),
    wrong("a symbol", () => Symbol("x")),
  ]);
}

/** The reason of `abort`: any value. */
export function abortReason(random: Random): Argument {
  return oneOf(random, [
    right("", () => undefined),
    right("an Error", () => new Boom("Aborted")),
    right("null", () => null),
    right("a text", () => "gone"),
    right("an object", () => Object.freeze({})),
    right("an error that has ended", () => new DOMException("x", "InvalidStateError")),
  ]);
}

/** A topic. */
export function topic(random: Random): Argument<string> {
  return mostly<string>(
    random,
    ["news", "a/b", "*", "", "a/b/c"].map((name) => right(JSON.stringify(name), () => name)),
    [
      wrong("2000 bytes", () => "x".repeat(2_000)),
      wrong("a lone surrogate", () => "\ud800"),
      ...[undefined, null, 5, {}].map((value) => wrong(`${typeof value} ${value}`, () => value)),
      wrong("a symbol", () => Symbol("x")),
    ],
  );
}

/** The options of `subscribe`. */
export function subscribeOptions(random: Random): Argument<SubscribeOptions | undefined> {
  return mostly<SubscribeOptions | undefined>(random, [
    right("", () => undefined),
    right("{ history: 3 }", () => ({ history: 3 })),
    ...(["disconnect", "wait", "drop-oldest", "latest-only"] as const).map((slowPolicy) =>
      right(`{ slowPolicy: "${slowPolicy}" }`, () => ({ slowPolicy }))
    ),
  ], [
    wrong("null", () => null),
    ...[-1, NaN, Infinity, 1.5, "3", null].map((history) => wrong(`{ history: ${history} }`, () => ({ history }))),
    wrong('{ slowPolicy: "x" }', () => ({ slowPolicy: "x" })),
  ]);
}

/** Whether what is known of an end fits together. */
export function isConsistent({ closeCode, reason, wasClean, error }: CloseInfo): boolean {
  return Number.isInteger(closeCode) && typeof reason === "string" && wasClean === (error === undefined);
}
