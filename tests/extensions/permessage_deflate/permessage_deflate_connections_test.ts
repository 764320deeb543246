import { fromHex } from "../../_support/bytes.ts";
import { assert, assertEquals, assertLess, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { ProtocolError } from "../../../lib/errors.ts";
import { acceptExtensions } from "../../../lib/extensions/negotiation.ts";
import {
  permessageDeflate,
  type PerMessageDeflateOptions,
} from "../../../lib/extensions/permessage_deflate/permessage_deflate.ts";
import { deflateBytes, inflateBytes } from "../../../lib/extensions/permessage_deflate/zlib.ts";
import { parseExtensions } from "../../../lib/handshake/extension_header.ts";
import { frame, Opcode, Rsv } from "../../../lib/pipeline/frames/frame.ts";
import { denoOutput } from "../../_support/child.ts";
import { lines, utf8 } from "../../_support/frames.ts";
import { unless } from "../../_support/needs.ts";
import { ping, text } from "../../_support/raw_peer.ts";
import { client, closeBoth, contextOf, end, expectFailure, ROLES, server } from "../_support.ts";
import {
  changeHandles,
  compressed,
  deflated,
  EXAMPLES,
  NO_TAKEOVER,
  openCodec,
  params,
  REAL_HANDLE,
  STORY,
  TAKEOVER,
  textOf,
} from "./_support.ts";

const MiB = 1024 * 1024;
const D = "permessage-deflate";

/** What a connection that keeps everything costs its server, and its client. */
const KEPT = deflateBytes({ windowBits: 15, memLevel: 8 }) + inflateBytes(15);

for (const role of ROLES) {
  const open = (options: PerMessageDeflateOptions = {}, header = "") =>
    openCodec(role, { options: { ...TAKEOVER, ...options }, header });

  // §7.2.3.2 without a shared window has messages of its own size: they would go out as they are.
  for (const { name, messages, level } of EXAMPLES.filter(({ name }) => !name.includes("not shared"))) {
    if (level === undefined) continue;
    Deno.test(`RFC 7692 ${name}: encoded to the same bytes, and decoded (${role})`, () => {
      const { encode, decode, release } = open({ level });
      for (const { frames, text: message } of messages) {
        const expected = compressed(frames.map(fromHex));
        assertEquals(lines(encode(text(message))), lines(expected));
        assertEquals(lines(decode(expected)), lines([text(message)]));
      }
      release();
    });
  }

  Deno.test(`D6: with takeover the second message needs the first; no_context_takeover of either side ends that (${role})`, () => {
    const sizes = (header: string) => {
      const { encode, release } = open({ level: 6 }, header);
      const sent = [encode(text(STORY)), encode(text(STORY)), encode(text(STORY))];
      release();
      return sent.map(([message]) => message!.payload.length);
    };
    const [own, peers] = role === "server" ? ["server", "client"] : ["client", "server"];
    const [first, second] = sizes("");
    assertLess(second!, first! / 2);
    assertEquals(sizes(`${own}_no_context_takeover`), [first!, first!, first!]);
    assertEquals(sizes(`${peers}_no_context_takeover`).slice(0, 2), [first!, second!]);
  });

  Deno.test(`D6: a peer that gave up its context and still refers to it is 1007 (${role})`, () => {
    const peers = role === "server" ? "client" : "server";
    const kept = open();
    const forgotten = open({}, `${peers}_no_context_takeover`);
    for (const { decode } of [kept, forgotten]) decode(compressed([fromHex("f248cdc9c90700")]));
    assertEquals(textOf(kept.decode(compressed([fromHex("f200110000")]))), "Hello");
    assertThrows(() => forgotten.decode(compressed([fromHex("f200110000")])), ProtocolError, "distance too far back");
    kept.release();
    forgotten.release();
  });

  Deno.test(`D6: a distance beyond the peer's window, into an earlier message, is 1007 (${role})`, () => {
    const once = crypto.getRandomValues(new Uint8Array(100));
    const peer = openCodec(role === "server" ? "client" : "server", { options: TAKEOVER, header: "" });
    const sent = [once, new Uint8Array(5_000), once].map((payload) => peer.encode(frame(Opcode.BINARY, payload)));
    const { decode, release } = open({}, `${role === "server" ? "client" : "server"}_max_window_bits=9`);
    decode([...sent[0]!, ...sent[1]!]);
    assertThrows(() => decode(sent[2]!), ProtocolError, "distance too far back");
    release();
    peer.release();
  });

  Deno.test(`D8, D9: uncompressed messages leave the context unchanged (${role})`, () => {
    const [sender, receiver] = [
      openCodec(role, { options: TAKEOVER, header: "" }),
      openCodec("server", {
        options: TAKEOVER,
        header: "",
      }),
    ];
    const secret = { ...text("secret ".repeat(300)), compress: false };
    for (const message of [text(STORY), secret, text(STORY), text(STORY.toUpperCase()), secret, text(STORY)]) {
      const sent = sender.encode(message);
      assertEquals(sent[0]?.rsv, message === secret ? 0 : Rsv.RSV1);
      assertEquals(lines(receiver.decode(sent)), lines([message]));
    }
    sender.release();
    receiver.release();
  });

  Deno.test(`with takeover a message is sent compressed even if it grows: both ends have seen it (${role})`, () => {
    const [sender, receiver] = [
      openCodec(role, { options: TAKEOVER, header: "" }),
      openCodec("server", {
        options: TAKEOVER,
        header: "",
      }),
    ];
    const random = frame(Opcode.BINARY, crypto.getRandomValues(new Uint8Array(2_000)));
    const [first] = sender.encode(random);
    const [second] = sender.encode(random);
    assertEquals([first?.rsv, first!.payload.length > 2_000, second!.payload.length < 100], [Rsv.RSV1, true, true]);
    assertEquals(lines(receiver.decode([first!, second!])), lines([random, random]));
    assertEquals(lines(receiver.decode(sender.encode(text("")))), lines([text("")]));
    sender.release();
    receiver.release();
  });

  Deno.test(`D3: a block with BFINAL ends the context too, with takeover (${role})`, () => {
    const { decode, release } = open();
    for (const payload of ["f248cdc9c90700", "f348cdc9c9070000", "f248cdc9c90700", "f200110000"]) {
      assertEquals(textOf(decode(compressed([fromHex(payload)]))), "Hello");
    }
    release();
  });

  Deno.test(`D4: a compressed message of zero bytes is 1007, with takeover too: an empty message has a byte (${role})`, () => {
    const { decode, release } = open();
    assertThrows(() => decode(compressed([fromHex("")])), ProtocolError, "Compressed data is empty");
    release();
  });

  Deno.test(`D3: the empty block at the end of a message may be the final one, with takeover (${role})`, () => {
    const { decode, release } = open();
    for (
      const [payload, text] of [["01", ""], ["f248cdc9c907000000ffff01", "Hello"], ["f248cdc9c90700", "Hello"]] as const
    ) {
      assertEquals(textOf(decode(compressed([fromHex(payload)]))), text);
    }
    release();
  });

  Deno.test(`kept contexts are counted while the connection is open, and no longer once it has ended (${role})`, () => {
    const extension = permessageDeflate(TAKEOVER);
    const ends = [
      openCodec(role, { extension, header: "" }),
      openCodec(role, { extension, header: "server_no_context_takeover" }),
      openCodec(role, { extension, header: "client_no_context_takeover; server_max_window_bits=9" }),
      openCodec(role, { extension, header: NO_TAKEOVER }),
    ];
    const out = (windowBits: number) => deflateBytes({ windowBits, memLevel: 8 });
    const costs = role === "server"
      ? [out(15) + inflateBytes(15), inflateBytes(15), out(9), 0]
      : [out(15) + inflateBytes(15), out(15), inflateBytes(9), 0];
    assertEquals(extension.contextBytes, costs.reduce((sum, cost) => sum + cost));
    for (const [i, { release }] of ends.entries()) {
      release();
      assertEquals(extension.contextBytes, costs.slice(i + 1).reduce((sum, cost) => sum + cost, 0));
    }
  });

  Deno.test(`F2: RSV1 on a continuation or a control frame is 1002 at its first byte (Bandit #651) (${role})`, async () => {
    const mask = role === "server" ? "85 00000000" : "05";
    for (const bytes of [`41${mask} f248cdc9c9 40`, `01${mask} 0102030405 c0`, "c8", "c9", "ca"]) {
      const ends = await end(role, `${D}; ${NO_TAKEOVER}`, { perMessageDeflate: true });
      await ends.peer.send(bytes);
      assertMatch(String(await expectFailure(ends, 1002)), /Reserved bits 100 were not negotiated/);
    }
  });

  Deno.test(`F2: RSV1 without negotiation is 1002 and nothing is inflated (CVE-2026-59881) (${role})`, async () => {
    // Once with no compression at all, once where it was offered and not taken.
    for (const perMessageDeflate of [false, true]) {
      const ends =
        await (role === "server" ? server(undefined, { perMessageDeflate }) : client(undefined, { perMessageDeflate }));
      assertEquals(ends.socket.extensions, "");
      await ends.peer.send("c1");
      assertMatch(String(await expectFailure(ends, 1002)), /Reserved bits 100 were not negotiated/);
    }
  });

  for (
    const [row, payload, closeCode] of [["D1", deflated(new Uint8Array(2 * MiB)), 1009], [
      "D2",
      fromHex("07ff"),
      1007,
    ]] as const
  ) {
    Deno.test(`${row}: data that cannot be inflated fails the connection with ${closeCode}, after the messages before it (${role})`, async () => {
      const extension = permessageDeflate(TAKEOVER);
      const ends = await end(role, D, { extensions: [extension], maxMessageBytes: MiB });
      assertEquals(extension.contextBytes, KEPT);
      const reading = ends.socket[Symbol.asyncIterator]();
      await ends.peer.send(...compressed([fromHex("f248cdc9c90700")]), ...compressed([payload]));
      assertEquals((await reading.next()).value, "Hello");
      const rejected = assertRejects(() => reading.next());
      await expectFailure(ends, closeCode);
      await rejected;
      assertEquals(extension.contextBytes, 0);
    });
  }

  Deno.test(`D9: send(data, { compress: false }) sends it uncompressed, { compress: true } compresses it (${role})`, async () => {
    const ends = await end(role, `${D}; ${NO_TAKEOVER}`, { perMessageDeflate: true });
    const { socket, peer } = ends;
    const small = "small ".repeat(50);
    for (
      const [data, compress, rsv] of [
        [STORY, undefined, Rsv.RSV1],
        [STORY, false, 0],
        [small, undefined, 0],
        [small, true, Rsv.RSV1],
        [STORY, undefined, Rsv.RSV1],
      ] as const
    ) {
      await socket.send(data, compress === undefined ? {} : { compress });
      const sent = await peer.readFrame();
      assertEquals(sent.rsv, rsv);
      if (rsv === 0) assertEquals(sent.payload, utf8(data));
      else assertEquals(textOf(openCodec("server").decode([sent])), data);
    }
    await closeBoth(ends);
  });

  Deno.test(`pings between compressed fragments are answered, and the message arrives (aiohttp #12988) (${role})`, async () => {
    const ends = await end(role, `${D}; ${NO_TAKEOVER}`, { perMessageDeflate: true });
    const bytes = deflated(utf8(STORY));
    const [first, second] = compressed([bytes.subarray(0, 50), bytes.subarray(50)]);
    await ends.peer.send(first!, ping("between"));
    assertEquals((await ends.peer.readFrame()).opcode, Opcode.PONG);
    await ends.peer.send(second!);
    assertEquals((await ends.socket[Symbol.asyncIterator]().next()).value, STORY);
    await closeBoth(ends);
  });

  Deno.test(`10 000 idle connections with compression create no context: no handle, and no extra bytes (${role})`, () => {
    let made = 0;
    using _ = changeHandles({
      init(...args) {
        made++;
        REAL_HANDLE.init.apply(this, args);
      },
    });
    for (
      const [options, header, bytes] of [[{}, NO_TAKEOVER, 0], [
        { ...TAKEOVER, contextBudget: Infinity },
        "",
        KEPT,
      ]] as const
    ) {
      const extension = permessageDeflate({ threshold: 0, ...options });
      const before = Deno.memoryUsage().rss;
      const codecs = Array.from({ length: 10_000 }, () => {
        const processor = role === "server" ? extension.accept(params(header))! : extension.confirm(params(header));
        return processor.open(contextOf(role));
      });
      const grown = Deno.memoryUsage().rss - before;
      assertEquals(made, 0);
      // With takeover memory is set aside in the count, before it is taken.
      assertEquals(extension.contextBytes, 10_000 * bytes);
      // Contexts would be 3 GB.
      assertLess(grown, 64 * MiB);
      for (const codec of codecs) codec.release?.();
      assertEquals(extension.contextBytes, 0);
    }
    // That they are counted at all.
    openCodec(role).encode(text(STORY));
    assertEquals(made, 1);
  });

  for (
    const [what, { max, ratio, limit, beyond }] of Object.entries({
      "the limit's memory and 2 MB at most": { max: MiB, ratio: 256, limit: "maxMessageBytes", beyond: 2_000_000 },
      // maxRatio is judged by what has come, so 16 MiB are never reached.
      "far less than the default limit of 16 MiB": {
        max: 16 * MiB,
        ratio: 256,
        limit: "maxRatio",
        beyond: -10_000_000,
      },
      // Here the message is being assembled, in a buffer that doubles: while it is copied, half the limit is held twice. And it is
      // inflated in pieces, which wait for the garbage collector.
      "with maxRatio lifted twice as much more, and 2 MB": {
        max: 16 * MiB,
        ratio: Infinity,
        limit: "maxMessageBytes",
        beyond: 32 * MiB + 2_000_000,
      },
    })
  ) {
    Deno.test({
      ...unless(
        Deno.build.os === "linux" ? undefined : "only Linux tells in /proc the most memory that was ever used",
        `D1: a bomb of 65 KB that would be 64 MiB ends in 1009 and takes ${what} (${role})`,
      ),
      async fn() {
        const bomb = new URL("./_bomb.ts", import.meta.url).pathname;
        // What the runtime does meanwhile is counted too, 3 MB at times, and only ever adds: the least of three processes counts.
        let least = Infinity;
        for (let run = 0; run < 3 && least >= beyond; run++) {
          const { code, stdout, stderr } = await denoOutput(
            ...["run", "-A", "--no-prompt", "--v8-flags=--expose-gc", bomb, role, String(max), String(ratio)],
          );
          assertEquals(code, 0, stderr);
          const result = JSON.parse(stdout);
          // deno-lint-ignore no-console -- the number is what one wants to know
          console.log(`${role}, ${max} bytes at most: ${stdout.trim()}`);
          assertEquals([result.closeCode, result.limit], [1009, limit]);
          assert(result.bomb > 64_000 && result.bomb < 70_000, `the bomb has ${result.bomb} bytes`);
          least = Math.min(least, result.beyond);
        }
        assertLess(least, beyond);
      },
    });
  }
}

Deno.test("A7: connections whose server resets its context, with the same window and settings, encode alike", () => {
  const encoding = (options: PerMessageDeflateOptions, offer: string) =>
    acceptExtensions(parseExtensions([`${D}${offer}`]), [permessageDeflate(options)])[0]!.encoding;
  const plain = encoding({}, "");
  assert(plain !== undefined);
  assertEquals(encoding({ clientContextTakeover: true }, "; server_no_context_takeover"), plain);
  assertEquals(encoding({}, "; server_max_window_bits=15"), plain);
  const others = [{ threshold: 0 }, { level: 9 }, { memLevel: 1 }, { serverMaxWindowBits: 9 }];
  const all = [plain, ...others.map((options) => encoding(options, "")), encoding({}, "; server_max_window_bits=10")];
  assertEquals(new Set(all).size, 6);
  assertEquals(encoding({ serverContextTakeover: true }, ""), undefined);
  assertEquals(encoding({ serverContextTakeover: true }, "; server_no_context_takeover"), plain);
});
