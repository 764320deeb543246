import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { decodeHex, encodeHex } from "@std/encoding/hex";
import { LimitError } from "../../../lib/errors.ts";
import { decodeUtf8, utf8Length, Utf8Validator } from "../../../lib/pipeline/bytes/utf8.ts";
import { connectedPair } from "../../../lib/testing/connected_pair.ts";
import { utf8 } from "../../_support/frames.ts";
import { naiveText } from "../../_support/naive_frames.ts";
import { splittings } from "../../_support/feed.ts";
import { soon } from "../../_support/wait.ts";
import { INVALID_UTF8, VALID_UTF8 } from "../../vectors/utf8.ts";

/** Where the first bad byte stands, by the platform's own streaming decoder; the length where the text is cut short. */
function firstBad(bytes: Uint8Array<ArrayBuffer>): number {
  if (naiveText(bytes) !== undefined) return -1;
  for (let length = 1; length <= bytes.length; length++) {
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, length), { stream: true });
    } catch {
      return length - 1;
    }
  }
  return bytes.length;
}

/** The same by our validator, fed in parts. */
function validated(chunks: Iterable<Uint8Array>): number {
  const validator = new Utf8Validator();
  let before = 0;
  for (const chunk of chunks) {
    const bad = validator.push(chunk);
    if (bad !== -1) return before + bad;
    before += chunk.length;
  }
  return validator.complete ? -1 : before;
}

/** All bytes that differ from `bytes` in one place. */
function* mutations(bytes: Uint8Array<ArrayBuffer>): Generator<Uint8Array<ArrayBuffer>> {
  for (let at = 0; at < bytes.length; at++) {
    const mutant = bytes.slice();
    for (let byte = 0; byte < 256; byte++) {
      mutant[at] = byte;
      yield mutant;
    }
  }
}

for (const { name, hex, text } of VALID_UTF8) {
  Deno.test(`UTF-8 is decoded, ${name}`, () => {
    const bytes = decodeHex(hex);
    assertStrictEquals(decodeUtf8(bytes), text);
    for (const { name, chunks } of splittings(bytes)) assertStrictEquals(validated(chunks), -1, name);
  });
}

for (const { name, hex, at } of INVALID_UTF8) {
  Deno.test(`F10: UTF-8 is refused at byte ${at}, ${name}`, () => {
    const bytes = decodeHex(hex);
    assertStrictEquals(decodeUtf8(bytes), undefined);
    for (const { name, chunks } of splittings(bytes)) assertStrictEquals(validated(chunks), at, name);
    // Behind other text, on the slow path as well.
    const later = Uint8Array.of(...new TextEncoder().encode("é".repeat(30)), ...bytes);
    assertStrictEquals(decodeUtf8(later), undefined);
    assertStrictEquals(validated([later]), 60 + at);
  });
}

Deno.test("decodeUtf8 agrees with TextDecoder at every length around the fast path's limit", () => {
  for (let length = 0; length <= 160; length++) {
    const ascii = Uint8Array.from({ length }, (_, i) => 0x20 + (i % 95));
    assertStrictEquals(decodeUtf8(ascii), naiveText(ascii), `${length} bytes of ASCII`);
    for (const tail of ["é", "€", "𐍈", "\u{feff}", "\u{fffd}"]) {
      const mixed = Uint8Array.of(...ascii, ...new TextEncoder().encode(tail));
      assertStrictEquals(decodeUtf8(mixed), naiveText(mixed), `${length} bytes of ASCII and ${tail}`);
      const cut = mixed.slice(0, -1);
      assertStrictEquals(decodeUtf8(cut), undefined, `${length} bytes of ASCII and a part of ${tail}`);
    }
  }
});

Deno.test("decodeUtf8 decodes a range like a copy of it, whatever bytes are around", () => {
  for (const around of [0x61, 0x80, 0xc3]) {
    for (let length = 0; length <= 160; length++) {
      for (let start = 0; start < 5; start++) {
        const text = Uint8Array.from({ length }, (_, i) => 0x20 + (i * 7 + start) % 95);
        const whole = Uint8Array.of(...Array<number>(start).fill(around), ...text, around, around);
        assertStrictEquals(decodeUtf8(whole, start, start + length), naiveText(text), `${length} bytes at ${start}`);
      }
    }
  }
});

Deno.test("a replacement character that was sent is kept, and hides no invalid byte", () => {
  for (const length of [0, 60, 64, 65, 5_000]) {
    const sent = `${"a".repeat(length)}\u{fffd}é`;
    assertStrictEquals(decodeUtf8(utf8(sent)), sent);
    for (const wrong of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]]) {
      assertStrictEquals(decodeUtf8(Uint8Array.of(...utf8(sent), ...wrong)), undefined, `${wrong} behind ${length}`);
      assertStrictEquals(decodeUtf8(Uint8Array.of(...wrong, ...utf8(sent))), undefined, `${wrong} before ${length}`);
    }
  }
});

Deno.test("a text decoded by the fast path is not changed by the next one of its length", () => {
  const first = decodeUtf8(utf8("one"));
  const wrong = decodeUtf8(Uint8Array.of(0x74, 0x77, 0xff));
  const second = decodeUtf8(utf8("two"));
  assertEquals([first, wrong, second], ["one", undefined, "two"]);
});

Deno.test("decodeUtf8 and Utf8Validator agree with TextDecoder on every mutation of one byte", () => {
  const texts = [
    "\x7f",
    "aé€𐍈z",
    "\u{feff}\u{7ff}\u{800}",
    "\u{ffff}\u{10000}",
    "\u{d7ff}\u{e000}",
    "\u{10ffff}\u{fffff}",
  ];
  for (const text of texts) {
    for (const bytes of mutations(new TextEncoder().encode(text))) {
      const hex = encodeHex(bytes);
      assertStrictEquals(decodeUtf8(bytes), naiveText(bytes), hex);
      const bad = firstBad(bytes);
      for (let cut = 0; cut < bytes.length; cut++) {
        assertStrictEquals(validated([bytes.subarray(0, cut), bytes.subarray(cut)]), bad, `${hex} cut at ${cut}`);
      }
    }
  }
});

Deno.test("decodeUtf8 agrees with TextDecoder on every mutation of one byte around the fast path's limit", () => {
  for (const length of [63, 64, 65]) {
    for (const bytes of mutations(new Uint8Array(length).fill(0x61))) {
      assertStrictEquals(decodeUtf8(bytes), naiveText(bytes), encodeHex(bytes));
    }
  }
});

Deno.test("Utf8Validator agrees with TextDecoder on all pairs of bytes", () => {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const valid = (bytes: Uint8Array<ArrayBuffer>) => {
    try {
      decoder.decode(bytes);
      return true;
    } catch {
      return false;
    }
  };
  for (let pair = 0; pair < 65_536; pair++) {
    const bytes = Uint8Array.of(pair >> 8, pair & 0xff);
    assert(valid(bytes) === (validated([bytes]) === -1), encodeHex(bytes));
  }
});

Deno.test("Utf8Validator finds the same in a long part as byte by byte, around its limits and wherever a character is cut", () => {
  const byByte = (bytes: Uint8Array) => validated(Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)));
  const wrong = [[], [0xff], [0xc3], [0xe2, 0x82], [0xe2, 0x28], [0xed, 0xa0, 0x80], [0xf0, 0x9f, 0x98], [0xc0, 0xaf]];
  for (const unit of ["a", "é", "€", "😀", "a\u{fffd}"]) {
    const step = utf8(unit).length;
    for (const near of [640, 64 * 1024]) {
      const text = utf8(unit.repeat(Math.ceil((near + 8) / step)));
      for (let length = near - 4; length <= near + 4; length++) {
        for (const tail of wrong) {
          const bytes = Uint8Array.of(...text.subarray(0, length), ...tail, ...text.subarray(0, step));
          const from = step * Math.floor((length - 16) / step); // characters that are whole come before
          const found = byByte(bytes.subarray(from));
          const first = found === -1 ? -1 : from + found;
          const title = `${unit}, ${length} bytes, then ${tail}`;
          assertStrictEquals(validated([bytes]), first, title);
          if (near > 640) continue;
          for (let cut = 0; cut <= 4; cut++) {
            assertStrictEquals(
              validated([bytes.subarray(0, cut), bytes.subarray(cut)]),
              first,
              `${title}, cut at ${cut}`,
            );
          }
        }
      }
    }
  }
});

Deno.test("Utf8Validator keeps failing after an invalid byte", () => {
  const validator = new Utf8Validator();
  assertEquals(validator.push(Uint8Array.of(0x61, 0xff, 0x61)), 1);
  assert(!validator.complete);
  assertEquals(validator.push(Uint8Array.of(0x61)), 0);
});

/** Has the platform's decoder refuse what is longer than `most`, as it does where no string is long enough. */
function shortStrings(most: number): Disposable {
  const { decode } = TextDecoder.prototype;
  TextDecoder.prototype.decode = function (input, options) {
    const text = Reflect.apply(decode, this, [input, options]);
    if (text.length > most) throw new RangeError("Cannot create a string longer than 0x1fffffe8 characters");
    return text;
  };
  return { [Symbol.dispose]: () => void (TextDecoder.prototype.decode = decode) };
}

Deno.test("UTF-8 beyond the longest possible string is too large, 1009, and not invalid", () => {
  using _ = shortStrings(1000);
  assertEquals(decodeUtf8(utf8("é".repeat(1000))), "é".repeat(1000));
  const error = assertThrows(() => decodeUtf8(utf8("é".repeat(1001))), LimitError);
  assertEquals([error.closeCode, error.limit, error.max, error.actual], [1009, "maxMessageBytes", 2 ** 29 - 24, 2002]);
  assertEquals(error.message, "Text of 2002 bytes is longer than a string can be: messages() reads it in parts");
  assertStrictEquals(decodeUtf8(Uint8Array.of(...utf8("a".repeat(2000)), 0xff)), undefined);
  assertStrictEquals(decodeUtf8(utf8("é".repeat(2000)).subarray(1)), undefined);
  assertStrictEquals(decodeUtf8(utf8("é".repeat(2000)).subarray(0, -1)), undefined);
});

for (
  const [what, message, options] of [
    ["in one frame", () => "é".repeat(70_000), {}],
    ["in fragments", () => ReadableStream.from(["é".repeat(40_000), "é".repeat(40_000)]), {}],
    ["that is compressed", () => "é".repeat(70_000), { perMessageDeflate: true }],
  ] as const
) {
  for (const role of ["server", "client"] as const) {
    Deno.test(`a text ${what} beyond the longest possible string closes a ${role} with 1009`, async () => {
      await using pair = await connectedPair({ server: options, client: options });
      const [receiver, sender] = role === "server" ? [pair.server, pair.client] : [pair.client, pair.server];
      using _ = shortStrings(65_000);
      void sender.send("before it");
      void sender.send(message());
      const messages: unknown[] = [];
      const error = await assertRejects(async () => {
        for await (const message of receiver) messages.push(message);
      }, LimitError);
      assertEquals([messages, error.closeCode], [["before it"], 1009]);
      assertEquals((await soon(sender.closed, "The end")).closeCode, 1009);
    });
  }
}

Deno.test("a text beyond the longest possible string can be read in parts", async () => {
  await using pair = await connectedPair();
  using _ = shortStrings(65_000);
  void pair.client.send("é".repeat(70_000));
  const { value } = await pair.server.messages().next();
  let length = 0;
  for await (const part of value.readable) length += part.length;
  assertEquals(length, 70_000);
});

Deno.test("utf8Length matches TextEncoder", () => {
  const units = [
    "",
    "a",
    "\x7f",
    "\x80",
    "é",
    "\u07ff",
    "\u0800",
    "€",
    "\ud7ff",
    "\ue000",
    "\uffff",
    "😀",
    "\ud83d",
    "\ude00",
  ];
  for (const first of units) {
    for (const second of units) {
      for (const text of [first + second, `${first}x${second}`, second + first + second]) {
        assertEquals(utf8Length(text), new TextEncoder().encode(text).length, JSON.stringify(text));
      }
    }
  }
});
