import { assertEquals, assertRejects } from "@std/assert";
import { HookCaller, hooksIn } from "../../lib/adapters/crossws_hooks.ts";

Deno.test("hooks are called in order with their arguments, and hooks that return promises are awaited together", async () => {
  const called: unknown[] = [];
  const caller = new HookCaller({ open: (...args) => void called.push(args) }, undefined, {
    open: async () => await Promise.resolve(called.push("later")),
    close: () => Promise.resolve(),
  });
  assertEquals(caller.empty, false);
  const busy = caller.call("open", "peer", 1);
  assertEquals([called, busy instanceof Promise], [[["peer", 1], "later"], true]);
  await busy;
  assertEquals(caller.call("message", "peer"), undefined);
  assertEquals(new HookCaller(undefined).empty, true);
});

Deno.test("the last upgrade hook that decides something counts; a Response refuses, whether returned, thrown, or the response of an error", async () => {
  const request = new Request("http://127.0.0.1/");
  const no = new Response(null, { status: 403 });
  const upgrade = (...hooks: (() => unknown)[]) =>
    new HookCaller(...hooks.map((upgrade) => ({ upgrade }))).upgrade(request);
  assertEquals(await upgrade(() => ({ protocol: "a" }), () => ({ namespace: "b" })), { namespace: "b" });
  assertEquals(await upgrade(() => ({ protocol: "a" }), () => undefined), { protocol: "a" });
  assertEquals(await upgrade(() => Promise.resolve(no)), no);
  for (const thrown of [no, Object.assign(new Error("no"), { response: no })]) {
    assertEquals(
      await upgrade(() => {
        throw thrown;
      }),
      no,
    );
  }
  await assertRejects(() => upgrade(() => Promise.reject(new Error("broken"))), Error, "broken");
});

Deno.test("an application's hooks are read from its answer or from the request; an error without hooks becomes the refusal", async () => {
  const hooks = { open: () => {} };
  const request = new Request("http://127.0.0.1/");
  assertEquals(hooksIn(request, Object.assign(new Response("", { status: 426 }), { crossws: hooks })), hooks);
  assertEquals(hooksIn(request, { crossws: hooks }), hooks);
  assertEquals(hooksIn(request, new Response("a page")), undefined);
  assertEquals(hooksIn(request, undefined), undefined);
  const missing = new Response("missing", { status: 404 });
  assertEquals(await new HookCaller(hooksIn(request, missing)).upgrade(request), missing);
  Object.assign(request, { [Symbol.for("crossws.hooks")]: hooks });
  assertEquals(hooksIn(request, new Response("", { status: 426 })), hooks);
});
