import { assert, assertEquals } from "@std/assert";
import { Tap } from "../../../lib/connection/watch/tap.ts";
import type { TapOptions } from "../../../lib/connection/socket_options.ts";
import { FakeTime } from "../../_support/fake_time.ts";
import { assertReads } from "../../_support/feed.ts";
import { counting } from "../../_support/bytes.ts";
import { wire } from "../../_support/frames.ts";
import { seeded } from "../../_support/random.ts";
import { binary, close, ping, text } from "../../_support/raw_peer.ts";
import { settle } from "../../_support/wait.ts";
import { closed, open } from "../_support.ts";

const FACTS = {
  role: "server",
  url: "ws://127.0.0.1/chat?token=secret",
  protocol: "",
  extensions: "",
  standard: true,
  limits: { maxMessageBytes: 100, maxFragments: Infinity, maxEmptyFragments: 2 },
} as const;
const END = { closeCode: 1000, reason: "", wasClean: true } as const;

/** What a tap records of bytes that come in, without the times and the first line. */
async function recorded(chunks: Uint8Array[], options: TapOptions = {}): Promise<Record<string, unknown>[]> {
  const tap = new Tap(FACTS, options, () => {});
  for (const chunk of chunks) tap.record("in", chunk);
  tap.end(END);
  const lines = (await Array.fromAsync(tap.lines)).map((line) => JSON.parse(line));
  return lines.slice(1, -1).map(({ ms, ...line }) => {
    assert(ms >= 0);
    return line;
  });
}

Deno.test("a recording begins with the facts, without the query, and ends with how the connection ended", async () => {
  using time = new FakeTime();
  const tap = new Tap(FACTS, {}, () => {});
  await time.advance(12.3456);
  tap.end({ ...END, wasClean: false, error: new RangeError("mine") });
  const [first, last, ...more] = (await Array.fromAsync(tap.lines)).map((line) => JSON.parse(line));
  assert(Date.parse(first.time) > 0);
  assertEquals({ ...first, time: "" }, {
    tap: 1,
    time: "",
    role: "server",
    url: "ws://127.0.0.1/chat",
    protocol: "",
    extensions: "",
    standard: true,
    limits: { maxMessageBytes: 100, maxFragments: null, maxEmptyFragments: 2 },
  });
  assertEquals(last, { ms: 12.346, closed: { ...END, wasClean: false }, error: "RangeError: mine" });
  assertEquals(more, []);
});

Deno.test("whatever value a connection was aborted with, its recording ends", async () => {
  for (const [error, told] of [[Object.create(null), "object"], ["enough", "enough"], [null, "object"]] as const) {
    const tap = new Tap(FACTS, {}, () => {});
    tap.end({ ...END, wasClean: false, error });
    assertEquals(JSON.parse((await Array.fromAsync(tap.lines)).at(-1) ?? "").error, told);
  }
});

Deno.test("a read is one line with its bytes, and one line for each frame in it", async () => {
  const bytes = Uint8Array.of(0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58, 0x89, 0x00);
  assertEquals(await recorded([bytes]), [
    { way: "in", bytes: bytes.toBase64() },
    { way: "in", opcode: 1, fin: true, rsv: 0, masked: true, length: 5, text: "Hello" },
    { way: "in", opcode: 9, fin: true, rsv: 0, length: 0, text: "" },
  ]);
});

Deno.test("the lines of frames are the same however the reads were cut: text, bytes, close codes, fragments", async () => {
  const frames = [
    text("häh"),
    { ...text("e"), fin: false },
    ping("?"),
    { ...text("nd"), opcode: 0 },
    binary(Uint8Array.of(1, 2)),
    { ...text("x"), rsv: 4 },
    { ...binary(Uint8Array.of(3)), fin: false },
    { ...binary(Uint8Array.of(4)), opcode: 0 },
    close(4000, "bye"),
    close(),
  ];
  const line = (opcode: number, rest: object, { fin = true, rsv = 0 } = {}) => ({
    way: "in",
    opcode,
    fin,
    rsv,
    masked: true,
    ...rest,
  });
  const all: Promise<void>[] = [];
  assertReads(wire(frames, "client", seeded()), (chunks) => {
    all.push((async () => {
      assertEquals(await recorded(chunks, { wire: false }), [
        line(1, { length: 4, text: "häh" }),
        line(1, { length: 1, text: "e" }, { fin: false }),
        line(9, { length: 1, base64: "Pw==" }),
        line(0, { length: 2, text: "nd" }),
        line(2, { length: 2, base64: "AQI=" }),
        line(1, { length: 1, base64: "eA==" }, { rsv: 4 }),
        line(2, { length: 1, base64: "Aw==" }, { fin: false }),
        line(0, { length: 1, base64: "BA==" }),
        line(8, { length: 5, closeCode: 4000, text: "bye" }),
        line(8, { length: 0, text: "" }),
      ]);
    })());
  }, undefined);
  await Promise.all(all);
});

Deno.test("a long payload shows its beginning and never half a character; an unfinished frame shows what is missing", async () => {
  const long = wire([text("ab€€€"), binary(counting(300))], "server", seeded());
  assertEquals(await recorded([long.subarray(0, 6), long.subarray(6, 200)], { wire: false, maxPayloadBytes: 6 }), [
    { way: "in", opcode: 1, fin: true, rsv: 0, length: 11, text: "ab€", cut: true },
    { way: "in", opcode: 2, fin: true, rsv: 0, length: 300, base64: "AAECAwQF", cut: true, missing: 117 },
  ]);
  assertEquals(await recorded([long.subarray(0, 13)], { wire: false, maxPayloadBytes: 0 }), [
    { way: "in", opcode: 1, fin: true, rsv: 0, length: 11, cut: true },
  ]);
});

Deno.test("text that is not UTF-8 is shown as bytes", async () => {
  const [line] = await recorded([Uint8Array.of(0x81, 2, 0xc3, 0x28)], { wire: false });
  assertEquals(line, { way: "in", opcode: 1, fin: true, rsv: 0, length: 2, base64: "wyg=" });
});

Deno.test("lines that do not fit the queue are counted where they are missing, and the end is always recorded", async () => {
  const tap = new Tap(FACTS, { highWaterMark: 300, wire: false }, () => {});
  const hello = Uint8Array.of(0x81, 5, 0x48, 0x65, 0x6c, 0x6c, 0x6f);
  for (let i = 0; i < 10; i++) tap.record("out", hello);
  const reader = tap.lines.getReader();
  const lines: string[] = [];
  for (let i = 0; i < 3; i++) lines.push((await reader.read()).value ?? "");
  tap.record("out", hello);
  for (let i = 0; i < 10; i++) tap.record("out", hello);
  tap.end(END);
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) lines.push(value ?? "");
  const shape = lines.map((line) => {
    const { tap, lost, closed, text } = JSON.parse(line);
    return tap ?? lost ?? text ?? (closed === undefined ? line : "closed");
  });
  const kept = shape.filter((what) => what === "Hello").length;
  const lost = shape.filter((what) => typeof what === "number").slice(1);
  assertEquals(shape[0], 1);
  assertEquals(lost.length, 2, JSON.stringify(shape));
  assertEquals(kept + lost.reduce((sum, count) => sum + count), 21);
  assertEquals(shape.at(-1), "closed");
});

Deno.test("a connection's tap begins in the middle of a message in and a frame out, whatever was pending", async () => {
  const { connection, peer } = open({ capacity: 1024 });
  const reading = Array.fromAsync(connection).catch(() => {});
  const [start, rest] = [wire([binary(counting(50))], "client", seeded()), wire([text("later")], "client", seeded())];
  await peer.send(start.subarray(0, 20));
  void connection.send(counting(3000)); // a part of it is on its way when the tap begins
  await settle();
  const recording = Array.fromAsync(connection.tap({ wire: false }));
  await peer.send(start.subarray(20));
  await settle();
  void connection.send("queued later");
  await peer.expect(binary(counting(3000)), text("queued later"));
  await peer.send(rest);
  await settle();
  connection.abort();
  await closed(connection);
  await reading;
  const lines = (await recording).map((line) => JSON.parse(line));
  assertEquals(lines.slice(1, -1).map(({ way, opcode, text }) => [way, opcode, text]), [
    ["out", 1, "queued later"],
    ["in", 1, "later"],
  ]);
});
