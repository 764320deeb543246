/**
 * What holds of a codec that keeps no context, whether the runtime has its synchronous handle or not: the tests of both.
 *
 * @module
 */
import { assert, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { LimitError, ProtocolError } from "../../../lib/errors.ts";
import { permessageDeflate } from "../../../lib/extensions/permessage_deflate/permessage_deflate.ts";
import { type Frame, frame, Opcode, Rsv } from "../../../lib/pipeline/frames/frame.ts";
import { assertBytes, concat, fromHex } from "../../_support/bytes.ts";
import { lines, utf8 } from "../../_support/frames.ts";
import { randomBytes, seeded } from "../../_support/random.ts";
import { ping, pong, text } from "../../_support/raw_peer.ts";
import { ROLES } from "../_support.ts";
import {
  compressed,
  deflated,
  distances,
  EXAMPLES,
  NO_TAKEOVER,
  openCodec,
  repetitive,
  STORY,
  textOf,
} from "./_support.ts";

const MiB = 1024 * 1024;
const KINDS = { text: Opcode.TEXT, binary: Opcode.BINARY };

/** Registers the tests. */
export function testCodecs(way: string): void {
  for (const role of ROLES) {
    const test = (title: string, run: () => void) => Deno.test(`${title} (${role}, ${way})`, run);

    for (const { name, messages, takeover } of EXAMPLES) {
      if (takeover) continue;
      test(`RFC 7692 ${name}: its frames are decoded`, () => {
        const { decode, release } = openCodec(role);
        for (const { frames, text } of messages) {
          const decoded = decode(compressed(frames.map(fromHex)));
          assertEquals(textOf(decoded), text);
          const [first] = decoded;
          assertEquals([first?.rsv, first?.opcode, decoded.at(-1)?.fin], [0, Opcode.TEXT, true]);
        }
        release();
      });
    }

    test("an inflated binary message has its own memory, whole and in fragments", () => {
      const sender = openCodec(role);
      const receiver = openCodec(role === "server" ? "client" : "server");
      const parts = [...sender.encode({ ...frame(Opcode.BINARY, utf8(STORY)), fin: false })];
      parts.push(
        ...sender.encode(frame(Opcode.CONTINUATION, utf8(STORY))),
        ...sender.encode(frame(Opcode.BINARY, utf8(STORY))),
      );
      const decoded = receiver.decode(parts);
      assertBytes(concat(decoded.map(({ payload }) => payload)), utf8(STORY.repeat(3)));
      for (const { payload } of decoded) assertEquals(payload.buffer.byteLength, payload.length);
      sender.release();
      receiver.release();
    });

    for (const [kind, opcode] of Object.entries(KINDS)) {
      test(`a ${kind} message is compressed, marked with RSV1, and comes back`, () => {
        const sender = openCodec(role);
        const receiver = openCodec(role === "server" ? "client" : "server");
        const message = frame(opcode, utf8(STORY));
        for (let round = 0; round < 3; round++) {
          const [sent, ...more] = sender.encode(message);
          assertEquals([more.length, sent?.fin, sent?.rsv, sent?.opcode], [0, true, Rsv.RSV1, opcode]);
          assertLess(sent!.payload.length, STORY.length / 10);
          assertEquals(lines(receiver.decode([sent!])), lines([message]));
        }
        sender.release();
        receiver.release();
      });
    }

    test("a message in fragments of unknown size is compressed as it is sent, whatever the threshold", () => {
      const sender = openCodec(role, { options: { threshold: MiB } });
      const receiver = openCodec(role === "server" ? "client" : "server");
      const parts = ["", "The first part. ", "The first part. ", "", "The last part."];
      const frames = parts.map((part, i) =>
        frame(i === 0 ? Opcode.TEXT : Opcode.CONTINUATION, utf8(part), { fin: i === parts.length - 1 })
      );
      for (let round = 0; round < 2; round++) {
        const sent = sender.encode(...frames);
        assertEquals(sent.map(({ fin, rsv, opcode }) => [fin, rsv, opcode]), [
          [false, Rsv.RSV1, Opcode.TEXT],
          [false, 0, Opcode.CONTINUATION],
          [false, 0, Opcode.CONTINUATION],
          [false, 0, Opcode.CONTINUATION],
          [true, 0, Opcode.CONTINUATION],
        ]);
        const decoded = receiver.decode(sent);
        assertEquals(textOf(decoded), parts.join(""));
        assertEquals(decoded.filter(({ fin }) => fin).length, 1);
        assertEquals(decoded[0]?.opcode, Opcode.TEXT);
      }
      sender.release();
      receiver.release();
    });

    test("RFC 7692 §7.2.1: a message whose last fragment is empty ends with a zero byte", () => {
      const sender = openCodec(role);
      const start = frame(Opcode.TEXT, utf8("Hello"), { fin: false });
      const sent = sender.encode(start, frame(Opcode.CONTINUATION));
      assertEquals(sent.at(-1)?.payload, Uint8Array.of(0));
      assertEquals(textOf(openCodec("server").decode(sent)), "Hello");
      sender.release();
    });

    test("a message below the threshold is sent uncompressed, one at the threshold compressed; the default is 1024", () => {
      const { encode, release } = openCodec(role, { extension: permessageDeflate() });
      for (const [size, rsv] of [[0, 0], [1023, 0], [1024, Rsv.RSV1]] as const) {
        assertEquals(encode(frame(Opcode.BINARY, new Uint8Array(size))).map((sent) => sent.rsv), [rsv]);
      }
      release();
    });

    test("a message that would not get smaller is sent uncompressed", () => {
      const { encode, extension, release } = openCodec(role);
      const random = frame(Opcode.BINARY, randomBytes(seeded(), 5_000));
      assertEquals(encode(random), [random]);
      assertEquals(encode(text("")), [text("")]);
      assertEquals([extension.stats.messagesOut, extension.stats.bytesOut, extension.stats.compressedOut], [0, 0, 0]);
      release();
    });

    test("D9: a message with `compress: false` is not compressed, one with `compress: true` is, whatever the threshold", () => {
      const { encode, release } = openCodec(role, { options: { threshold: 10_000 } });
      const message = text("secret ".repeat(100));
      const rsv = (compress?: boolean) => encode({ ...message, compress }).map((sent) => sent.rsv);
      assertEquals([rsv(), rsv(true), rsv(false)], [[0], [Rsv.RSV1], [0]]);
      const large = text("secret ".repeat(10_000));
      assertEquals(encode({ ...large, compress: false }).map(({ payload }) => payload), [large.payload]);
      // All of its fragments.
      const fragments = [frame(Opcode.TEXT, utf8("a"), { fin: false }), frame(Opcode.CONTINUATION, utf8("b"))];
      const plain = encode(...fragments.map((fragment) => ({ ...fragment, compress: false })));
      assertEquals(lines(plain), lines(fragments));
      release();
    });

    test("the level sets the effort: 0 stores", () => {
      const sizes = [0, 1, 9].map((level) => {
        const { encode, release } = openCodec(role, { options: { level } });
        const parts = [frame(Opcode.TEXT, utf8(STORY), { fin: false }), frame(Opcode.CONTINUATION, utf8(STORY))];
        const sent = encode(...parts);
        release();
        return sent.reduce((sum, { payload }) => sum + payload.length, 0);
      });
      assertGreater(sizes[0]!, 2 * STORY.length);
      assertLess(sizes[1]!, STORY.length / 5);
      assertLess(sizes[2]!, sizes[1]!);
    });

    test("our control frames pass unchanged before, between and behind compressed fragments", () => {
      const { encode, release } = openCodec(role);
      const frames = [frame(Opcode.TEXT, utf8(STORY), { fin: false }), frame(Opcode.CONTINUATION, utf8(STORY))];
      const sent = encode(ping("1"), frames[0]!, ping("2"), frames[1]!, pong("3"));
      assertEquals(sent.map(({ opcode, rsv }) => [opcode, rsv]), [[9, 0], [1, Rsv.RSV1], [9, 0], [0, 0], [10, 0]]);
      assertEquals(lines([sent[0]!, sent[2]!, sent[4]!]), lines([ping("1"), ping("2"), pong("3")]));
      release();
    });

    test("D5: control frames between compressed fragments change nothing (aiohttp #12988)", () => {
      const { decode, release } = openCodec(role);
      const bytes = deflated(utf8(STORY));
      const cut = bytes.length >> 1;
      const [first, second] = compressed([bytes.subarray(0, cut), bytes.subarray(cut)]);
      for (let round = 0; round < 2; round++) {
        const decoded = decode([ping("1"), first!, ping("2"), pong("3"), second!, ping("4")]);
        assertEquals(textOf(decoded.filter(({ opcode }) => opcode < 8)), STORY);
        const control = decoded.filter(({ opcode }) => opcode >= 8);
        assertEquals(lines(control), lines([ping("1"), ping("2"), pong("3"), ping("4")]));
        assertEquals(decoded.findIndex(({ fin, opcode }) => opcode < 8 && fin), decoded.length - 2);
      }
      release();
    });

    test("D5: a compressed message may be cut anywhere, with empty fragments first, last and between", () => {
      const { decode, release } = openCodec(role);
      const bytes = deflated(utf8(STORY));
      const none = new Uint8Array(0);
      for (let cut = 0; cut <= bytes.length; cut++) {
        const decoded = decode(compressed([none, bytes.subarray(0, cut), none, bytes.subarray(cut), none]));
        assertEquals(textOf(decoded), STORY, `cut at ${cut}`);
        assertEquals(decoded.map(({ opcode }) => opcode).filter((opcode) => opcode !== 0), [Opcode.TEXT]);
        assertEquals(decoded.findIndex(({ fin }) => fin), decoded.length - 1);
      }
      release();
    });

    test("D4: an empty compressed message is empty", () => {
      const { decode, release } = openCodec(role);
      for (const [kind, opcode] of Object.entries(KINDS)) {
        const empty = compressed([Uint8Array.of(0)], opcode);
        assertEquals(lines(decode(empty)), lines([frame(opcode)]), kind);
      }
      assertEquals(textOf(decode(compressed([new Uint8Array(0), Uint8Array.of(0)]))), "");
      release();
    });

    test("D8: uncompressed messages are read on the same connection, in fragments too, before and behind compressed ones", () => {
      const { decode, release } = openCodec(role);
      const plain = [frame(Opcode.TEXT, utf8("plain "), { fin: false }), frame(Opcode.CONTINUATION, utf8("text"))];
      const hello = compressed([fromHex("f248cdc9c90700")]);
      assertEquals(lines(decode([...plain, ...hello, ...plain])), lines([...plain, text("Hello"), ...plain]));
      release();
    });

    test("D3: a block with BFINAL ends only itself", () => {
      const { decode, release } = openCodec(role);
      const final = "f348cdc9c90700";
      for (const payloads of [[final + "00"], [final], [final + final], [final, final], [final, "", "00"]]) {
        const count = payloads.join("").split(final).length - 1;
        assertEquals(textOf(decode(compressed(payloads.map(fromHex)))), "Hello".repeat(count));
      }
      // The empty block that a message ends with may be the last one, §7.2.1: so a compressor of Go's does it each time.
      const flushed = "f248cdc9c907000000ffff01";
      for (const payloads of [[flushed], ["f248cd", "c9c907000000ffff01"], [flushed, ""], ["000500faff48656c6c6f01"]]) {
        for (let round = 0; round < 2; round++) {
          assertEquals(textOf(decode(compressed(payloads.map(fromHex)))), "Hello");
        }
      }
      assertEquals(textOf(decode(compressed([fromHex("01")]))), "");
      release();
    });

    test("D2: bytes that do not inflate are 1007, and earlier messages are delivered", () => {
      for (const bad of ["07ff", "f200110000 00", "000500fbff48656c6c6f00", "f248cd", ""]) {
        const { decode, release, extension } = openCodec(role);
        const before: Frame[] = [];
        const frames = [text("before"), ...compressed([fromHex(bad)])];
        const error = assertThrows(() => decode(frames, before), ProtocolError, "Compressed data is");
        assertEquals([error.closeCode, error.section], [1007, "RFC 7692 §7.2.2"]);
        assertEquals(lines(before), lines([text("before")]));
        assertEquals(extension.stats.messagesIn, 0);
        release();
      }
    });

    test("D6: a message that needs a context that was given up is 1007", () => {
      const { decode, release } = openCodec(role);
      decode(compressed([fromHex("f248cdc9c90700")]));
      const error = assertThrows(() => decode(compressed([fromHex("f200110000")])), ProtocolError, "distance");
      assertEquals(error.closeCode, 1007);
      release();
    });

    for (
      const [what, context, limit, max] of [
        ["maxMessageBytes", { maxMessageBytes: MiB }, "maxMessageBytes", MiB],
        ["maxRatio where that is less", { maxMessageBytes: 64 * MiB }, "maxRatio", 256],
        ["maxRatio where there is no limit", { maxMessageBytes: Infinity }, "maxRatio", 256],
      ] as const
    ) {
      test(`D1: a bomb ends at ${what}: 1009 (CVE-2018-1000518, CVE-2026-1526, CVE-2026-39804, CVE-2026-54490)`, () => {
        const bytes = deflated(new Uint8Array(16 * MiB));
        for (
          const payloads of [
            [bytes],
            Array.from({ length: 10 }, (_, i) => bytes.subarray(i * 1700, (i + 1) * 1700)),
          ]
        ) {
          const { decode, release } = openCodec(role, { context });
          const before: Frame[] = [];
          const error = assertThrows(
            () => decode(compressed(payloads), before),
            LimitError,
            `${what.split(" ")[0]} ${max}`,
          );
          assertEquals([error.closeCode, error.limit, error.max], [1009, limit, max]);
          const most = Math.min(context.maxMessageBytes, 256 * bytes.length);
          assert(before.reduce((sum, { payload }) => sum + payload.length, 0) <= most);
          release();
        }
      });
    }

    test("D1: the limit applies to the message, not to each fragment, and starts again with the next message", () => {
      const { decode, release } = openCodec(role, { context: { maxMessageBytes: 1000 } });
      const bytes = deflated(randomBytes(seeded(), 1000));
      for (let round = 0; round < 3; round++) {
        const decoded = decode(compressed([bytes.subarray(0, 500), bytes.subarray(500)], Opcode.BINARY));
        assertEquals(concat(decoded.map(({ payload }) => payload)).length, 1000);
      }
      const more = deflated(randomBytes(seeded(), 1001));
      assertThrows(() => decode(compressed([more.subarray(0, 900), more.subarray(900)])), LimitError);
      release();
    });

    test("D1: up to 1 MiB any ratio is allowed, and above it maxRatio applies", () => {
      const zeros = (size: number) => compressed([deflated(new Uint8Array(size))], Opcode.BINARY);
      const strict = openCodec(role, { options: { maxRatio: 2 } });
      assertEquals(concat(strict.decode(zeros(MiB)).map(({ payload }) => payload)).length, MiB);
      assertThrows(() => strict.decode(zeros(MiB + 1)), LimitError, "inflates more than maxRatio 2 times");
      strict.release();
      const lax = openCodec(role, { options: { maxRatio: Infinity } });
      assertEquals(concat(lax.decode(zeros(16 * MiB)).map(({ payload }) => payload)).length, 16 * MiB);
      lax.release();
    });

    test("a frame that inflates to 300 KB comes in pieces, or whole if another extension needs that", () => {
      const bytes = new Uint8Array(300_000).map((_, i) => i >> 4);
      const whole = deflated(bytes);
      const cut = whole.length >> 1;
      const sent = compressed([whole.subarray(0, cut), whole.subarray(cut)], Opcode.BINARY).map((frame) => ({
        ...frame,
        rsv: frame.rsv | Rsv.RSV2,
      }));
      for (const split of [true, false]) {
        const { decode, release } = openCodec(role, { context: { split } });
        const decoded = decode(sent);
        assertBytes(concat(decoded.map(({ payload }) => payload)), bytes);
        // The bits of others stay, on the first piece of what was one frame.
        assertEquals(decoded.filter(({ rsv }) => rsv === Rsv.RSV2).length, 2);
        assertEquals(decoded.findIndex(({ opcode }) => opcode !== 0), 0);
        assertEquals(decoded.findLastIndex(({ opcode }) => opcode !== 0), 0);
        assertEquals(decoded.findIndex(({ fin }) => fin), decoded.length - 1);
        if (!split) assertEquals(decoded.length, 2);
        release();
      }
    });

    test("compressed bytes are counted, for each connection and in total; others are not", () => {
      const extension = permessageDeflate({ threshold: 100 });
      let clock = 0;
      const context = { now: () => clock += 2 };
      const one = openCodec(role, { extension, context });
      const other = openCodec(role, { extension, context });
      const [sent] = one.encode(text(STORY));
      const bytes = deflated(utf8(STORY));
      one.encode(text("short"));
      one.encode({ ...text(STORY), compress: false });
      other.encode(text(STORY));
      other.decode([...compressed([bytes]), text(STORY)]);
      other.decode(compressed([bytes.subarray(0, 9), bytes.subarray(9)]));
      const out = { messagesOut: 1, bytesOut: STORY.length, compressedOut: sent!.payload.length };
      const into = { messagesIn: 2, bytesIn: 2 * STORY.length, compressedIn: 2 * bytes.length };
      const { time, ...own } = one.processor.stats;
      assertEquals(own, { ...out, messagesIn: 0, bytesIn: 0, compressedIn: 0 });
      assertEquals(time, 2);
      assertEquals(other.processor.stats, { ...out, ...into, time: 8 });
      assertEquals(extension.stats, {
        messagesOut: 2,
        bytesOut: 2 * STORY.length,
        compressedOut: 2 * sent!.payload.length,
        ...into,
        time: 10,
      });
      one.release();
      other.release();
    });

    test("a connection that ends inside a message, in either direction, leaves nothing behind, and does not affect the next one", () => {
      const extension = permessageDeflate({ threshold: 0 });
      const bytes = deflated(utf8(STORY));
      for (let round = 0; round < 3; round++) {
        const { encode, decode, release } = openCodec(role, { extension });
        assertEquals(textOf(decode(compressed([bytes]))), STORY);
        assertEquals(encode(text(STORY))[0]?.rsv, Rsv.RSV1);
        encode(frame(Opcode.TEXT, utf8(STORY), { fin: false }));
        decode(compressed([bytes.subarray(0, 20), bytes.subarray(20)]).slice(0, 1));
        release();
      }
      assertEquals(extension.contextBytes, 0);
    });

    test("more simultaneous messages than the pool has contexts are read and written", () => {
      const extension = permessageDeflate({ threshold: 0 });
      const bytes = deflated(utf8(STORY));
      const ends = Array.from({ length: 7 }, () => openCodec(role, { extension }));
      const [first, second] = compressed([bytes.subarray(0, 30), bytes.subarray(30)]);
      const begun = ends.map(({ decode, encode }) => [
        decode([first!]),
        encode(frame(Opcode.TEXT, utf8(STORY), { fin: false })),
      ]);
      ends.forEach(({ decode, encode, release }, i) => {
        assertEquals(textOf([...begun[i]![0]!, ...decode([second!])]), STORY);
        const sent = [...begun[i]![1]!, ...encode(frame(Opcode.CONTINUATION))];
        assertEquals(textOf(openCodec("server").decode(sent)), STORY);
        release();
      });
    });
  }

  Deno.test(`without takeover each message has the same bytes as the first (${way})`, () => {
    const { encode, processor, release } = openCodec("server");
    assertEquals(processor.parameters.serverNoContextTakeover, true);
    const [first, second] = [encode(text(STORY)), encode(text(STORY))];
    assertEquals(lines(first), lines(second));
    release();
  });

  Deno.test(`D7: with a window of 8 bits nothing that we send refers more than 256 bytes back (${way})`, () => {
    for (const [role, name] of [["server", "server_max_window_bits"], ["client", "client_max_window_bits"]] as const) {
      const { encode, processor, release } = openCodec(role, { header: `${NO_TAKEOVER}; ${name}=8` });
      assertEquals(processor.params.at(-1), { name, value: "8" });
      const [sent] = encode(frame(Opcode.BINARY, repetitive(20_000, 300)));
      assertEquals(sent?.rsv, Rsv.RSV1);
      const reach = Math.max(...distances(sent!.payload));
      assert(reach > 128 && reach <= 256, `${reach} bytes back`);
      release();
    }
  });
}
