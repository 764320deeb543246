import { assertEquals, assertThrows } from "@std/assert";
import {
  ANYTHING,
  CALLBACK,
  DELAY,
  either,
  FLAG,
  HEADERS,
  type Kind,
  like,
  listOf,
  oneOf,
  or,
  orObject,
  PORT,
  required,
  SIGNAL,
  TEXT,
  TEXT_OR_TEXTS,
  TEXTS,
  TIME,
  URL_OR_TEXT,
  whole,
} from "../lib/option_kinds.ts";
import { bag } from "../lib/options.ts";

const nothing = () => {};

/** Values that each kind takes, and values that it does not. */
const KINDS: readonly [name: string, kind: Kind, good: readonly unknown[], bad: readonly unknown[]][] = [
  ["FLAG", FLAG, [true, false], [0, "true", null]],
  ["TEXT", TEXT, ["", "a"], [1, null, ["a"]]],
  ["TEXTS", TEXTS, [[], ["a"]], ["a", [1], null]],
  ["TEXT_OR_TEXTS", TEXT_OR_TEXTS, ["a", ["a"]], [1, [1], {}]],
  ["URL_OR_TEXT", URL_OR_TEXT, ["a", new URL("ws://a")], [1, {}]],
  ["CALLBACK", CALLBACK, [nothing], ["nothing", {}, null]],
  ["HEADERS", HEADERS, [{ a: "b" }, [["a", "b"]], new Headers()], ["a: b", 1, null]],
  ["SIGNAL", SIGNAL, [new AbortController().signal], [new AbortController(), true, null]],
  ["ANYTHING", ANYTHING, [null, 0, ""], []],
  ["oneOf", oneOf("a", "b"), ["a", "b"], ["c", 1, null]],
  ["like", like("a thing", { methods: ["a"], optional: ["b"] }), [{ a: nothing }, { a: nothing, b: nothing }], [
    {},
    { a: nothing, b: 1 },
    null,
  ]],
  ["listOf", listOf("flags", FLAG), [[], [true]], [true, [1]]],
  ["or", or(TEXT, CALLBACK), ["a", nothing], [1, {}]],
  ["orObject", orObject(FLAG, bag<{ a: string }>({ a: TEXT })), [true, {}, { a: "b" }], [1, { b: 1 }, { a: 1 }, []]],
];

for (const [name, { check, takes }, good, bad] of KINDS) {
  Deno.test(`${name} accepts the documented values: ${takes}`, () => {
    for (const value of good) check(value, "x");
    for (const value of bad) assertThrows(() => check(value, "x"), TypeError);
  });
}

Deno.test("a number out of range is a RangeError, and a value that is not a number a TypeError; both give name, value, range and unit", () => {
  const bytes = whole({ unit: "bytes", least: 1, most: 10, infinite: false });
  bytes.check(1, "size");
  bytes.check(10, "size");
  for (const value of [0, 11, 1.5, NaN, Infinity, -Infinity]) {
    const message = `Cannot use size ${value}: it must be a whole number from 1 to 10, in bytes`;
    assertThrows(() => bytes.check(value, "size"), RangeError, message);
  }
  for (const value of ["5", null, true, 5n, [5]]) assertThrows(() => bytes.check(value, "size"), TypeError, "in bytes");
});

Deno.test("a time is never longer than a timer can wait, except for no limit where that is allowed", () => {
  for (const { check } of [TIME, DELAY]) {
    check(0, "time");
    check(2 ** 31 - 1, "time");
    assertThrows(() => check(2 ** 31, "time"), RangeError, "from 0 to 2147483647");
  }
  TIME.check(Infinity, "time");
  assertThrows(() => DELAY.check(Infinity, "time"), RangeError);
});

Deno.test("a port is a whole number of 16 bits", () => {
  PORT.check(0, "port");
  PORT.check(65_535, "port");
  for (const value of [-1, 65_536, Infinity]) assertThrows(() => PORT.check(value, "port"), RangeError);
  assertThrows(() => PORT.check("8080", "port"), TypeError, 'Cannot use port "8080": it must be a whole number');
});

Deno.test("an error shows little of a value, because it may be long or secret", () => {
  assertThrows(() => FLAG.check("x".repeat(1000), "a"), TypeError, `${"x".repeat(80)}…`);
  for (
    const [value, shown] of [[{ a: 1 }, "(an object)"], [["a"], "(a list)"], [nothing, "(a function)"], [1n, "1n"]]
  ) {
    assertThrows(() => FLAG.check(value, "a"), TypeError, `Cannot use a ${shown}: it must be true or false`);
  }
});

Deno.test("names are listed as in a sentence", () => {
  assertEquals([either([]), either(["a"]), either(["a", "b", "c"])], ["", '"a"', '"a", "b" or "c"']);
});

Deno.test("an option may be required", () => {
  assertEquals([TEXT.required, required(TEXT).required], [undefined, true]);
});
