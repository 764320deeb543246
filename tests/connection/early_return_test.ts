import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { untilReturned as UntilReturned } from "../../lib/connection/early_return.ts";
import { runHandler } from "../../lib/connection/readers/callbacks.ts";
import { printed } from "../_support/printed.ts";
import { settle } from "../_support/wait.ts";
import { closed, open } from "./_support.ts";

let loads = 0;

/** What is printed while `work` runs with the module as a process has it that has warned of nothing. */
function warnings(work: (untilReturned: typeof UntilReturned) => Promise<void>): Promise<string[]> {
  return printed(async () => {
    const path = "../../../lib/connection/early_return.ts";
    const { untilReturned } = await import(`${path}?load=${++loads}`);
    await work(untilReturned);
  }).then((all) => all.map(String));
}

const OPEN = { readyState: 1, read: false };

Deno.test("a function that returns at once without reading is warned of, once, with what to do", async () => {
  const printed = await warnings(async (untilReturned) => {
    await untilReturned(OPEN, 42);
    await untilReturned(OPEN, undefined);
  });
  assertEquals(printed.length, 1);
  for (const part of ["closed with 1000", "for await", "{ message(socket, data)", "socket.close()"]) {
    assertStringIncludes(printed[0]!, part);
  }
});

Deno.test("so is an asynchronous one that awaits nothing", async () => {
  const printed = await warnings((untilReturned) => untilReturned(OPEN, (async () => {})()));
  assertEquals(printed.length, 1);
});

Deno.test("who reads, closes, or awaits anything knows what it does", async () => {
  const printed = await warnings(async (untilReturned) => {
    await untilReturned({ readyState: 1, read: true }, undefined);
    await untilReturned({ readyState: 2, read: false }, undefined);
    await untilReturned(OPEN, (async () => void await undefined)());
    await untilReturned(OPEN, { then: (done: () => void) => setTimeout(done, 0) });
  });
  assertEquals(printed, []);
});

Deno.test("what the function throws goes on, and is no return", async () => {
  const printed = await warnings(async (untilReturned) => {
    await assertRejects(() => untilReturned(OPEN, Promise.reject(new Error("a bug"))), Error, "a bug");
  });
  assertEquals(printed, []);
});

Deno.test("a connection says whether anything reads it", async () => {
  for (const way of ["iterator", "readable", "messages", "callbacks"] as const) {
    const { connection } = open();
    assertEquals(connection.read, false);
    if (way === "iterator") void connection[Symbol.asyncIterator]().next().catch(() => {});
    if (way === "readable") void connection.readable.getReader().read().catch(() => {});
    if (way === "messages") connection.messages();
    if (way === "callbacks") void runHandler(connection, {}, () => {});
    if (way === "readable") await settle(); // a stream asks its source a little later
    assertEquals([way, connection.read], [way, true]);
    connection.abort();
    await closed(connection);
  }
});
