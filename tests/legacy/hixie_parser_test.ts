import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import { ConnectionError, LimitError, ProtocolError } from "../../lib/errors.ts";
import { HixieParser, type HixieParserOptions } from "../../lib/legacy/hixie_parser.ts";
import { type Frame, frame, Opcode } from "../../lib/pipeline/frames/frame.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import { MessageAssembler } from "../../lib/pipeline/messages/message_assembler.ts";
import { composeStages } from "../../lib/pipeline/stage.ts";
import { allocations, assertBytes, counting } from "../_support/bytes.ts";
import { assertReads } from "../_support/feed.ts";
import { lines, utf8 } from "../_support/frames.ts";
import { below, randomBytes, seeded } from "../_support/random.ts";
import { runStage } from "../_support/stages.ts";

const VERSIONS = ["hixie-75", "hixie-76"] as const;

const text = (content: string) => frame(Opcode.TEXT, utf8(content));

/** Bytes from numbers and texts. */
const wire = (...parts: (number | string | Uint8Array)[]) =>
  Uint8Array.from(
    parts.flatMap((part) => typeof part === "number" ? [part] : [...(typeof part === "string" ? utf8(part) : part)]),
  );

/** Asserts what comes of some bytes, however they are cut: frames, then perhaps an error. */
function assertFrames(bytes: Uint8Array, options: HixieParserOptions, frames: Frame[], message = ""): void {
  assertReads(bytes, (chunks) => {
    const { output, error } = runStage(new HixieParser(options), chunks);
    if (error !== undefined) assert(error instanceof Error);
    return [...lines(output), error?.message ?? ""];
  }, [...lines(frames), message]);
}

Deno.test("X1: an endless run of length octets with a growing sum ends as soon as it passes the limit (CVE-2026-54466, CVE-2026-54463)", () => {
  for (const version of VERSIONS) {
    const parser = new HixieParser({ version });
    parser.push(wire(0x80, 0xff, 0xff, 0xff), []); // 2^21 - 1, below 16 MiB
    const error = assertThrows(() => parser.push(Uint8Array.of(0xff), []), LimitError);
    assertEquals([error.closeCode, error.limit], [1009, "maxMessageBytes"]);
    const flood = wire(0x80, new Uint8Array(100_000).fill(0xff));
    assertFrames(flood, { version }, [], "Frame is larger than maxMessageBytes 16777216");
  }
});

Deno.test("X1: an endless run of length octets with the sum 0 ends after seven (CVE-2026-54466, CVE-2026-54463)", () => {
  for (const version of VERSIONS) {
    const parser = new HixieParser({ version });
    parser.push(wire(0x80, new Uint8Array(7).fill(0x80)), []);
    const error = assertThrows(() => parser.push(Uint8Array.of(0x80), []), ProtocolError);
    assertEquals(error.closeCode, 1002);
    assert(error.section.startsWith(`draft-hixie-thewebsocketprotocol-${version.slice(-2)} §`), error.section);
    const flood = wire(0x00, "a", 0xff, 0x80, new Uint8Array(100_000).fill(0x80));
    assertFrames(flood, { version }, [text("a")], error.message);
  }
});

Deno.test("X1: without a limit a length still ends after seven octets, and is exact to its last bit", () => {
  for (const version of VERSIONS) {
    const options = { version, maxMessageBytes: Infinity };
    const seven = wire(0x80, new Uint8Array(6).fill(0xff), 0x7f); // 2^49 - 1
    assertEquals(runStage(new HixieParser(options), [seven]).error instanceof ConnectionError, true);
    const eight = runStage(new HixieParser(options), [wire(0x80, new Uint8Array(8).fill(0xff))]);
    assert(eight.error instanceof ProtocolError);
  }
});

Deno.test("X1: a declared length allocates nothing", () => {
  const parser = new HixieParser({ version: "hixie-76" });
  const bytes = wire(0x80, 0x87, 0xff, 0xff, 0x7f, "some"); // 16 MiB - 1
  assertEquals(allocations(() => parser.push(bytes, [])), []);
});

for (const version of VERSIONS) {
  Deno.test(`${version}: text between 00 and FF is a text frame`, () => {
    assertFrames(wire(0x00, "Hello", 0xff), { version }, [text("Hello")]);
    assertFrames(wire(0x00, 0xff), { version }, [text("")]);
    assertFrames(wire(0x00, "a\0b", 0xff), { version }, [text("a\0b")]);
    assertFrames(wire(0x00, "Apple = \uf8ff, 𐍈, \ufeff", 0xff), { version }, [text("Apple = \uf8ff, 𐍈, \ufeff")]);
    assertFrames(wire(), { version }, []);
  });

  Deno.test(`${version}: several frames in one read come in order`, () => {
    assertFrames(wire(0x00, "a", 0xff, 0x00, "b", 0xff, 0x00, "c", 0xff), { version }, ["a", "b", "c"].map(text));
  });

  Deno.test(`X2: ${version}: a frame with a length is skipped by its length, whatever it contains, FF included`, () => {
    assertFrames(wire(0x80, 2, "He", 0x00, "llo", 0xff), { version }, [text("llo")]);
    assertFrames(wire(0x80, 5, 0xff, 0x00, "x", 0xff, 0xff, 0x00, "a", 0xff), { version }, [text("a")]);
    assertFrames(wire(0xfe, 0x81, 0x02, counting(130, 200), 0x00, "a", 0xff), { version }, [text("a")]);
    assertFrames(wire(0xff, 1, 0x00, 0x00, "a", 0xff), { version }, [text("a")]);
    assertFrames(wire(0x80, 0, 0x9f, 0x80, 0, 0x00, "a", 0xff), { version }, [text("a")]);
  });

  Deno.test(`X3: ${version}: endless text is stopped at the limit, and not a byte earlier`, () => {
    const options = { version, maxMessageBytes: 5 };
    const message = "Frame is larger than maxMessageBytes 5";
    assertFrames(
      wire(0x00, "Hello", 0xff, 0x00, "Hello"),
      options,
      [text("Hello")],
      "The connection ended in the middle of a frame",
    );
    assertFrames(wire(0x00, "Hello!"), options, [], message);
    assertFrames(wire(0x00, "a", 0xff, 0x00, "Hello!", 0xff), options, [text("a")], message);
    assertFrames(wire(0x42, "Hello!"), options, [], message);
    assertFrames(wire(0x80, 6), options, [], message);
    assertFrames(wire(0x80, 5, "Hello", 0x00, 0xff), options, [text("")]);
  });

  Deno.test(`X3: ${version}: text that comes one byte at a time is copied into one buffer that grows with it`, () => {
    const parser = new HixieParser({ version });
    const octet = utf8("a");
    const sizes = allocations(() => {
      parser.push(Uint8Array.of(0x00), []);
      for (let i = 0; i < 100_000; i++) parser.push(octet, []);
    });
    assertLess(sizes.reduce((sum, size) => sum + size, 0), 5 * 100_000);
  });

  Deno.test(`X4: ${version}: of the types with an end, only 00 delivers; 01 to 7F are discarded`, () => {
    for (const type of [0x01, 0x42, 0x7f]) {
      assertFrames(wire(0x00, "a", 0xff, type, "gone", 0xff, 0x00, "b", 0xff), { version }, ["a", "b"].map(text));
    }
  });

  Deno.test(`X5: ${version}: invalid UTF-8 becomes U+FFFD, and the connection goes on`, () => {
    const cases: [bytes: number[], content: string][] = [
      [[0x80, 0x81], "\ufffd\ufffd"], // pywebsocket's
      [[0x61, 0xc3], "a\ufffd"],
      [[0xe2, 0x82, 0x62], "\ufffdb"],
      [[0xc0, 0x80], "\ufffd\ufffd"],
      [[0xed, 0xa0, 0x80], "\ufffd\ufffd\ufffd"],
      [[0xef, 0xbb, 0xbf, 0x80], "\ufeff\ufffd"],
    ];
    for (const [bytes, content] of cases) {
      assertFrames(wire(0x00, ...bytes, 0xff, 0x00, "next", 0xff), { version }, [text(content), text("next")]);
    }
  });

  Deno.test(`X5: ${version}: the strict assembler accepts everything that the parser delivers`, () => {
    const bytes = wire(0x00, 0x80, 0x81, 0xff, 0x00, "é", 0xff);
    assertReads<Message[]>(
      bytes,
      (chunks) => runStage(composeStages(new HixieParser({ version }), new MessageAssembler()), chunks).output,
      ["\ufffd\ufffd", "é"],
    );
  });

  Deno.test(`X12: ${version}: a client's data is not masked: a page's bytes appear unchanged on the wire`, () => {
    const request = "GET /script.js HTTP/1.1\r\nHost: target.test\r\n\r\n";
    assertFrames(wire(0x00, request, 0xff), { version }, [text(request)]);
  });

  Deno.test(`${version}: an end inside a frame is a lost connection, and an end between frames is not`, () => {
    for (const begun of [[0x00], [0x00, 0x61], [0x42, 0x61], [0x80], [0x80, 0x80], [0x80, 2, 0x61]]) {
      const parser = new HixieParser({ version });
      parser.push(Uint8Array.from(begun), []);
      assert(parser.insideMessage);
      assertThrows(() => parser.end(), ConnectionError);
    }
    for (const ended of [[], [0x00, 0xff], [0x42, 0xff], [0x80, 0], [0x80, 1, 0x61]]) {
      const parser = new HixieParser({ version });
      parser.push(Uint8Array.from(ended), []);
      assert(!parser.insideMessage);
      parser.end();
    }
  });

  Deno.test(`${version}: a payload that arrived whole is a view of the read, and an incomplete one is a copy`, () => {
    const bytes = wire(0x00, "whole", 0xff, 0x00, "cut");
    const frames: Frame[] = [];
    const parser = new HixieParser({ version });
    parser.push(bytes, frames);
    assertEquals(frames[0]?.payload.buffer, bytes.buffer);
    bytes.fill(0x21);
    parser.push(Uint8Array.of(0xff), frames);
    assertBytes(frames[1]?.payload ?? bytes, utf8("cut"));
  });

  Deno.test(`${version}: any sequence of frames is read the same however it is cut`, () => {
    const random = seeded();
    for (let round = 0; round < 60; round++) {
      const parts: (number | string | Uint8Array)[] = [];
      const expected: Frame[] = [];
      for (let left = below(random, 12); left > 0; left--) {
        const length = below(random, 300);
        const kind = below(random, 3);
        if (kind === 0) {
          const content = "aé€𐍈\0"[Symbol.iterator]().toArray()[below(random, 5)]!.repeat(below(random, 40));
          parts.push(0x00, content, 0xff);
          expected.push(text(content));
        } else if (kind === 1) {
          parts.push(1 + below(random, 0x7f), randomBytes(random, length).map((byte) => byte & 0x7f), 0xff);
        } else {
          parts.push(0x80 + below(random, 0x7f), 0x80 | (length >> 7), length & 0x7f, randomBytes(random, length));
        }
      }
      assertFrames(wire(...parts), { version }, expected);
    }
  });
}

Deno.test("X6: FF 00 is the closing handshake of hixie-76: an empty close frame, and later bytes are ignored", () => {
  const version = "hixie-76";
  const close = frame(Opcode.CLOSE);
  assertFrames(wire(0x00, "a", 0xff, 0xff, 0x00), { version }, [text("a"), close]);
  assertFrames(wire(0xff, 0x00, 0x00, "late", 0xff, 0x80), { version }, [close]);
  assertFrames(wire(0xff, 0x80, 0x00), { version }, [close]);
  const parser = new HixieParser({ version });
  parser.push(wire(0xff, 0x00, 0x00, "late"), []);
  assert(!parser.insideMessage);
});

Deno.test("X6: hixie-75 has no closing handshake: FF 00 is skipped", () => {
  assertFrames(wire(0x00, "a", 0xff, 0xff, 0x00, 0x00, "b", 0xff), { version: "hixie-75" }, ["a", "b"].map(text));
});
