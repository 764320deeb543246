import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { closeOnFailure } from "../../lib/client/dialer.ts";

function counted(): { close(): void; readonly closes: number } {
  let closes = 0;
  return {
    close: () => void closes++,
    get closes() {
      return closes;
    },
  };
}

Deno.test("a held connection stays open when the work is done, and the signal no longer closes it", async () => {
  const conn = counted();
  const controller = new AbortController();
  assertEquals(await closeOnFailure(conn, controller.signal, () => Promise.resolve(7)), 7);
  controller.abort();
  assertEquals(conn.closes, 0);
});

Deno.test("a held connection is closed when the work fails, even if closing it fails", async () => {
  const conn = counted();
  const { signal } = new AbortController();
  const error = new Error("failed");
  const failing = () => Promise.reject(error);
  assertStrictEquals(await assertRejects(() => closeOnFailure(conn, signal, failing)), error);
  assertEquals(conn.closes, 1);
  const close = () => {
    throw new Deno.errors.BadResource();
  };
  assertStrictEquals(await assertRejects(() => closeOnFailure({ close }, signal, failing)), error);
});

Deno.test("a signal closes a held connection at once: before the work, during it, and if the work finishes anyway", async () => {
  const reason = new Error("enough");
  const before = counted();
  let begun = false;
  const work = () => Promise.resolve(begun = true);
  assertStrictEquals(await assertRejects(() => closeOnFailure(before, AbortSignal.abort(reason), work)), reason);
  assertEquals([before.closes > 0, begun], [true, false]);

  const during = counted();
  const controller = new AbortController();
  const working = Promise.withResolvers<void>();
  const held = assertRejects(() => closeOnFailure(during, controller.signal, () => working.promise));
  controller.abort(reason);
  assertEquals(during.closes, 1);
  working.resolve();
  assertStrictEquals(await held, reason);
});
