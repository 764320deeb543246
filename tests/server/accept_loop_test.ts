import { assertEquals } from "@std/assert";
import { AcceptLoop, type Listener } from "../../lib/server/listen.ts";
import type { ByteConnection } from "../../lib/transport/transport.ts";
import { soon } from "../_support/wait.ts";

const CONN: ByteConnection = { read: () => Promise.resolve(null), write: () => Promise.resolve(0), close() {} };

/** A listener that gives, or throws, what it was made with, and then waits until it is closed. */
function listenerOf(...outcomes: (ByteConnection | Error)[]): Listener {
  const closed = Promise.withResolvers<never>();
  closed.promise.catch(() => {});
  return {
    addr: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
    accept() {
      const outcome = outcomes.shift();
      if (outcome === undefined) return closed.promise;
      return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome);
    },
    close: () => closed.reject(new Deno.errors.BadResource("closed")),
    ref() {},
    unref() {},
  };
}

Deno.test("T8, T9: the loop survives errors of accept, reports the first of a series, and ignores those of clients", async () => {
  const reports: unknown[] = [];
  const taken = Promise.withResolvers<void>();
  const full = new Error("Too many open files");
  const listener = listenerOf(new Deno.errors.ConnectionReset("gone"), full, full, CONN);
  const loop = new AcceptLoop(listener, {
    take: () => taken.resolve(),
    report: (error) => void reports.push(error),
    onLost: () => void reports.push("lost"),
    stopping: AbortSignal.abort(), // no pause is waited for
  });
  await soon(taken.promise, "The connection");
  loop.close();
  loop.close(); // which does nothing
  await loop.released();
  assertEquals(reports, [full]);
});

Deno.test("a listener that other code closes is lost, and the loop ends", async () => {
  const lost = Promise.withResolvers<void>();
  const listener = listenerOf();
  const loop = new AcceptLoop(listener, {
    take() {},
    report() {},
    onLost: () => lost.resolve(),
    stopping: new AbortController().signal,
  });
  listener.close();
  await soon(lost.promise, "The news");
  await loop.released();
});

Deno.test("an error of one connection is reported, and neither ends the loop nor delays the next one", async () => {
  const reports: unknown[] = [];
  const taken = Promise.withResolvers<void>();
  const faults = [new Deno.errors.BadResource("closed before its turn"), new TypeError("accepted before")];
  const loop = new AcceptLoop(listenerOf(CONN, CONN, CONN), {
    take() {
      const fault = faults[reports.length];
      if (fault !== undefined) throw fault;
      taken.resolve();
    },
    report: (error) => void reports.push(error),
    onLost: () => void reports.push("lost"),
    stopping: new AbortController().signal,
  });
  await soon(taken.promise, "The third connection");
  loop.close();
  await loop.released();
  assertEquals(reports, faults);
});
