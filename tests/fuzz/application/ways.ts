/**
 * Steps that read connections and write to their streams, in every way.
 *
 * @module
 */
import type { StreamedMessage, WebSocketConnection } from "../../../mod.ts";
import { below, type Random } from "../../_support/random.ts";
import { oneOf } from "../_target.ts";
import { sendable, untyped } from "./arguments.ts";
import type { Step } from "./hosts.ts";
import type { World } from "./world.ts";

/** Draws a step. */
export type Draw = (random: Random) => Step;

/** A call of a connection. */
export function onSocket(
  draw: (random: Random) => {
    text: string;
    wrong?: boolean;
    call(socket: WebSocketConnection, world: World): unknown;
    ignorable?: boolean;
  },
): Draw {
  return (random) => {
    const { text, wrong, call, ignorable = false } = draw(random);
    const at = below(random, 12);
    const ignored = ignorable && below(random, 2) === 0;
    return {
      text,
      run(world) {
        const socket = world.pick(world.sockets, at);
        if (socket === undefined) return;
        const line = `${world.nameOf(socket)}.${text} in state ${socket.readyState}${ignored ? ", ignored" : ""}`;
        world.judge.call(line, { wrong, ignored }, () => call(socket, world));
        if (!(socket.bufferedAmount >= 0)) world.judge.find(`bufferedAmount ${socket.bufferedAmount} after ${line}`);
      },
    };
  };
}

/** Ends a pipe after some messages: two ends that echo to each other would do so for ever. */
function some<T>(): TransformStream<T, T> {
  let left = 20;
  return new TransformStream({
    transform(chunk, controller) {
      controller.enqueue(chunk);
      if (--left === 0) controller.terminate();
    },
  });
}

/** Reads a connection in one way. Reading in two ways throws a `TypeError`. */
const READS: Record<string, (socket: WebSocketConnection, world: World) => unknown> = {
  "for await": async (socket) => {
    for await (const _ of socket);
  },
  "for await, one": async (socket) => {
    for await (const _ of socket) break;
  },
  "for await that throws": async (socket) => {
    for await (const _ of socket) throw new TypeError("A loop of the application's");
  },
  "next() twice": (socket) => {
    const iterator = socket[Symbol.asyncIterator]();
    return Promise.allSettled([iterator.next(), iterator.next()]);
  },
  "next() and return()": (socket) => {
    const iterator = socket[Symbol.asyncIterator]();
    return Promise.allSettled([iterator.next(), iterator.return?.()]);
  },
  "throw()": (socket) => socket[Symbol.asyncIterator]().throw?.(new TypeError("x")),
  "readable, a read": async ({ readable }) => {
    const reader = readable.getReader();
    await reader.read();
    reader.releaseLock();
  },
  "readable, cancelled": ({ readable }) => readable.cancel("enough"),
  "readable, released": ({ readable }) => {
    const reader = readable.getReader();
    const reading = reader.read();
    reader.releaseLock();
    return reading;
  },
  "readable, in two": ({ readable }) =>
    Promise.allSettled(readable.tee().map((branch) => branch.pipeTo(new WritableStream()))),
  "readable, transformed": ({ readable, writable }) => readable.pipeThrough(some()).pipeTo(writable),
  "echo through pipes": ({ role, readable, writable }) =>
    readable.pipeTo(role === "server" ? writable : new WritableStream()),
  "a pipe to another": ({ readable }, { sockets }) => readable.pipeThrough(some()).pipeTo(sockets[0]!.writable),
  "a pipe that is aborted": async ({ readable }) => {
    const controller = new AbortController();
    const piping = readable.pipeTo(new WritableStream(), { signal: controller.signal });
    await null;
    controller.abort();
    await piping;
  },
  "batches": async ({ batches }) => {
    for await (const _ of batches);
  },
  "batches, one": async ({ batches }) => {
    for await (const _ of batches) break;
  },
  "bytes": ({ bytes }) => bytes.pipeTo(new WritableStream()),
  "bytes, cancelled": ({ bytes }) => bytes.cancel(),
  "messages()": async (socket) => {
    for await (const { readable } of socket.messages()) for await (const _ of readable);
  },
  "messages(), cancelled": async (socket) => {
    for await (const { readable } of socket.messages()) await readable.cancel("no");
  },
  "messages(), unread": async (socket) => {
    for await (const _ of socket.messages());
  },
  "messages(), kept": async (socket) => {
    const kept: StreamedMessage[] = [];
    for await (const message of socket.messages()) if (kept.push(message) === 2) break;
    await Promise.allSettled(kept.map(({ readable }) => readable.getReader().read()));
  },
  "messages().next() twice": (socket) => {
    const iterator = socket.messages();
    return Promise.allSettled([iterator.next(), iterator.next()]);
  },
  "opened": async (socket, { judge }) => {
    const { readable, writable } = await socket.opened;
    const writer = writable.getWriter();
    void judge.watch("a write through opened", writer.write("opened"));
    writer.releaseLock();
    await readable.getReader().read();
  },
};

/** A connection is read, in one way or another. */
export const read: Draw = onSocket((random) => {
  const way = oneOf(random, Object.keys(READS));
  return { text: `read by ${way}`, wrong: true, call: (socket, world) => READS[way]!(socket, world) };
});

const WRITES: Record<string, (socket: WebSocketConnection, world: World, value: unknown) => unknown> = {
  "write()": async ({ writable }, _, value) => {
    const writer = writable.getWriter();
    try {
      await writer.write(untyped(value));
    } finally {
      writer.releaseLock();
    }
  },
  "write() and release": ({ writable }, _, value) => {
    const writer = writable.getWriter();
    const writing = writer.write(untyped(value));
    writer.releaseLock();
    return writing;
  },
  "close()": ({ writable }) => writable.close(),
  "abort()": ({ writable }) => writable.abort("enough"),
  "a source": ({ writable }, _, value) => ReadableStream.from([value, value]).pipeTo(untyped(writable)),
  "write() and close()": ({ writable }, _, value) => {
    const writer = writable.getWriter();
    const all = [writer.write(untyped(value)), writer.close(), writer.closed, writer.ready];
    return Promise.allSettled(all).then(() => writer.releaseLock());
  },
};

/** A connection's `writable` is used. */
export const write: Draw = onSocket((random) => {
  const [way, value] = [oneOf(random, Object.keys(WRITES)), sendable(random)];
  return {
    text: `writable: ${way} ${value.text}`,
    wrong: true,
    call: (socket, world) => WRITES[way]!(socket, world, value.make(world.gate)),
  };
});
