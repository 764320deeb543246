import { assert, assertEquals, assertGreater, assertLess, assertStrictEquals, assertThrows } from "@std/assert";
import zlib from "node:zlib";
import {
  canKeepContext,
  createDeflater,
  createInflater,
  defaultLevel,
  deflateBytes,
  inflateBytes,
  InflateError,
  InflateOverflow,
} from "../../../lib/extensions/permessage_deflate/zlib.ts";
import { assertBytes, concat, fromHex } from "../../_support/bytes.ts";
import { utf8 } from "../../_support/frames.ts";
import { randomBytes, seeded } from "../../_support/random.ts";
import { ALL, DEFAULTS, digits, distances, EXAMPLES, message, repetitive } from "./_support.ts";

const NOTHING = new Uint8Array(0);
const MiB = 1024 * 1024;

/** How to deflate `bytes` with a window of `bits`, by the runtime's public function. */
const deflateRaw = (bytes: Uint8Array, windowBits = 15, level = 9): Uint8Array<ArrayBuffer> =>
  new Uint8Array(
    zlib.deflateRawSync(bytes, { windowBits, level, finishFlush: zlib.constants.Z_SYNC_FLUSH }),
  ).subarray(0, -4);

Deno.test("this runtime can keep a context from one message to the next", () => {
  assertStrictEquals(canKeepContext(), true);
});

for (const [way, keepContext] of [["the handle", true], ["the one-shot functions", false]] as const) {
  for (const { name, messages, takeover, level } of EXAMPLES) {
    // A context can only be kept by the handle.
    if (takeover && !keepContext) continue;
    Deno.test(`RFC 7692 ${name}: inflated by ${way}`, () => {
      const inflater = createInflater(15, keepContext);
      for (const { frames, text } of messages) {
        const pieces = frames.flatMap((frame, i) =>
          inflater.inflate(fromHex(frame), { ...ALL, last: i === frames.length - 1, forget: !takeover })
        );
        assertEquals(new TextDecoder().decode(concat(pieces)), text);
      }
      inflater.close();
    });

    if (level === undefined) continue;
    Deno.test(`RFC 7692 ${name}: deflated by ${way} to the same bytes, at level ${level}`, () => {
      const deflater = createDeflater({ ...DEFAULTS, level }, keepContext);
      for (const { frames, text } of messages) {
        assertEquals(digits([message(deflater.deflate(utf8(text)))]), frames.join(""));
        if (!takeover) deflater.reset();
      }
      deflater.close();
    });
  }

  Deno.test(`messages of every size come back, deflated and inflated by ${way}`, () => {
    const random = seeded();
    for (const level of [0, 1, 6, 9]) {
      const deflater = createDeflater({ ...DEFAULTS, level }, keepContext);
      const inflater = createInflater(15, keepContext);
      // On both sides of the scratch's 64 KiB, before and after compression.
      for (
        const size of [0, 1, 2, 125, 1000, 65_495, 65_515, 65_520, 65_530, 65_535, 65_536, 65_537, 131_072, 300_000]
      ) {
        for (const bytes of [randomBytes(random, size), new Uint8Array(size), repetitive(size, 40_000, random)]) {
          const compressed = message(deflater.deflate(bytes));
          deflater.reset();
          assertBytes(concat(inflater.inflate(compressed, ALL)), bytes, `${size} bytes at level ${level}`);
        }
      }
      deflater.close();
      inflater.close();
    }
  });

  Deno.test(`sizes whose output exactly fills the slab round-trip, by ${way}`, () => {
    // Stored blocks: a byte more in is a byte more out.
    const deflater = createDeflater({ ...DEFAULTS, level: 0 }, keepContext);
    const inflater = createInflater(15, keepContext);
    for (let size = 65_490; size <= 65_540; size++) {
      const bytes = new Uint8Array(size).fill(size);
      const compressed = message(deflater.deflate(bytes));
      deflater.reset();
      assertBytes(concat(inflater.inflate(compressed, ALL)), bytes, `${size} bytes`);
    }
    deflater.close();
    inflater.close();
  });

  Deno.test(`D5: a message deflated in parts, also empty ones, comes back in parts, by ${way}`, () => {
    const deflater = createDeflater(DEFAULTS, keepContext);
    const inflater = createInflater(15, keepContext);
    const text = "a part, a part, ";
    const parts = [NOTHING, NOTHING, ...Array.from({ length: 5 }, () => utf8(text)), NOTHING];
    for (const last of [NOTHING, utf8("the last")]) {
      const sent = [...parts, last].map((part) => concat(deflater.deflate(part)));
      const inflated = sent.flatMap((part, i) =>
        i === sent.length - 1
          ? inflater.inflate(part.length === 0 ? Uint8Array.of(0) : part.subarray(0, -4), ALL)
          : inflater.inflate(part, { ...ALL, last: false })
      );
      assertBytes(concat(inflated), concat([...parts, last]));
      deflater.reset();
    }
    deflater.close();
    inflater.close();
  });

  Deno.test(`D4: the empty message deflates to a zero byte, by ${way}`, () => {
    const inflater = createInflater(15, keepContext);
    assertEquals(inflater.inflate(Uint8Array.of(0), ALL), []);
    inflater.close();
    const deflater = createDeflater(DEFAULTS, keepContext);
    assertEquals(digits(deflater.deflate(NOTHING)), "000000ffff");
    deflater.close();
  });

  Deno.test(`D3: after a final block (BFINAL) the message goes on, and the next one starts fresh, by ${way}`, () => {
    const last = "f348cdc9c9070000"; // "Hello", §7.2.3.4, and an empty stored block's first byte
    const plain = "f248cdc9c90700";
    const inflater = createInflater(15, keepContext);
    for (
      const [frames, text] of [
        [[last], "Hello"],
        [["f348cdc9c90700"], "Hello"], // with no byte behind the last block
        [[plain], "Hello"],
        [["f348cdc9c90700" + plain], "HelloHello"],
        [["f348cdc9c90700".repeat(3)], "HelloHelloHello"],
        [["f348cdc9c90700".repeat(2) + last], "HelloHelloHello"],
        [["f348cdc9c90700", plain], "HelloHello"], // the end between two fragments
        [["f348cdc9c90700", "", plain], "HelloHello"],
        [["f348cdc9c90700", "00"], "Hello"],
        [["f348cdc9c90700", ""], "Hello"],
        [["0300"], ""],
        [["030003000300"], ""],
        // the empty block that a message ends with may be the last one, §7.2.1
        [["01"], ""],
        [["f248cdc9c907000000ffff01"], "Hello"],
        [["000500faff48656c6c6f01"], "Hello"],
        [["f348cdc9c9070001"], "Hello"],
        [["010000ffff" + "f248cdc9c907000000ffff01"], "Hello"],
        [["f248cdc9c907000000ffff010000ffff" + "f248cdc9c907000000ffff01"], "HelloHello"],
        [["f248cdc9c907000000ffff", "01"], "Hello"],
        [["f248", "cdc9c907000000ffff", "01"], "Hello"],
        [["f248cdc9c907000000ffff01", ""], "Hello"],
        [[plain], "Hello"],
      ] as const
    ) {
      for (const forget of keepContext ? [true, false] : [true]) {
        const pieces = frames.flatMap((frame, i) =>
          inflater.inflate(fromHex(frame), { max: 100, forget, last: i === frames.length - 1 })
        );
        assertEquals(new TextDecoder().decode(concat(pieces)), text, `${frames}, forget: ${forget}`);
      }
    }
    inflater.close();
  });

  Deno.test(`D2: an invalid block type, a distance too far and truncated bytes are errors, by ${way}`, () => {
    for (
      const bytes of [
        "07ff", // block type 3
        "06", // the same as a first byte alone
        "f20011000000", // "Hello" again, with nothing before it
        "000500fbff48656c6c6f00", // a stored block whose length and complement do not match
        "04c0ffffffffff", // a code that is over-subscribed
        "000500faff4865", // a stored block cut off
        "f248cd", // a block cut off
        "", // not even a block
        "010200fdff", // a last block that ends in what we put behind the message
      ]
    ) {
      const inflater = createInflater(15, keepContext);
      assertThrows(() => inflater.inflate(fromHex(bytes), ALL), InflateError, "Compressed data is");
      inflater.close();
    }
  });

  Deno.test(`D1: inflating stops at the allowed size, by ${way}`, () => {
    const bomb = deflateRaw(new Uint8Array(4 * MiB));
    assertLess(bomb.length, 5_000);
    for (const max of [0, 1, 65_535, 65_536, 65_537, MiB, 4 * MiB - 1]) {
      const inflater = createInflater(15, keepContext);
      assertThrows(() => inflater.inflate(bomb, { ...ALL, max }), InflateOverflow, "", `${max}`);
      inflater.close();
    }
    const inflater = createInflater(15, keepContext);
    const inflated = inflater.inflate(bomb, { ...ALL, max: 4 * MiB });
    assertEquals(inflated.reduce((sum, { length }) => sum + length, 0), 4 * MiB);
    inflater.close();
  });

  Deno.test(`D1: the allowed size covers all final blocks of a message together, by ${way}`, () => {
    const three = fromHex("f348cdc9c90700".repeat(3));
    const letters = fromHex("4b0400".repeat(3)); // "a" each: a byte more than nothing is too much
    const inflater = createInflater(15, keepContext);
    assertEquals(concat(inflater.inflate(three, { ...ALL, max: 15 })).length, 15);
    for (const max of [0, 1, 2, 4, 5, 10, 14]) {
      const inflater = createInflater(15, keepContext);
      assertThrows(() => inflater.inflate(max < 3 ? letters : three, { ...ALL, max }), InflateOverflow, "", `${max}`);
      inflater.close();
    }
    inflater.close();
  });

  Deno.test(`the output of ${way} does not change later, and the input is not changed`, () => {
    const deflater = createDeflater(DEFAULTS, keepContext);
    const inflater = createInflater(15, keepContext);
    const [one, two] = [utf8("one ".repeat(50)), utf8("two ".repeat(50))];
    const [first, second] = [one, two].map((bytes) => {
      const compressed = message(deflater.deflate(bytes));
      deflater.reset();
      return compressed;
    });
    assertEquals(deflateRaw(one, 15, 6), first);
    const copy = first!.slice();
    const inflated = inflater.inflate(first!, ALL);
    inflater.inflate(second!, ALL);
    assertBytes(concat(inflated), one);
    assertBytes(first!, copy);
    assertBytes(one, utf8("one ".repeat(50)));
    deflater.close();
    inflater.close();
  });

  Deno.test(`messages that share memory come back at every offset of it, and none is overwritten, by ${way}`, () => {
    const random = seeded();
    const deflater = createDeflater({ ...DEFAULTS, level: 1 }, keepContext);
    const inflater = createInflater(15, keepContext);
    const sizes = [
      1,
      100,
      16_383,
      16_384,
      16_385,
      65_535,
      65_536,
      65_537,
      ...Array.from({ length: 200 }, (_, i) => i * 7),
    ];
    const sent = sizes.map((size) => randomBytes(random, size));
    const deflated = sent.map((bytes) => {
      const pieces = deflater.deflate(bytes);
      deflater.reset();
      return pieces;
    });
    const inflated = deflated.map((pieces) => inflater.inflate(message(pieces), { ...ALL, shares: true }));
    const alone = deflated.map((pieces) => inflater.inflate(message(pieces), ALL));
    sent.forEach((bytes, at) => {
      assertBytes(concat(inflated[at]!), bytes, `${bytes.length} bytes that share memory`);
      assertBytes(concat(alone[at]!), bytes, `${bytes.length} bytes alone`);
    });
    for (const { buffer, length } of alone.flat()) assertStrictEquals(buffer.byteLength, length);
    deflater.close();
    inflater.close();
  });

  Deno.test(`D7: a window of 8 bits never refers more than 256 bytes back, by ${way}`, () => {
    let most = 0;
    for (const level of [1, 6, 9]) {
      for (const memLevel of [1, 8, 9]) {
        const deflater = createDeflater({ windowBits: 8, level, memLevel }, keepContext);
        const inflater = createInflater(8, keepContext);
        for (const reach of [240, 256, 300, 600]) {
          const bytes = repetitive(20_000, reach, seeded(reach));
          const compressed = message(deflater.deflate(bytes));
          deflater.reset();
          for (const distance of distances(compressed)) most = Math.max(most, distance);
          assertBytes(concat(inflater.inflate(compressed, ALL)), bytes);
        }
        deflater.close();
        inflater.close();
      }
    }
    assertGreater(most, 200, "the input repeats what is that far back");
    assert(most <= 256, `${most} bytes back`);
  });
}

Deno.test("D6: a distance beyond the window, into an earlier message, is an error", () => {
  const once = randomBytes(seeded(1), 100);
  const deflater = createDeflater({ ...DEFAULTS, level: 9 });
  const first = message(deflater.deflate(concat([once, new Uint8Array(20_000)])));
  const second = message(deflater.deflate(once));
  assertGreater(Math.max(...distances(second)), 20_000);
  deflater.close();
  const keep = { max: Infinity, last: true, forget: false };
  for (const windowBits of [8, 9, 10, 14]) {
    const inflater = createInflater(windowBits);
    inflater.inflate(first, keep);
    assertThrows(() => inflater.inflate(second, keep), InflateError, "distance too far back");
    inflater.close();
  }
  const inflater = createInflater(15);
  inflater.inflate(first, keep);
  assertBytes(concat(inflater.inflate(second, keep)), once);
  inflater.close();
});

Deno.test("D6: an inflater reads data of its own window size, for every size", () => {
  const bytes = repetitive(100_000, 33_000);
  for (let windowBits = 8; windowBits <= 15; windowBits++) {
    const deflater = createDeflater({ ...DEFAULTS, windowBits });
    const inflater = createInflater(windowBits);
    for (let round = 0; round < 2; round++) {
      const compressed = message(deflater.deflate(bytes));
      assertBytes(concat(inflater.inflate(compressed, { max: Infinity, last: true, forget: false })), bytes);
    }
    deflater.close();
    inflater.close();
  }
});

Deno.test("the handle keeps the context until it is reset; the one-shot functions never do", () => {
  const text = utf8("some text that is hard to compress by itself: 0a9f3e");
  for (const [keepContext, sameAgain] of [[true, false], [false, true]] as const) {
    const deflater = createDeflater(DEFAULTS, keepContext);
    const [first, second] = [digits(deflater.deflate(text)), digits(deflater.deflate(text))];
    assertEquals(first === second, sameAgain);
    deflater.reset();
    assertEquals(digits(deflater.deflate(text)), first);
    deflater.close();
  }
});

Deno.test("D6: the handle's inflater keeps the context, and resets it on request", () => {
  const again = fromHex("f200110000");
  const inflater = createInflater(15, true);
  const keep = { max: 100, last: true, forget: false };
  assertEquals(concat(inflater.inflate(fromHex("f248cdc9c90700"), keep)), utf8("Hello"));
  assertEquals(concat(inflater.inflate(again, keep)), utf8("Hello"));
  assertEquals(concat(inflater.inflate(again, ALL)), utf8("Hello"));
  assertThrows(() => inflater.inflate(again, ALL), InflateError);
  inflater.close();
});

Deno.test("D1: a bomb's output never takes more memory than the allowed size and one slab", () => {
  const bomb = deflateRaw(new Uint8Array(64 * MiB));
  const slice = Uint8Array.prototype.slice;
  let copied = 0;
  Uint8Array.prototype.slice = function (this: Uint8Array, ...args) {
    const copy = slice.apply(this, args);
    copied += copy.length;
    return copy;
  };
  try {
    const inflater = createInflater(15, true);
    assertThrows(() => inflater.inflate(bomb, { ...ALL, max: MiB }), InflateOverflow);
    inflater.close();
  } finally {
    Uint8Array.prototype.slice = slice;
  }
  assert(copied <= MiB, `${copied} bytes`);
});

Deno.test("the default level is 1 if that is much faster, and 6 with a small window or a kept context", () => {
  const levels = [8, 9, 10, 11, 15].map((windowBits) => defaultLevel({ windowBits, keep: false }));
  assertEquals(levels, [6, 6, 6, 1, 1]);
  assertEquals([9, 15].map((windowBits) => defaultLevel({ windowBits, keep: true })), [6, 6]);
});

Deno.test("the memory of a context follows zlib's own formula", () => {
  assertEquals(deflateBytes({ windowBits: 15, memLevel: 8 }), 256 * 1024);
  assertEquals(deflateBytes({ windowBits: 10, memLevel: 4 }), 12 * 1024);
  assertEquals(inflateBytes(15), 39 * 1024);
  assertEquals(inflateBytes(8), 7424);
});

Deno.test("D3: endless final blocks are refused: each costs a reset", () => {
  const inflater = createInflater(15);
  // 03 00: an empty block with BFINAL.
  const flood = Uint8Array.from({ length: 2_000 }, (_, at) => at % 2 === 0 ? 0x03 : 0x00);
  const few = flood.slice(0, 200);
  assertEquals(inflater.inflate(few, { last: true, forget: true, max: 100 }), []);
  assertThrows(
    () => inflater.inflate(flood, { last: true, forget: true, max: 100 }),
    InflateError,
    "more than 128 last blocks",
  );
  inflater.close();
});
