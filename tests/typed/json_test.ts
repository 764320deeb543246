import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { LimitError, MessageError } from "../../lib/errors.ts";
import { json } from "../../lib/typed/json.ts";
import { denoOutput } from "../_support/child.ts";
import { COUNT, LATE_COUNT, schema } from "./_schemas.ts";

/** What a codec says of a message: the close code and the reason. */
function refusal(message: string | Uint8Array<ArrayBuffer>, codec = json()): unknown[] {
  const error = assertThrows(() => codec.decode(message));
  assert(error instanceof MessageError || error instanceof LimitError);
  return [error.closeCode, error.reason];
}

Deno.test("JSON is sent both ways, and a schema transforms received values", async () => {
  const values = [null, true, -0.5, "größer\ud83d\ude00", [], [1, [2]], { a: { b: ["c"] } }];
  for (const value of values) assertEquals(json().decode(String(json().encode(value))), value);
  assertEquals(json(COUNT).decode(`{"n":7}`), { n: 7n });
  assertEquals(await json(LATE_COUNT).decode(`{"n":7}`), { n: 7n });
  assertEquals(json(COUNT).encode({ n: 7 }), `{"n":7}`);
  // The compiler knows both types.
  // @ts-expect-error: what is sent has the schema's input
  json(COUNT).encode({ n: 7n.toString() });
});

Deno.test("sent values are checked by their own schema, if there is one, and a value that does not match is not sent", () => {
  const sent = schema<{ at: Date }, { at: string }>((value) =>
    typeof value === "object" && value !== null && "at" in value && value.at instanceof Date
      ? { value: { at: value.at.toISOString() } }
      : { issues: [{ message: "Expected a date", path: ["at"] }] }
  );
  const codec = json(COUNT, { send: sent });
  assertEquals(codec.encode({ at: new Date(0) }), `{"at":"1970-01-01T00:00:00.000Z"}`);
  assertThrows(() => Reflect.apply(codec.encode, codec, [{ at: 1 }]), TypeError, "at: Expected a date");
  assertThrows(() => json(COUNT, { send: LATE_COUNT }).encode({ n: 1 }), TypeError, "asynchronous");
});

Deno.test("values without a JSON form throw", () => {
  for (const value of [undefined, () => {}, Symbol("s")]) {
    assertThrows(() => json().encode(value), TypeError, "as JSON");
  }
  assertThrows(() => json().encode(1n), TypeError);
  const loop: unknown[] = [];
  loop.push(loop);
  assertThrows(() => json().encode(loop), TypeError);
});

Deno.test("a binary message is refused with 1003, one that is not JSON with 1007, one that does not match with 1008", async () => {
  assertEquals(refusal(Uint8Array.of(0x7b, 0x7d)), [1003, "Message is binary, and not text"]);
  for (const text of ["", "{", "[1,]", "NaN", "{'a':1}", "\ufeff1"]) {
    assertEquals(refusal(text), [1007, "Message is not JSON"], text);
  }
  const reason = "Message does not match its schema: n: Expected a whole number";
  assertEquals(refusal(`{"n":1.5}`, json(COUNT)), [1008, reason]);
  const late = await assertRejects(async () => await json(LATE_COUNT).decode("{}"), MessageError);
  assertEquals([late.closeCode, late.reason], [1008, reason]);
  assertEquals(late.cause, [{ message: "Expected a whole number", path: ["n"] }]);
});

Deno.test("the close codes are options, and an invalid code throws", () => {
  assertEquals(refusal("{", json(undefined, { malformedCode: 4400 }))[0], 4400);
  assertEquals(refusal("{}", json(COUNT, { invalidCode: 4422 }))[0], 4422);
  assertEquals(refusal(`{"__proto__":{}}`, json(undefined, { invalidCode: 4422 }))[0], 4422);
  for (const code of [999, 1005, 1006, 1015, 2000, 5000, 1000.5, "1008"]) {
    assertThrows(() => Reflect.apply(json, undefined, [undefined, { malformedCode: code }]), TypeError, "a close code");
  }
});

Deno.test("a reason fits into a close frame, however long the schema's message is", () => {
  const wordy = schema<unknown, unknown>(() => ({ issues: [{ message: "größer\n".repeat(100) }] }));
  const [code, reason] = refusal("1", json(wordy));
  assertEquals([code, String(reason).length], [1008, 123]);
  assert(/^[ -~]+$/.test(String(reason)));
});

Deno.test("nesting is counted before a text is parsed, and brackets in strings, escaped quotes included, do not count", () => {
  const codec = json(undefined, { maxDepth: 3 });
  for (
    const text of [
      `[[[1]]]`,
      `[[[]],[[]],{"a":[]}]`,
      `["[[[[[[[[", "\\"[[[[", "\\\\", [["]]"]]]`,
      `{"{{{{\\\\\\"[[[[":[{}]}`,
    ]
  ) codec.decode(text);
  for (const text of ["[[[[", `[[[[1]]]]`, `{"a":{"b":{"c":{}}}}`, `["\\\\",[[[`, `"\\\\"[[[[`]) {
    assertEquals(refusal(text, codec), [1008, "Message nests deeper than maxDepth 3"], text);
  }
  const error = assertThrows(() => codec.decode("[[[["), LimitError);
  assertEquals([error.limit, error.max], ["maxDepth", 3]);
  assertEquals(refusal("[".repeat(65))[0], 1008);
  assertEquals(refusal("[".repeat(64))[0], 1007);
  assertEquals(refusal(`"${"[".repeat(100)}`)[0], 1007); // a string without an end
  json(undefined, { maxDepth: Infinity }).decode("[".repeat(1000) + "]".repeat(1000));
});

Deno.test("a key that names a prototype is refused, however it is written and wherever it appears", () => {
  for (
    const text of [
      `{"__proto__":{"isAdmin":true}}`,
      `[[{"a":{"__proto__":null}}]]`,
      `{"\\u005f_proto__":1}`,
      `{"\\u005f\\u005f\\u0070roto\\u005f\\u005f":1}`,
      `{"constructor":{"prototype":{"isAdmin":true}}}`,
      `[{"c\\u006fnstructor":{"pr\\u006ftotype":1}}]`,
    ]
  ) assertEquals(refusal(text), [1008, "Message has a key that names a prototype"], text);
  for (
    const text of [
      `"__proto__"`,
      `["__proto__"]`,
      `{"constructor":"Ferrari","prototype":1,"proto":{"a":null}}`,
      `"\\u0041"`,
    ]
  ) {
    json().decode(text);
  }
});

Deno.test("a schema that throws is the application's error, not a MessageError", () => {
  const bug = new Error("bug");
  const broken = schema<unknown, unknown>(() => {
    throw bug;
  });
  assertStrictEquals(assertThrows(() => json(broken).decode("1")), bug);
});

Deno.test("an invalid schema and invalid options throw", () => {
  const call = (...args: unknown[]) => Reflect.apply(json, undefined, args);
  assertThrows(() => call({ send: COUNT }), TypeError, "the schema of json()");
  assertThrows(() => call(COUNT, { depth: 3 }), TypeError, `json() has no option "depth": it takes "maxDepth"`);
  assertThrows(() => call(COUNT, { maxDepth: 0 }), RangeError, "maxDepth");
});

Deno.test("schemas of Zod, Valibot and ArkType work without adapters", async () => {
  const program = new URL("_libraries.ts", import.meta.url).pathname;
  const { code, stdout, stderr } = await denoOutput(
    "run",
    "--no-prompt",
    "--no-check",
    "--allow-env",
    program,
  );
  assertEquals(code, 0, stderr);
  const lines = stdout.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines.map(({ value }) => value), Array(3).fill({ name: "Ada", age: 36 }));
  for (const { refused } of lines) {
    assertEquals(refused[0], 1008);
    assert(refused[1].startsWith("Message does not match its schema: "), refused[1]);
    assert(refused[1].includes("age"), refused[1]);
  }
});
