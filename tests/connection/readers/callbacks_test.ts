import { assert, assertEquals, assertInstanceOf, assertLessOrEqual, assertStrictEquals } from "@std/assert";
import { ConnectionError, ProtocolError } from "../../../lib/errors.ts";
import {
  runHandler,
  type WebSocketCallbacks,
  type WebSocketHandler,
} from "../../../lib/connection/readers/callbacks.ts";
import { counting } from "../../_support/bytes.ts";
import { binary, close, type RawPeer, text } from "../../_support/raw_peer.ts";
import { settle, soon, turn, until } from "../../_support/wait.ts";
import { closed, open, type Opened, type OpenOptions } from "../_support.ts";
import { overlook, RETURNED_AT_ONCE } from "../../_support/printed.ts";

overlook(RETURNED_AT_ONCE);

interface Run extends Opened {
  /** What was reported. */
  reports: unknown[];
  /** Resolves when the handler is done. */
  done: Promise<void>;
}

function run(handler: WebSocketHandler, options?: OpenOptions): Run {
  const opened = open(options);
  const reports: unknown[] = [];
  return {
    ...opened,
    reports,
    done: soon(runHandler(opened.connection, handler, (error) => void reports.push(error)), "The handler's end"),
  };
}

/** Ends a connection from the peer's side, whatever is said on it. */
async function leave(peer: RawPeer): Promise<void> {
  await peer.send(close(1000));
  await peer.closeWrite();
  await settle(); // a handler that sends for ever hears of it before there is room again
  await peer.readToEnd();
}

/** Callbacks that note their calls. */
function noting(more: WebSocketCallbacks = {}): { calls: string[]; handler: WebSocketCallbacks } {
  const calls: string[] = [];
  const handler: WebSocketCallbacks = {
    open(socket) {
      calls.push("open");
      return more.open?.(socket);
    },
    message(socket, data) {
      calls.push(`message ${data}`);
      return more.message?.(socket, data);
    },
    drain(socket) {
      calls.push("drain");
      more.drain?.(socket);
    },
    close(socket, info) {
      calls.push(`close ${info.closeCode} ${info.wasClean}`);
      return more.close?.(socket, info);
    },
    error(socket, error) {
      calls.push(`error ${error instanceof Error ? error.message : error}`);
      more.error?.(socket, error);
    },
  };
  return { calls, handler };
}

Deno.test("A2: a function that returns closes with 1000", async () => {
  const { peer, done, reports } = run(() => {});
  await peer.expect(close(1000));
  await leave(peer);
  await done;
  assertEquals(reports, []);
});

Deno.test("a function that returns after it closed the connection closes nothing else", async () => {
  const { peer, done } = run((socket) => void socket.close(4001));
  await peer.expect(close(4001));
  await leave(peer);
  await done;
});

const FAILURE = new Error("a mistake");
const THROWERS: Record<string, WebSocketHandler> = {
  "a function": () => {
    throw FAILURE;
  },
  "an asynchronous function": () => Promise.reject(FAILURE),
  "open": {
    open() {
      throw FAILURE;
    },
  },
  "an asynchronous open": { open: () => Promise.reject(FAILURE) },
  "message": {
    message() {
      throw FAILURE;
    },
  },
  "an asynchronous message": { message: () => Promise.reject(FAILURE) },
};
for (const [what, handler] of Object.entries(THROWERS)) {
  Deno.test(`A1: ${what} that throws closes with 1011, is reported once, and reveals nothing to the peer`, async () => {
    const { connection, peer, done, reports } = run(handler);
    await peer.send(text("hello"));
    await peer.expect(close(1011));
    await leave(peer);
    await done;
    assertEquals(reports, [FAILURE]);
    assertStrictEquals((await closed(connection)).error, FAILURE);
  });
}

for (const thrown of [undefined, null]) {
  const fail = () => {
    throw thrown;
  };
  const handlers: Record<string, WebSocketHandler> = { "A function": fail, "A callback": { message: fail } };
  for (const [what, handler] of Object.entries(handlers)) {
    Deno.test(`A1: ${what.toLowerCase()} that throws ${thrown} is a failure as well: reported, 1011, and an unclean end`, async () => {
      const { connection, peer, done, reports } = run(handler);
      await peer.send(text("hello"));
      await peer.expect(close(1011));
      await leave(peer);
      await done;
      assertEquals(reports, [thrown]);
      const { wasClean, error } = await closed(connection);
      assertEquals(wasClean, false);
      assertInstanceOf(error, Error);
    });
  }
}

Deno.test("a callback of the end that throws undefined is reported", async () => {
  const nothing: unknown = undefined;
  const { peer, done, reports } = run({
    close() {
      throw nothing;
    },
  });
  await leave(peer);
  await done;
  assertEquals(reports, [undefined]);
});

Deno.test("A1: drain that throws closes with 1011 and is reported", async () => {
  const { connection, peer, done, reports } = run({
    drain() {
      throw FAILURE;
    },
  }, { highWaterMark: 100, capacity: 10 });
  void connection.send(counting(200));
  await peer.expect(binary(counting(200)), close(1011));
  await leave(peer);
  await done;
  assertEquals(reports, [FAILURE]);
});

Deno.test("A1: close and error callbacks that throw are reported, and change nothing else", async () => {
  const { far, done, reports } = run({
    error() {
      throw FAILURE;
    },
    close: () => Promise.reject(FAILURE),
  });
  far.reset();
  await done;
  assertEquals(reports, [FAILURE, FAILURE]);
});

const RETHROWERS: Record<string, WebSocketHandler> = {
  "for await": async (socket) => {
    for await (const _ of socket);
  },
  "readable": (socket) => socket.readable.pipeTo(new WritableStream()),
  "a ping": async (socket) => void await socket.ping(),
  "a send that waits": async (socket) => {
    // A turn each: memory is so fast that no timer would ever run.
    for (;; await turn()) await socket.send(counting(200));
  },
  "writable": async (socket) => {
    const writer = socket.writable.getWriter();
    for (;; await turn()) await writer.write(counting(200));
  },
  "a send in a callback": {
    async message(socket) {
      await socket.closed;
      await socket.send("too late");
    },
  },
};
for (const [what, handler] of Object.entries(RETHROWERS)) {
  Deno.test(`the end of the connection itself, thrown through ${what}, is not reported`, async () => {
    for (const end of ["reset", "close"] as const) {
      const { peer, far, done, reports } = run(handler, { highWaterMark: 200, capacity: 300 });
      await peer.send(text("hello"));
      await settle();
      if (end === "reset") far.reset();
      else await leave(peer);
      await done;
      assertEquals(reports, []);
    }
  });
}

Deno.test("an error after the connection's end is still reported", async () => {
  const { peer, done, reports } = run(async (socket) => {
    await socket.closed;
    throw FAILURE;
  });
  await leave(peer);
  await done;
  assertEquals(reports, [FAILURE]);
});

Deno.test("callbacks: open, every message in order, and close once, at the end", async () => {
  const { calls, handler } = noting();
  const { peer, done } = run(handler);
  await peer.send(text("a"), text("b"));
  await peer.send(text("c"), close(4001));
  await peer.closeWrite();
  await done;
  assertEquals(calls, ["open", "message a", "message b", "message c", "close 4001 true"]);
});

Deno.test("callbacks: error comes before close if the end is not clean", async () => {
  const { calls, handler } = noting();
  const { peer, far, done } = run(handler);
  await peer.send(text("a"));
  await until(() => calls.length === 2, "The message");
  far.reset();
  await done;
  assertEquals(calls, ["open", "message a", "error The connection was lost", "close 1006 false"]);
});

Deno.test("every callback is optional", async () => {
  const { peer, done, reports } = run({});
  await peer.send(text("a"));
  await leave(peer);
  await done;
  assertEquals(reports, []);
});

Deno.test("an asynchronous open is awaited before the first message", async () => {
  const gate = Promise.withResolvers<void>();
  const { calls, handler } = noting({ open: () => gate.promise });
  const { peer, done } = run(handler);
  await peer.send(text("a"));
  await settle();
  assertEquals(calls, ["open"]);
  gate.resolve();
  await leave(peer);
  await done;
  assertEquals(calls, ["open", "message a", "close 1000 true"]);
});

Deno.test("an asynchronous message handler is awaited before the next message, and all of them before close", async () => {
  const events: string[] = [];
  const { calls, handler } = noting({
    async message(_, data) {
      await settle();
      events.push(`handled ${data}`);
    },
  });
  const { connection, peer, done } = run(handler);
  await peer.send(text("a"), text("b"), text("c"));
  await peer.send(text("d"), close(1000));
  await peer.closeWrite();
  await closed(connection);
  assertEquals(events.length, 4, "the answer to the close frame waits for the answers to the messages before it");
  await done;
  assertEquals(calls, ["open", "message a", "message b", "message c", "message d", "close 1000 true"]);
  assertEquals(events, ["handled a", "handled b", "handled c", "handled d"]);
});

Deno.test("an asynchronous message handler has constant cost per message of a large read: the rest is not copied at each wait", async () => {
  const count = 5_000;
  let handled = 0;
  const { connection, peer, done } = run({ message: () => Promise.resolve(void handled++) }, { capacity: 64 * 1024 });
  const { slice } = Array.prototype;
  let copied = 0;
  Array.prototype.slice = function (this: unknown[], ...range: [number?, number?]) {
    const part = slice.apply(this, range);
    copied += part.length;
    return part;
  };
  try {
    await peer.send(...Array.from({ length: count }, () => text("")), close(1000));
    await peer.closeWrite();
    await closed(connection);
    await done;
  } finally {
    Array.prototype.slice = slice;
  }
  assertEquals(handled, count);
  assertLessOrEqual(copied, 2 * count);
});

Deno.test("a message callback in JavaScript may return a value that is not a promise: every message still arrives", async () => {
  const seen: unknown[] = [];
  const callbacks: Record<string, (socket: unknown, data: unknown) => unknown> = {
    message: (_, data) => seen.push(data),
  };
  const { connection, peer, done } = run(callbacks);
  await peer.send(text("a"), text("b"), text("c"), close(1000));
  await peer.closeWrite();
  await closed(connection);
  await done;
  assertEquals(seen, ["a", "b", "c"]);
});

Deno.test("messages that arrived before a reset are handled, as in the other ways of reading", async () => {
  const gate = Promise.withResolvers<void>();
  const { calls, handler } = noting({ message: () => gate.promise });
  const { peer, far, done } = run(handler);
  await peer.send(text("a"), text("b"));
  await until(() => calls.length === 2, "The first message");
  far.reset();
  await settle();
  gate.resolve();
  await done;
  assertEquals(calls, ["open", "message a", "message b", "error The connection was lost", "close 1006 false"]);
});

for (const busy of [false, true]) {
  Deno.test(`after abort in ${busy ? "an asynchronous" : "a"} message handler no more messages are handled, and close comes once`, async () => {
    const reason = new Error("enough");
    const { calls, handler } = noting({
      message(socket) {
        socket.abort(reason);
        return busy ? settle() : undefined;
      },
    });
    const { peer, done } = run(handler);
    await peer.send(text("a"), text("b"));
    await done;
    await settle();
    assertEquals(calls, ["open", "message a", "error enough", "close 1006 false"]);
  });
}

Deno.test("A3: a slow message handler stops the peer, and not the pongs", async () => {
  const gate = Promise.withResolvers<void>();
  let handled = 0;
  const { peer, done } = run({
    message() {
      handled++;
      return gate.promise;
    },
  }, { highWaterMark: 1_000, capacity: 1_000 });
  let sent = 0;
  const flood = (async () => {
    for (; sent < 100; sent++) await peer.send(text("x".repeat(100)));
  })();
  await settle();
  await settle();
  assert(sent < 60, `${sent} messages of 106 bytes were taken in`);
  assertEquals(handled, 1);
  gate.resolve();
  await soon(flood, "The flood");
  await leave(peer);
  await done;
  assertEquals(handled, 100);
});

Deno.test("unread replies stop the peer's requests, even if the handler does not wait", async () => {
  let handled = 0;
  const { peer, done } = run({
    message(socket, data) {
      handled++;
      void socket.send(data);
    },
  }, { highWaterMark: 1_000, capacity: 1_000, maxQueuedBytes: 20_000 });
  const send = async () => {
    for (let i = 0; i < 200; i++) await peer.send(text("x".repeat(100)));
  };
  const sending = send();
  await settle();
  assert(handled < 60, `${handled} requests of 106 bytes were taken in`);
  for (let i = 0; i < 200; i++) await peer.expect(text("x".repeat(100)));
  await soon(sending, "The requests");
  await leave(peer);
  await done;
});

Deno.test("callbacks' replies to one packet leave in one write", async () => {
  const { peer, conn, connection, done } = run({ message: (socket, data) => void socket.send(data) });
  const frames = Array.from({ length: 50 }, (_, i) => text(`${i}`));
  await peer.send(...frames);
  await peer.expect(...frames);
  assertEquals(conn.writes.length, 1);
  connection.abort();
  await done;
});

Deno.test("drain is called when less than highWaterMark is queued again", async () => {
  const { calls, handler } = noting();
  const { connection, peer, done } = run(handler, { highWaterMark: 100, capacity: 10 });
  void connection.send("x".repeat(50));
  await peer.expect(text("x".repeat(50)));
  assertEquals(calls, ["open"], "the queue was never full");
  void connection.send(counting(200));
  await peer.expect(binary(counting(200)));
  await until(() => calls.length === 2, "The drain");
  await leave(peer);
  await done;
  assertEquals(calls, ["open", "drain", "close 1000 true"]);
});

Deno.test("a connection with callbacks cannot be read in another way: a second reader gets an error", async () => {
  const { peer, done, reports } = run({
    async open(socket) {
      for await (const _ of socket);
    },
  });
  await peer.expect(close(1011));
  await leave(peer);
  await done;
  assertEquals(reports.length, 1);
  assertInstanceOf(reports[0], TypeError);
  assertEquals(reports[0].message, "Cannot read through iterator: the connection is read through its callbacks");
});

Deno.test("a handler that fails a connection that is already lost does no harm", async () => {
  const { connection, far, done, reports } = run(async (socket) => {
    await socket.closed;
    throw FAILURE;
  });
  far.reset();
  await done;
  assertEquals(reports, [FAILURE]);
  assertInstanceOf((await closed(connection)).error, ConnectionError);
});

Deno.test("callbacks may return any value, and none of them ends the connection", async () => {
  const set = new Set<unknown>();
  const { connection, peer, done, reports } = run({
    open: (socket) => set.add(socket),
    message: (_, data) => data,
    drain: (socket) => set.delete(socket),
    error: (socket) => set.delete(socket),
    close: () => ({ then: "not a function" }),
  }, { highWaterMark: 100, capacity: 50 });
  await peer.send(text("hello"));
  const sending = connection.send(counting(200));
  await peer.expect(binary(counting(200)));
  await soon(sending, "Room");
  await until(() => !set.has(connection), "The drain");
  assertEquals(connection.readyState, 1);
  connection.abort();
  await done;
  assertEquals(reports, []);
});

/** A promise of another library. */
const thenable = (settle: () => Promise<unknown>) => ({
  then: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => void settle().then(resolve, reject),
});

Deno.test("thenables are awaited: before the next message, and error before close", async () => {
  const seen: string[] = [];
  const slow = (what: string) =>
    thenable(async () => {
      await turn();
      seen.push(what);
    });
  const { connection, peer, done } = run({
    open: () => slow("opened"),
    message: (_, data) => (seen.push(`message ${data}`), slow(`did ${data}`)),
    error: () => slow("error"),
    close: () => slow("close"),
  });
  await peer.send(text("a"), text("b"));
  await until(() => seen.length === 5, "The messages");
  connection.abort();
  await done;
  assertEquals(seen, ["opened", "message a", "did a", "message b", "did b", "error", "close"]);
});

for (const name of ["open", "message", "drain", "error", "close"] as const) {
  Deno.test(`a thenable of ${name} that rejects is reported`, async () => {
    const { connection, peer, done, reports } = run({ [name]: () => thenable(() => Promise.reject(FAILURE)) }, {
      highWaterMark: 100,
      capacity: 50,
    });
    await peer.send(text("hello"));
    if (name === "drain") {
      void connection.send(counting(200));
      await peer.expect(binary(counting(200)));
    }
    if (name === "error" || name === "close") connection.abort();
    else await peer.expect(close(1011));
    if (name !== "error" && name !== "close") await leave(peer);
    await done;
    assertEquals(reports, [FAILURE]);
  });
}

Deno.test("a callback that awaits a closed connection is reported, and its own connection goes on", async () => {
  const other = open().connection;
  const failed = open();
  other.abort();
  failed.connection.abort(new ConnectionError("lost"));
  const lost = failed.connection[Symbol.asyncIterator]().next().then(() => {}, (error) => error);
  const { connection, peer, done, reports } = run({
    async message(socket, data) {
      if (data === "a") await other.send("x");
      if (data === "b") throw await lost;
      await socket.send(data);
    },
  });
  await peer.send(text("a"), text("b"), text("c"));
  await peer.expect(text("c"));
  assertEquals([connection.readyState, reports.length], [1, 2]);
  assertEquals(reports.map(String), [
    "InvalidStateError: Cannot send: the connection is closed",
    "ConnectionError: lost",
  ]);
  await leave(peer);
  await done;
});

Deno.test("a function that fails with another connection's end closes with 1011, not with the code of that end", async () => {
  const failed = open();
  failed.connection.fail(new ProtocolError("Frame is not masked", "RFC 6455 §5.1"));
  failed.far.reset();
  const { error } = await closed(failed.connection);
  const { peer, done, reports } = run(async () => {
    for await (const _ of failed.connection);
  });
  await peer.expect(close(1011));
  await leave(peer);
  await done;
  assertEquals(reports, [error]);
});

Deno.test("a function that awaits its own connection when it ends is not at fault", async () => {
  for (const act of ["send", "ping"] as const) {
    const { connection, done, reports } = run(async (socket) => {
      await socket.closed;
      await socket[act]("late");
    });
    connection.abort();
    await done;
    assertEquals(reports, []);
  }
});
