/** A frame parser gives what a naive reading gives, however its input is cut, and holds no more than came. */
import { assert, assertStrictEquals } from "@std/assert";
import { type Frame, isControl, Opcode, type Role } from "../../lib/pipeline/frames/frame.ts";
import { FrameParser, type FrameParserOptions } from "../../lib/pipeline/frames/frame_parser.ts";
import { allocations, concat } from "../_support/bytes.ts";
import { lines, randomFrames } from "../_support/frames.ts";
import { naiveBytes, naiveFrames } from "../_support/naive_frames.ts";
import { below, type Random, randomBytes } from "../_support/random.ts";
import { runStage } from "../_support/stages.ts";
import { naiveReading } from "./_naive_frames.ts";
import { cuts, failureOf, type FuzzInput, type FuzzTarget, fuzzTarget, mutateBytes, oneOf } from "./_target.ts";

/** Lengths on both sides of every boundary, and claims that no input makes good. */
const LENGTHS: readonly (readonly number[])[] = [
  [125],
  [126, 0, 125],
  [126, 0, 126],
  [126, 255, 255],
  [127, 0, 0, 0, 0, 0, 0, 255, 255],
  [127, 0, 0, 0, 0, 0, 1, 0, 0],
  [127, 0, 0, 0, 0, 255, 255, 255, 255],
  [127, 0, 31, 255, 255, 255, 255, 255, 255],
  [127, 127, 255, 255, 255, 255, 255, 255, 255],
  [127, 128, 0, 0, 0, 0, 0, 0, 0],
];

/** Options such as a connection has, and tight and loose ones. */
function randomOptions(random: Random): FrameParserOptions {
  return {
    role: oneOf<Role>(random, ["server", "client"]),
    maxMessageBytes: oneOf(random, [2 ** 24, 2 ** 24, Infinity, 1, 125, 126, 700, 65_535]),
    maxFragments: oneOf(random, [131_072, 131_072, 1, 2, 5]),
    maxEmptyFragments: oneOf(random, [128, 128, 0, 1, 3]),
    reservedBits: oneOf(random, [0, 0, 0, 0b010, 0b111, { first: 0b100 }, { first: 1, continuation: 2, control: 4 }]),
    reservedOpcodes: oneOf(random, [[], [], [], [3], [7, 11], [15]]),
  };
}

/** Frames that mean something, then hostile headers between and behind them. */
function randomWire(random: Random, { role }: FrameParserOptions): Uint8Array<ArrayBuffer> {
  const masked = role === "server";
  const key = () => masked ? [...randomBytes(random, 4)] : undefined;
  const wire = randomFrames(random, below(random, 5)).flatMap((frame) => {
    const bytes = naiveBytes(frame, key());
    // A close in the middle would leave nothing of what follows to be read.
    return frame.opcode === Opcode.CLOSE && below(random, 2) === 0 ? [] : bytes;
  });
  if (below(random, 200) === 0) {
    const payload = randomBytes(random, oneOf(random, [65_535, 65_536, 70_000]));
    wire.push(...naiveBytes({ fin: true, rsv: 0, opcode: Opcode.BINARY, payload }, key()));
  }
  for (let count = below(random, 4); count > 0; count--) {
    const [code, ...length] = oneOf(random, [...LENGTHS, [0], [0], [below(random, 126)]]);
    const first = (below(random, 4) > 0 ? 128 : 0) + (below(random, 8) > 0 ? below(random, 3) : below(random, 128));
    const rest = randomBytes(random, oneOf(random, [0, 4, below(random, 140)]));
    wire.push(first, (masked === below(random, 16) > 0 ? 128 : 0) + code!, ...length, ...key() ?? [], ...rest);
  }
  return Uint8Array.from(wire);
}

/** Bytes for a parser, and its options. */
export function randomFrameInput(random: Random): FuzzInput<FrameParserOptions> {
  const options = randomOptions(random);
  const bytes = below(random, 16) === 0
    ? randomBytes(random, below(random, 64))
    : mutateBytes(random, randomWire(random, options));
  return { bytes, options };
}

/** Data frames put together with the continuations right behind them: what a splitting parser may take apart. */
function joined(frames: readonly Frame[]): Frame[] {
  const runs: Frame[][] = [];
  for (const frame of frames) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    const open = last !== undefined && !last.fin && !isControl(last.opcode);
    if (open && frame.opcode === Opcode.CONTINUATION && frame.rsv === 0) run!.push(frame);
    else runs.push([frame]);
  }
  return runs.map((run) => ({ ...run[0]!, fin: run.at(-1)!.fin, payload: concat(run.map(({ payload }) => payload)) }));
}

const text = (frames: readonly Frame[], failure: string | undefined) => [...lines(frames), failure ?? "ok"].join("\n");

/** The target. */
export const target: FuzzTarget = fuzzTarget({
  name: "frame_parser",
  make: randomFrameInput,
  check({ bytes, options }, random) {
    const naive = naiveReading(bytes, options);
    const whole = text(naive.frames, naive.failure);
    const inParts = text(joined([...naive.frames, ...naive.partial]), naive.failure);
    if (options.maxFragments! > 5 && options.maxEmptyFragments! > 3) compareOracles(bytes, options, naive.failure);

    for (const { name, chunks } of cuts(bytes, random)) {
      for (const split of [false, true]) {
        const { output, error } = runStage(
          new FrameParser({ ...options, split }),
          chunks.map((chunk) => chunk.slice()),
        );
        const failure = failureOf(error);
        assertStrictEquals(
          text(split ? joined(output) : output, failure),
          split ? inParts : whole,
          `${name}, ${split}`,
        );
        const size = output.reduce((sum, { payload }) => sum + payload.length, 0);
        assert(size <= bytes.length, "more payload than input");
        assert(output.length <= bytes.length / 2 + (split ? chunks.length : 0), "more frames than input");
      }
    }
    const pieces = [...cuts(bytes, random)].at(-1)!.chunks;
    const sizes = allocations(() => runStage(new FrameParser(options), pieces));
    assert(Math.max(0, ...sizes) <= Math.max(1024, 2 * bytes.length), `allocated ${sizes} for ${bytes.length} bytes`);
  },
});

/** The two naive readers were written apart: where both apply, they agree. */
function compareOracles(bytes: Uint8Array, options: FrameParserOptions, failure: string | undefined): void {
  const { role, maxMessageBytes = Infinity, reservedBits, reservedOpcodes = [] } = options;
  if (reservedBits !== 0 || reservedOpcodes.length > 0 || maxMessageBytes === Infinity) return;
  const { closeCode } = naiveFrames(bytes, role, maxMessageBytes);
  assertStrictEquals(
    closeCode,
    failure === undefined ? undefined : Number(failure.slice(0, 4)),
    "the oracles disagree",
  );
}
