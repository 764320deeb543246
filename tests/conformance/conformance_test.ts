import { assert, assertEquals } from "@std/assert";
import { ProtocolError } from "../../lib/errors.ts";
import { type Frame, Opcode } from "../../lib/pipeline/frames/frame.ts";
import { within } from "../_support/deadline.ts";
import { lines } from "../_support/frames.ts";
import { close } from "../_support/raw_peer.ts";
import type { Case, Step } from "./_case.ts";
import { CATEGORIES } from "./cases.ts";
import { type Opened, type SubjectKind, SUBJECTS } from "./_subjects.ts";
import type { Chop, Wire } from "./_wire.ts";

/** A case may take this long, in milliseconds. The longest takes less than a tenth of it. */
const DEADLINE = 20_000;

/** Up to this many bytes a case is run octet-wise as well. */
const OCTET_WISE = 64 * 1024;

/** The suite's own count of its cases, by the first two parts of their numbers. */
const COUNTS: Readonly<Record<string, number>> = {
  ...{ "1.1": 8, "1.2": 8, "2": 11, "3": 7, "4.1": 5, "4.2": 5, "5": 20 },
  ...{
    "6.1": 3,
    "6.2": 4,
    "6.3": 2,
    "6.4": 4,
    "6.5": 5,
    "6.6": 11,
    "6.7": 4,
    "6.8": 2,
    "6.9": 4,
    "6.10": 3,
    "6.11": 5,
  },
  ...{ "6.12": 8, "6.13": 5, "6.14": 10, "6.15": 1, "6.16": 3, "6.17": 5, "6.18": 5, "6.19": 5, "6.20": 7, "6.21": 8 },
  ...{ "6.22": 34, "6.23": 7, "7.1": 6, "7.3": 6, "7.5": 1, "7.7": 13, "7.9": 9, "7.13": 2 },
  ...{ "9.1": 6, "9.2": 6, "9.3": 9, "9.4": 9, "9.5": 6, "9.6": 6, "9.7": 6, "9.8": 6, "10.1": 1 },
};

Deno.test("every case of Autobahn's categories 1 to 7, 9 and 10 has its row", () => {
  const ids = CATEGORIES.flatMap(({ cases }) => cases.map(({ id }) => id));
  const expected = Object.entries(COUNTS).flatMap(([group, count]) =>
    Array.from({ length: count }, (_, i) => `${group}.${i + 1}`)
  );
  assertEquals(ids.toSorted(), expected.toSorted());
  assertEquals(ids.length, 301);
});

for (const { name, cases } of CATEGORIES) {
  for (const kind of SUBJECTS) {
    const wanted = cases.filter(({ once }) => !once || kind.thorough);
    if (wanted.length === 0) continue;
    Deno.test(`${name}: ${kind.name}`, async (t) => {
      await using subject = kind.create();
      for (const row of wanted) {
        await t.step(`${row.id} ${row.title}`, async () => {
          for (const chop of waysToSend(row, kind)) {
            using opened = await subject.open(chop);
            await named(chop, within(play(row, chop, kind, opened), DEADLINE, `Case ${row.id}`));
          }
        });
      }
    });
  }
}

/** As the case says, or each step in one write, and again octet by octet. */
function waysToSend({ chop, once, steps }: Case, { thorough }: SubjectKind): Chop[] {
  if (chop !== undefined) return [chop];
  return once || !thorough || sizeOf(steps) > OCTET_WISE ? ["whole"] : ["whole", 1];
}

function sizeOf(steps: readonly Step[]): number {
  const frames = steps.flatMap((step) => "send" in step ? step.send : []);
  return frames.reduce((sum, { payload }) => sum + payload.length, 0);
}

/** Says in which way it failed. */
async function named(chop: Chop, run: Promise<void>): Promise<void> {
  try {
    await run;
  } catch (cause) {
    const how = chop === "whole" ? "in one write" : chop === "frames" ? "frame by frame" : `in writes of ${chop} bytes`;
    throw new Error(`Sent ${how}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

async function play({ steps, end }: Case, chop: Chop, kind: SubjectKind, { wire, closed }: Opened): Promise<void> {
  for (const step of steps) {
    if ("send" in step) await wire.send(step.send, chop);
    else if ("begin" in step) await wire.begin(step.begin, step.length);
    else if ("proceed" in step) await wire.proceed(step.proceed);
    else await expectReplies(wire, step, kind);
  }
  if (end === undefined) await wire.send([close(1000)], chop);
  const codes = end === undefined ? [1000] : "fails" in end ? end.fails : [end.closes];
  const last = await wire.read();
  assertEquals(last.opcode, Opcode.CLOSE, `Got ${lines([last])} where a close frame should come`);
  const code = codeOf(last);
  assert(codes.includes(code), `Got close code ${code}, not ${codes}`);

  // RFC 6455 §7.1.1: the server ends the transport first. So does a client that has failed the connection.
  const failed = end !== undefined && "fails" in end;
  if (kind.role === "client" && !failed) await wire.end();
  await wire.expectEnd();
  if (kind.role === "server" || failed) await wire.end();

  const info = await closed;
  assertEquals(info.wasClean, !failed);
  assertEquals(info.closeCode, failed ? 1006 : codes[0]);
  assertEquals(info.error instanceof ProtocolError ? info.error.closeCode : info.error, failed ? code : undefined);
}

/** Reads the replies of one step, in order but for what the step gives leave for. */
async function expectReplies(
  wire: Wire,
  { expect, leave }: Extract<Step, { expect: unknown }>,
  { queues = false }: SubjectKind,
): Promise<void> {
  if (leave === "pongs") return await expectPongs(wire, expect);
  for (const expected of expect) {
    if (leave === "closed" && queues && (await wire.peek()).opcode === Opcode.CLOSE) return;
    assertFrame(await wire.read(), expected);
  }
}

/** Every message and the last pong; pongs in the order of their pings, some of them missing, anywhere between. */
async function expectPongs(wire: Wire, expected: readonly Frame[]): Promise<void> {
  const messages = expected.filter(({ opcode }) => opcode !== Opcode.PONG);
  const pongs = lines(expected.filter(({ opcode }) => opcode === Opcode.PONG));
  while (messages.length > 0 || pongs.length > 0) {
    const frame = await wire.read();
    if (frame.opcode === Opcode.PONG) {
      const at = pongs.indexOf(lines([frame])[0]!);
      assert(at !== -1, `Got ${lines([frame])}, not one of ${pongs}`);
      pongs.splice(0, at + 1);
    } else {
      const next = messages.shift();
      assert(next !== undefined, `Got ${lines([frame])} where no message should come`);
      assertFrame(frame, next);
    }
  }
}

/** Compares at the speed that 16 MiB need, and says where they differ rather than print them. */
function assertFrame(actual: Frame, expected: Frame): void {
  if (expected.payload.length < 1024 || actual.opcode !== expected.opcode) {
    return assertEquals(lines([actual]), lines([expected]));
  }
  assertEquals(actual.payload.length, expected.payload.length, "the length of a message");
  for (let i = 0; i < expected.payload.length; i++) {
    if (actual.payload[i] !== expected.payload[i]) throw new Error(`Got another byte ${i}`);
  }
}

/** The code of a close frame; 1005 where there is none. */
function codeOf({ payload }: Frame): number {
  return payload.length === 0 ? 1005 : payload[0]! * 256 + payload[1]!;
}
