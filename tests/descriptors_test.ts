import { assertEquals, assertStrictEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { noteNotOpened, omitStack, opened } from "../lib/descriptors.ts";
import { ConnectionError, HandshakeError, invalidState, MessageError, ProtocolError } from "../lib/errors.ts";
import { eventError } from "../lib/ws/event_error.ts";
import { logError } from "../lib/log_error.ts";
import { read } from "./_support/docs.ts";
import { FakeTime } from "./_support/fake_time.ts";
import { unless } from "./_support/needs.ts";

const NO_LIMIT = Deno.build.os === "linux" ? undefined : "it needs ulimit";
const NO_STACK = "(without a stack: the process ran out of file descriptors)";

const fail = (error: Error): never => {
  throw error;
};

const exhausted = () => new Error("Too many open files (os error 24)");

Deno.test("an error keeps its stack while file descriptors are free", () => {
  const error = new Error("something else");
  const { stack } = error;
  noteNotOpened(error);
  omitStack(error);
  assertEquals(error.stack, stack);
});

for (
  const [name, error] of [
    ["Deno's EMFILE", exhausted()],
    ["Deno's ENFILE", new Error("Too many open files in system (os error 23)")],
    ["Node's EMFILE", Object.assign(new Error("accept failed"), { code: "EMFILE" })],
    ["Node's ENFILE", Object.assign(new Error("accept failed"), { code: "ENFILE" })],
  ] as const
) {
  Deno.test(`an error that reports exhausted file descriptors has no stack: ${name}`, () => {
    omitStack(error);
    assertEquals(error.stack, `Error: ${error.message} ${NO_STACK}`);
  });
}

Deno.test("for a minute after a connection failed for lack of a descriptor, logged errors have no stack", () => {
  using time = new FakeTime();
  noteNotOpened(exhausted());
  const soon = new TypeError("soon");
  logError(soon, { onError() {} });
  assertEquals(soon.stack, `TypeError: soon ${NO_STACK}`);
  time.stall(60_001);
  const late = new TypeError("late");
  logError(late, { onError() {} });
  assertStringIncludes(late.stack ?? "", "descriptors_test.ts");
});

for (
  const [name, make] of [
    ["a violation", () => new ProtocolError("Reserved bits", "RFC 6455 §5.2")],
    ["a lost connection", () => new ConnectionError("The connection was lost", { cause: new Error("reset") })],
    ["a refused message", () => new MessageError("Not a number", { closeCode: 1003, cause: new Error("parse") })],
    ["a refused handshake", () => new HandshakeError("Refused", { status: 503, cause: new Error("parse") })],
    ["a call that comes too late", () => invalidState("Cannot send", new Error("reset"))],
    ["an error event of ./ws", () => eventError(new Error("reset"))],
  ] as const
) {
  Deno.test(`an error that an application gets while no file descriptor is free has no stack: ${name}`, () => {
    using time = new FakeTime();
    assertThrows(() => opened(() => fail(exhausted())), Error, "os error 24");
    const error = make();
    assertStringIncludes(error.stack ?? "", NO_STACK);
    if (error.cause instanceof Error) assertStringIncludes(error.cause.stack ?? "", NO_STACK);
    time.stall(60_001);
    assertStringIncludes(make().stack ?? "", "descriptors_test.ts");
  });
}

Deno.test("the causes and the aggregated errors of an error have no stack either", () => {
  const parts = [exhausted(), new Error("one"), new Error("two"), new Error("three")] as const;
  const [cause, one, two, three] = parts;
  const error = new AggregateError([one, new SuppressedError(two, three)], "all", { cause });
  omitStack(error);
  for (const part of [error, ...parts]) assertStringIncludes(part.stack ?? "", NO_STACK);
});

Deno.test("an error whose getters throw does not stop the report", () => {
  const traps = { getPrototypeOf: () => fail(new Error("trap")), get: () => fail(new Error("trap")) };
  const proxy = new Proxy({}, traps);
  omitStack(proxy);
  noteNotOpened(proxy);
  assertStrictEquals(new ConnectionError("The connection was lost", { cause: proxy }).cause, proxy);
  using _time = new FakeTime();
  noteNotOpened(exhausted());
  assertStringIncludes(new ConnectionError("The connection was lost", { cause: proxy }).stack ?? "", NO_STACK);
});

Deno.test("an error that is its own cause, or is frozen, does not stop the report", () => {
  const error = exhausted();
  error.cause = error;
  omitStack(Object.freeze(error));
});

/** Asks an error for its stack when no file descriptor is free. In its first second Deno itself needs some, for its signals. */
const PROGRAM = `
await new Promise((resolve) => setTimeout(resolve, 1_200));
const files = [];
let error;
while (error === undefined) {
  try {
    files.push(Deno.openSync("/dev/null"));
  } catch (reason) {
    error = reason;
  }
}
prepare(error);
const { stack } = error;
for (const file of files) file.close();
Deno.stdout.writeSync(new TextEncoder().encode(stack));
`;

/** Runs the program with few file descriptors. The module is in the same file: another one may hide the fault. */
async function run(prepare: string): Promise<{ success: boolean; printed: string }> {
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(path, `${read("lib/descriptors.ts")}const prepare = ${prepare};${PROGRAM}`);
  const { success, stdout } = await new Deno.Command("bash", {
    args: ["-c", `ulimit -n 60; exec '${Deno.execPath()}' run --quiet --no-check --allow-read '${path}'`],
    env: { DENO_NO_UPDATE_CHECK: "1" },
    stderr: "null",
  }).output();
  await Deno.remove(path);
  return { success, printed: new TextDecoder().decode(stdout) };
}

Deno.test({
  ...unless(
    NO_LIMIT,
    "Deno ends if no file descriptor is free when an error is asked for its stack, unless it was omitted",
  ),
  async fn() {
    const [omitted, kept] = await Promise.all([run("omitStack"), run("() => {}")]);
    assertStringIncludes(omitted.printed, NO_STACK);
    assertEquals(kept, { success: false, printed: "" }, "Deno has changed: lib/descriptors.ts can go");
  },
});
