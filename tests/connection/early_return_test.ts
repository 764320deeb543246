import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { untilReturned as UntilReturned } from "../../lib/connection/early_return.ts";
import { runHandler } from "../../lib/connection/readers/callbacks.ts";
import { printed } from "../_support/printed.ts";
import { until } from "../_support/wait.ts";
import { closed, open } from "./_support.ts";

let loads = 0;

/** What is printed while `work` runs with the module as a process has it that has warned of nothing. */
function warnings(work: (untilReturned: typeof UntilReturned) => Promise<void>): Promise<string[]> {
  return printed(async () => {
    const path = "../../lib/connection/early_return.ts";
    const { untilReturned } = await import(`${path}?load=${++loads}`);
    await work(untilReturned);
  }).then((all) => all.map(String));
}

const OPEN = { readyState: 1, reader: undefined };

Deno.test("a function that returns at once without reading causes one warning, with advice", async () => {
  const printed = await warnings(async (untilReturned) => {
    await untilReturned(OPEN, 42);
    await untilReturned(OPEN, undefined);
  });
  assertEquals(printed.length, 1);
  for (const part of ["closed with 1000", "for await", "{ message(socket, data)", "socket.close()"]) {
    assertStringIncludes(printed[0]!, part);
  }
});

Deno.test("an async function that awaits nothing causes the warning too", async () => {
  const printed = await warnings(async (untilReturned) => void await untilReturned(OPEN, (async () => {})()));
  assertEquals(printed.length, 1);
});

Deno.test("a function that reads, closes, or awaits anything causes no warning", async () => {
  const printed = await warnings(async (untilReturned) => {
    await untilReturned({ readyState: 1, reader: "iterator" }, undefined);
    await untilReturned({ readyState: 2, reader: undefined }, undefined);
    await untilReturned(OPEN, (async () => void await undefined)());
    await untilReturned(OPEN, { then: (done: () => void) => setTimeout(done, 0) });
  });
  assertEquals(printed, []);
});

Deno.test("an error of the function is passed on, and does not count as a return", async () => {
  const printed = await warnings(async (untilReturned) => {
    await assertRejects(async () => await untilReturned(OPEN, Promise.reject(new Error("a bug"))), Error, "a bug");
  });
  assertEquals(printed, []);
});

Deno.test("a connection knows which way it is read", async () => {
  const readers = {
    iterator: "iterator",
    readable: "iterator",
    batches: "batches",
    messages: "messages",
    callbacks: "callbacks",
  } as const;
  for (const way of ["iterator", "readable", "batches", "messages", "callbacks"] as const) {
    const { connection } = open();
    assertEquals(connection.reader, undefined);
    if (way === "iterator") void connection[Symbol.asyncIterator]().next().catch(() => {});
    if (way === "readable") void connection.readable.getReader().read().catch(() => {});
    if (way === "batches") void connection.batches.getReader().read().catch(() => {});
    if (way === "messages") connection.messages();
    if (way === "callbacks") void runHandler(connection, {}, () => {});
    if (way === "readable" || way === "batches") {
      await until(() => connection.reader !== undefined, "The stream's first question");
    }
    assertEquals([way, connection.reader], [way, readers[way]]);
    connection.abort();
    await closed(connection);
  }
});
