import { assertEquals, assertMatch } from "@std/assert";
import { connectionNumbers, createLog, errorFields, openLogSink } from "../../lib/standalone/log.ts";
import { logged } from "./_support.ts";

Deno.test("an event is one line of key=value pairs, with its time, level and name first", () => {
  const written: string[] = [];
  createLog({ write: (line) => void written.push(line) }, "info").info("open", { connection: 7, secure: true });
  assertEquals(written.length, 1);
  assertMatch(
    written[0]!,
    /^time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=info event=open connection=7 secure=true\n$/,
  );
});

Deno.test("fields that every line has follow the event", () => {
  const written: string[] = [];
  const log = createLog({ write: (line) => void written.push(line) }, "info", "text", { worker: 1, other: undefined });
  log.info("open", { connection: 7 });
  assertMatch(written[0]!, / event=open worker=1 connection=7\n$/);
});

Deno.test("an unknown field is left out", () => {
  const { log, lines } = logged();
  log.info("open", { origin: undefined, resource: "/echo" });
  assertEquals(lines, ["level=info event=open resource=/echo"]);
});

Deno.test("data from a client stays on its line and cannot imitate another field", () => {
  const { log, lines } = logged();
  log.info("close", { reason: "bye code=1000\nlevel=error", other: "", quote: 'a"b', esc: "\x1b[31m\x9b\u2028" });
  assertEquals(lines, [
    'level=info event=close reason="bye code=1000\\nlevel=error" other="" quote="a\\"b" ' +
    'esc="\\u001b[31m\\u009b\\u2028"',
  ]);
});

Deno.test("a log has the events up to its level", () => {
  for (const [level, expected] of [["error", 1], ["warn", 2], ["info", 3], ["debug", 4]] as const) {
    let count = 0;
    const log = createLog({ write: () => void count++ }, level);
    for (const each of ["error", "warn", "info", "debug"] as const) log[each]("event");
    assertEquals(count, expected, level);
  }
});

Deno.test("an error is logged with its stack", () => {
  const { error, at } = errorFields(new RangeError("too far"));
  assertEquals(error, "RangeError: too far");
  assertMatch(String(at), /log_test\.ts:\d+:\d+/);
  assertEquals(errorFields("thrown text"), { error: "thrown text" });
});

Deno.test("a log file is appended to", async () => {
  const file = await Deno.makeTempFile();
  try {
    for (const line of ["one\n", "two\n"]) {
      using sink = openLogSink(file);
      sink.write(line);
    }
    assertEquals(await Deno.readTextFile(file), "one\ntwo\n");
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("with the format json an event is one object on one line, and numbers are numbers", () => {
  const written: string[] = [];
  const log = createLog({ write: (line) => void written.push(line) }, "info", "json");
  log.info("close", { connection: 7, clean: true, seconds: 0.5, origin: undefined, reason: "a\nb\x9b\u2028" });
  assertEquals(written.length, 1);
  assertMatch(written[0]!, /^\{[^\n\x7f-\x9f\u2028]*\}\n$/);
  const { time, ...facts } = JSON.parse(written[0]!);
  assertMatch(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assertEquals(facts, {
    level: "info",
    event: "close",
    connection: 7,
    clean: true,
    seconds: 0.5,
    reason: "a\nb\x9b\u2028",
  });
});

Deno.test("a connection keeps one number", () => {
  const numberOf = connectionNumbers();
  const [one, two] = [{}, {}];
  assertEquals([numberOf(one), numberOf(two), numberOf(one)], [1, 2, 1]);
});
