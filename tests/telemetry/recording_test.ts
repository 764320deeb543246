import { assertEquals, assertThrows } from "@std/assert";
import { readLine } from "../../lib/telemetry/recording.ts";

const START = {
  tap: 1,
  role: "server",
  extensions: "",
  standard: true,
  limits: { maxMessageBytes: 9, maxFragments: null },
};

Deno.test("the lines of a recording are parsed: facts, bytes, frames, gaps, the end", () => {
  assertEquals(readLine(JSON.stringify(START), 1), {
    facts: {
      role: "server",
      extensions: "",
      limits: { maxMessageBytes: 9, maxFragments: Infinity, maxEmptyFragments: Infinity },
    },
  });
  assertEquals(readLine('{"ms":1,"way":"in","bytes":"AQI="}\n', 2), { ms: 1, way: "in", bytes: Uint8Array.of(1, 2) });
  assertEquals(readLine('{"ms":1,"way":"out","opcode":1}', 3), { ms: 1, way: "out", bytes: undefined });
  assertEquals(readLine('{"ms":2,"lost":7}', 4), { ms: 2, lost: 7 });
  assertEquals(readLine('{"ms":3,"closed":{"closeCode":1000}}', 5), { ms: 3, closed: true });
});

Deno.test("an invalid line of a recording is refused with its number", () => {
  for (
    const text of [
      "",
      "{",
      "[]",
      "null",
      "7",
      '{"way":"in","bytes":""}',
      '{"ms":"1","way":"in"}',
      '{"ms":1,"way":"up"}',
      '{"ms":1,"way":"in","bytes":"?"}',
      '{"ms":1,"way":"in","bytes":7}',
      JSON.stringify({ ...START, role: "proxy" }),
      JSON.stringify({ ...START, extensions: 1 }),
      JSON.stringify({ ...START, limits: [] }),
      JSON.stringify({ ...START, tap: 2 }),
    ]
  ) assertThrows(() => readLine(text, 12), TypeError, "Line 12 is ", text);
  assertThrows(() => readLine(JSON.stringify({ ...START, standard: false }), 1), TypeError, "of a draft");
});
