/** A close payload is decoded or refused as its definition says, and encoded again to the same bytes. */
import { assert, assertStrictEquals, assertThrows } from "@std/assert";
import { decodeClosePayload, encodeClosePayload } from "../../lib/pipeline/frames/close_code.ts";
import { type Random, randomBytes } from "../_support/random.ts";
import { below } from "../_support/random.ts";
import { assertBytes } from "../_support/bytes.ts";
import { naiveClose, naiveSendable } from "./_naive_close.ts";
import { failureOf, type FuzzTarget, fuzzTarget, mutateBytes, oneOf } from "./_target.ts";
import { randomUtf8 } from "./utf8.ts";

/** Codes on both sides of every boundary of §7.4. */
const CODES = [
  0,
  999,
  1000,
  1003,
  1004,
  1005,
  1006,
  1007,
  1011,
  1014,
  1015,
  1016,
  1100,
  2999,
  3000,
  4999,
  5000,
  65_535,
];

function randomCode(random: Random): number {
  return below(random, 3) === 0 ? below(random, 65_536) : oneOf(random, CODES);
}

/** What decoding says, as text. */
function decoded(payload: Uint8Array): string {
  try {
    return JSON.stringify(decodeClosePayload(payload));
  } catch (error) {
    return failureOf(error)!;
  }
}

/** The target. */
export const target: FuzzTarget = fuzzTarget({
  name: "close_payload",
  make(random) {
    const code = randomCode(random);
    const reason = below(random, 4) === 0 ? randomBytes(random, below(random, 124)) : randomUtf8(random);
    const bytes = Uint8Array.of(code >> 8, code & 255, ...reason);
    // The code of an encoder need not fit 16 bits, nor be a whole number.
    const options = { code: oneOf(random, [code, code, -1, 1000.5, 65_536 + 1000, NaN]) };
    return { bytes: mutateBytes(random, bytes).slice(0, 125), options };
  },
  check({ bytes, options: { code } }) {
    const { failure, closeCode, reason } = naiveClose(bytes);
    assertStrictEquals(decoded(bytes), failure ?? JSON.stringify({ closeCode, reason }));
    if (failure === undefined) {
      assert(reason!.length <= bytes.length, "more characters than bytes");
      assertBytes(bytes.length === 0 ? encodeClosePayload() : encodeClosePayload(closeCode, reason), bytes);
    }

    // The other way round: anything is encoded so that it is decoded again, or is out of range.
    const text = new TextDecoder().decode(bytes);
    const size = new TextEncoder().encode(text).length;
    if (naiveSendable(code) && Number.isInteger(code) && size <= 123) {
      assertStrictEquals(decoded(encodeClosePayload(code, text)), JSON.stringify({ closeCode: code, reason: text }));
    } else {
      assertThrows(() => encodeClosePayload(code, text), RangeError);
    }
  },
});
