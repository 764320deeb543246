import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "npm:fast-check@^4";
import { type ExtensionOffer, parseExtensions, serializeExtensions } from "../../lib/handshake/extension_header.ts";
import {
  RequestHeadParser,
  ResponseHeadParser,
  serializeRequestHead,
  serializeResponseHead,
} from "../../lib/handshake/http_head.ts";
import { DEFAULT_LIMITS } from "../../lib/limits.ts";
import { mask } from "../../lib/pipeline/bytes/mask.ts";
import { decodeClosePayload, encodeClosePayload } from "../../lib/pipeline/frames/close_code.ts";
import { type Frame, frame, type Role } from "../../lib/pipeline/frames/frame.ts";
import { FrameParser } from "../../lib/pipeline/frames/frame_parser.ts";
import { FrameSerializer } from "../../lib/pipeline/frames/frame_serializer.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import { MessageAssembler } from "../../lib/pipeline/messages/message_assembler.ts";
import { MessageFragmenter } from "../../lib/pipeline/messages/message_fragmenter.ts";
import { composeStages } from "../../lib/pipeline/stage.ts";
import { denoOutput } from "../_support/child.ts";
import { lines } from "../_support/frames.ts";
import { randomBytes, SEED, seeded } from "../_support/random.ts";
import { runStage } from "../_support/stages.ts";
import { cuts, Divergence, fuzzTarget } from "./_target.ts";
import { TARGETS } from "./_targets.ts";

const ITERATIONS = 300;
const MILLISECONDS = 1000;

for (const target of TARGETS) {
  Deno.test(`the invariant of ${target.name} holds for ${ITERATIONS} inputs`, async () => {
    const start = performance.now();
    for (let i = 0; i < ITERATIONS && performance.now() - start < MILLISECONDS; i++) {
      try {
        await target.run(seeded(SEED + i));
      } catch (error) {
        if (!(error instanceof Divergence)) throw error;
        throw new Error(`SEED=${SEED + i}: ${error.message}\n${error.input}`, { cause: error });
      }
    }
  });
}

Deno.test("a failing input is reduced to the bytes that matter", () => {
  const target = fuzzTarget({
    name: "no 7 before an 8",
    make: () => ({ bytes: Uint8Array.of(1, 2, 7, 3, 8, 4), options: {} }),
    check({ bytes }) {
      const seven = bytes.indexOf(7);
      if (seven !== -1 && bytes.indexOf(8, seven) !== -1) throw new Error("a 7 before an 8");
    },
  });
  assertEquals(assertThrows(() => target.run(seeded(1)), Divergence).input, "input 070308\noptions {}");
});

Deno.test("the fuzzer reports how many inputs it tried and how fast", async () => {
  const args = ["tests/fuzz/main.ts", "--seconds", "0.1", "--target", "utf8", "--seed", "1"];
  const { code, stdout } = await denoOutput("run", "--no-prompt", ...args);
  assertEquals(code, 0);
  assertMatch(stdout, /^utf8: \d+ iterations, \d+ a second, none diverged \(--seed 1\)\n$/);
});

Deno.test("an unknown option of the fuzzer prints one line, with exit code 2", async () => {
  for (const [args, named] of [[["--second", "1"], "--second"], [["--target", "x"], "--target x"]] as const) {
    const { code, stderr } = await denoOutput("run", "--no-prompt", "tests/fuzz/main.ts", ...args);
    assertEquals(code, 2);
    assertMatch(stderr, /^fuzz: [^\n]+\n$/);
    assertStringIncludes(stderr, named);
  }
});

/** Asserts a property with this run's seed; on failure fast-check shrinks. */
function assertProperty<Inputs extends [unknown, ...unknown[]]>(property: fc.IProperty<Inputs>): void {
  const details = fc.check(property, { seed: SEED | 0, numRuns: 200 });
  if (!details.failed) return;
  throw new Error(`SEED=${SEED}: ${fc.defaultReportMessage(details)}`, { cause: details.errorInstance });
}

/** Bytes with a buffer of their own. */
const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => new Uint8Array(array));
const key = fc.nat(0xffff_ffff);
const role = fc.constantFrom<Role>("client", "server");
const cutSeed = fc.nat();

Deno.test("masking twice gives the original bytes, at any two places in their buffers", () => {
  assertProperty(fc.property(bytes(300), key, fc.nat(7), fc.nat(300), (payload, key, shift, cut) => {
    const buffer = new Uint8Array(shift + payload.length);
    const masked = buffer.subarray(shift);
    masked.set(payload);
    mask(masked, key);
    assertEquals(masked, payload.map((byte, i) => byte ^ (key >>> (24 - 8 * (i % 4)))));
    const offset = mask(masked.subarray(0, cut), key);
    mask(masked.subarray(cut), key, offset);
    assertEquals(masked, payload);
  }));
});

/** Frames that may stand in this order: messages in fragments with control frames between, and perhaps a close. */
const conversation = fc.array(
  fc.record({
    opcode: fc.constantFrom(1, 2),
    parts: fc.array(fc.oneof(bytes(20), bytes(300)), { minLength: 1, maxLength: 4 }),
    control: fc.option(fc.record({ opcode: fc.constantFrom(9, 10), payload: bytes(125) })),
  }),
  { maxLength: 6 },
).map((messages) =>
  messages.flatMap(({ opcode, parts, control }) =>
    parts.flatMap((payload, i) => [
      ...(control === null ? [] : [frame(control.opcode, control.payload)]),
      frame(i === 0 ? opcode : 0, payload, { fin: i === parts.length - 1 }),
    ])
  )
);

Deno.test("serialized frames are parsed again, by either role and however they are cut", () => {
  assertProperty(fc.property(conversation, role, cutSeed, (frames, sender, seed) => {
    const { output } = runStage(new FrameSerializer({ role: sender }), [frames]);
    const wire = Uint8Array.from(output.flatMap((chunk) => [...chunk]));
    for (const { name, chunks } of cuts(wire, seeded(seed))) {
      const parser = new FrameParser({ role: sender === "client" ? "server" : "client" });
      const { output, error } = runStage(parser, chunks);
      assertEquals([lines(output), error], [lines(frames), undefined], name);
    }
  }));
});

Deno.test("a payload of every length encoding is serialized and parsed again", () => {
  for (const length of [0, 125, 126, 65_535, 65_536, 65_537]) {
    for (const sender of ["client", "server"] as const) {
      const frames = [frame(2, randomBytes(seeded(), length))];
      const { output: chunks } = runStage(new FrameSerializer({ role: sender }), [frames]);
      const parser = new FrameParser({ role: sender === "client" ? "server" : "client" });
      assertEquals(lines(runStage(parser, chunks.map((chunk) => chunk.slice())).output), lines(frames));
    }
  }
});

Deno.test("messages pass through fragmenter and assembler unchanged, lone surrogates as U+FFFD", () => {
  const text = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) });
  const message = fc.oneof<fc.Arbitrary<Message>[]>(text, fc.string({ unit: "binary" }), bytes(200));
  assertProperty(fc.property(fc.array(message), fc.integer({ min: 1, max: 40 }), (messages, maxFrameBytes) => {
    const pipeline = composeStages<readonly Message[], Frame, Message>(
      new MessageFragmenter({ maxFrameBytes }),
      new MessageAssembler(),
    );
    const { output, error } = runStage(pipeline, [messages]);
    const expected = messages.map((message) => typeof message === "string" ? message.toWellFormed() : message);
    assertEquals([output, error], [expected, undefined]);
  }));
});

Deno.test("an encoded close payload is decoded again", () => {
  const code = fc.oneof(
    fc.integer({ min: 1000, max: 1003 }),
    fc.integer({ min: 1007, max: 1014 }),
    fc.integer({ min: 3000, max: 4999 }),
  );
  const reason = fc.string({ unit: "binary", maxLength: 30 });
  assertProperty(fc.property(code, reason, (closeCode, reason) => {
    const payload = encodeClosePayload(closeCode, reason);
    assertEquals(decodeClosePayload(payload), { closeCode, reason });
  }));
});

/** A token, RFC 9110 §5.6.2. */
const token = fc.stringMatching(/^[-!#$%&'*+.^_`|~0-9A-Za-z]{1,12}$/);

Deno.test("a serialized extension list is parsed again", () => {
  const params = fc.array(fc.record({ name: token, value: fc.option(token, { nil: undefined }) }), { maxLength: 4 });
  const offers: fc.Arbitrary<ExtensionOffer[]> = fc.array(fc.record({ name: token, params }), { minLength: 1 });
  assertProperty(fc.property(offers, (offers) => {
    // fast-check's records may lack a prototype.
    assertEquals(parseExtensions([serializeExtensions(offers)]), structuredClone(offers));
  }));
});

/** A field's value without space around it, as Latin-1; RFC 9110 §5.5. */
const value = fc.stringMatching(/^(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]{0,20}[!-~\x80-\xff])?)?$/);
const fields = fc.array(fc.tuple(token.map((name) => name.toLowerCase()), value), { maxLength: 8 });
const target = fc.stringMatching(/^\/[!-"$-~]{0,30}$/);

Deno.test("the serialized head of a request is parsed again, however it is cut", () => {
  assertProperty(fc.property(token, target, fields, bytes(4), cutSeed, (method, target, fields, behind, seed) => {
    const head = { method, target, version: "HTTP/1.1", fields };
    const wire = Uint8Array.of(...serializeRequestHead(head), ...behind);
    for (const { name, chunks } of cuts(wire, seeded(seed))) {
      assertEquals(readHead(new RequestHeadParser(DEFAULT_LIMITS), chunks), [head, behind], name);
    }
  }));
});

Deno.test("the serialized head of a response is parsed again, however it is cut", () => {
  const status = fc.oneof(fc.constant(101), fc.integer({ min: 200, max: 599 }));
  assertProperty(fc.property(status, value, fields, bytes(4), cutSeed, (status, statusText, fields, behind, seed) => {
    const head = { version: "HTTP/1.1", status, statusText, fields };
    const wire = Uint8Array.of(...serializeResponseHead(head), ...behind);
    for (const { name, chunks } of cuts(wire, seeded(seed))) {
      assertEquals(readHead(new ResponseHeadParser(DEFAULT_LIMITS), chunks), [head, behind], name);
    }
  }));
});

/** The head and the bytes behind it. */
function readHead<Head>(
  parser: { push(bytes: Uint8Array): Head | undefined; readonly rest: Uint8Array },
  chunks: Uint8Array[],
): [Head | undefined, Uint8Array] {
  for (const [i, chunk] of chunks.entries()) {
    const head = parser.push(chunk);
    if (head === undefined) continue;
    return [head, Uint8Array.from([parser.rest, ...chunks.slice(i + 1)].flatMap((bytes) => [...bytes]))];
  }
  return [undefined, new Uint8Array(0)];
}
