import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { transportOf } from "../../lib/transport/transport.ts";
import { Inflow } from "../../lib/server/request_body.ts";
import { utf8 } from "../_support/frames.ts";
import { connPair } from "../_support/pair.ts";
import { settle } from "../_support/wait.ts";

function flowing(first = "") {
  const [near, far] = connPair();
  const transport = transportOf(near);
  return { inflow: new Inflow(transport, utf8(first)), transport, far };
}

const textOf = (bytes: Uint8Array | null) => bytes === null ? null : new TextDecoder().decode(bytes);

Deno.test("initial bytes are read first, then the transport's, and bytes that are put back come again", async () => {
  const { inflow, far } = flowing("first");
  assertEquals(textOf(await inflow.read()), "first");
  await far.write(utf8("second"));
  assertEquals(textOf(await inflow.read()), "second");
  inflow.unread(utf8("ond"));
  assertEquals(textOf(await inflow.read()), "ond");
  await far.closeWrite();
  assertEquals(await inflow.read(), null);
  assertEquals(await inflow.read(), null);
});

Deno.test("a client's end is noticed even without a read, after its data, and reported once", async () => {
  const { inflow, far } = flowing();
  let gone = 0;
  inflow.watch(() => gone++);
  await far.write(utf8("next"));
  await settle();
  assertEquals(gone, 0);
  await far.closeWrite();
  await settle();
  assertEquals([gone, textOf(await inflow.read()), await inflow.read(), gone], [1, "next", null, 1]);
});

Deno.test("a lost client is noticed too, and reading throws the transport's error", async () => {
  const { inflow, far } = flowing();
  let gone = 0;
  inflow.watch(() => gone++);
  far.reset();
  await settle();
  assertEquals(gone, 1);
  await assertRejects(() => inflow.read(), Deno.errors.ConnectionReset);
});

Deno.test("at most 64 KiB and one read are read ahead", async () => {
  const { inflow, far } = flowing();
  inflow.watch(() => {});
  let written = 0;
  for (let i = 0; i < 100; i++) {
    void far.write(new Uint8Array(16 * 1024)).then((count) => written += count, () => {});
    await settle();
  }
  far.close();
  const held = (await inflow.read())?.length ?? 0;
  assertEquals(held >= 64 * 1024 && held <= 3 * 64 * 1024, true, `${held}`);
  assertEquals(written < 100 * 16 * 1024, true, `${written}`);
});

Deno.test("the next reader gets the transport itself, unless a read is pending: then its bytes come first", async () => {
  const quiet = flowing();
  assertStrictEquals(quiet.inflow.rest, quiet.transport);

  const { inflow, transport, far } = flowing();
  inflow.watch(() => {});
  inflow.unwatch();
  const { rest } = inflow;
  assertEquals([rest === transport, rest.direct], [false, undefined]);
  await far.write(utf8("one"));
  assertEquals(textOf(await rest.read()), "one");
  await far.write(utf8("two"));
  assertEquals(textOf(await rest.read()), "two");
});
