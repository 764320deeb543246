import { assert, assertEquals, assertThrows } from "@std/assert";
import { MAX_TOPIC_BYTES } from "../../lib/hub/envelope.ts";
import { ALL_TOPICS } from "../../lib/hub/wanted_topics.ts";
import { checkPrefix, NATS_SERVERS, type NatsClient, natsLink, subjectOf } from "../../lib/hub/nats_link.ts";
import { settle } from "../_support/wait.ts";

Deno.test("A8: a topic's subject has no wildcard, space or empty token, and can be decoded", () => {
  for (
    const [topic, subject] of [
      ["room", "s.room"],
      ["a/b.c", "s.a=2Fb=2Ec"],
      ["*", "s.=2A"],
      [">", "s.=3E"],
      ["a b\r\nPUB x", "s.a=20b=0D=0APUB=20x"],
      ["=2A", "s.=3D2A"],
      ["", "s.="],
      ["é", "s.=C3=A9"],
      ["__proto__", "s.__proto__"],
    ] as const
  ) assertEquals(subjectOf("s", topic), subject);
});

Deno.test("A8: no two topics have the same subject, and the longest fits NATS' protocol line", () => {
  const topics = ["", "=", "==", "*", "=2A", "=2a", ".", "..", " ", "a", "A", "é", "e\u0301", "\0"];
  assertEquals(new Set(topics.map((topic) => subjectOf("s", topic))).size, topics.length);
  assert(subjectOf("p".repeat(128), "*".repeat(MAX_TOPIC_BYTES)).length < 4_096 - "PUB  1048576\r\n".length);
});

Deno.test("a prefix is words separated by dots", () => {
  for (const prefix of ["sluice", "a.b-c.d_e", "p".repeat(128)]) assertEquals(checkPrefix(prefix), prefix);
  for (const prefix of ["", ".", "a.", "a..b", "a b", "a*", ">", "p".repeat(129)]) {
    assertThrows(() => natsLink(prefix, () => Promise.reject()), RangeError, "Cannot use the prefix");
  }
});

Deno.test("NATS servers are addresses, and there is at least one", () => {
  for (const servers of ["127.0.0.1:4222", "nats.example.com", ["nats://a:4222", "[::1]:4222"], "tls://a"]) {
    NATS_SERVERS.check(servers, "servers");
  }
  for (const servers of ["", [], ["a", ""], "a:99999", "a b", [5], null]) {
    assertThrows(() => NATS_SERVERS.check(servers, "servers"), TypeError, 'it must be a "host:port" or a list of them');
  }
});

/** A client that notes what it is asked for. */
function client() {
  const calls: string[] = [];
  const closed = Promise.withResolvers<void | Error>();
  const status = Promise.withResolvers<{ type: string; error?: Error }>();
  const callbacks = new Map<string, Parameters<NatsClient["subscribe"]>[1]["callback"]>();
  const nats: NatsClient = {
    info: { max_payload: 10 },
    publish: (subject, payload) => void calls.push(`publish ${subject} ${payload.byteLength}`),
    subscribe(subject, { callback }) {
      calls.push(`subscribe ${subject}`);
      callbacks.set(subject, callback);
      return { unsubscribe: () => void calls.push(`unsubscribe ${subject}`) };
    },
    flush: () => Promise.resolve(void calls.push("flush")),
    async *status() {
      yield { type: "update" };
      yield await status.promise;
    },
    closed: () => closed.promise,
    close: () => Promise.resolve(closed.resolve()),
  };
  return { nats, calls, closed, status, callbacks };
}

Deno.test("a session is the client's commands, each answered by the server, and messages with their subjects", async () => {
  const { nats, calls, callbacks } = client();
  const received: unknown[] = [];
  const link = natsLink("s", () => Promise.resolve(nats));
  const session = await link.connect((name, bytes) => void received.push([name, bytes]));
  assertEquals(
    await session.publish([{ name: "s.a", bytes: new Uint8Array(10) }, { name: "s.b", bytes: new Uint8Array(11) }]),
    1,
  );
  await session.subscribe([link.nameOf("a"), ALL_TOPICS]);
  await session.unsubscribe([ALL_TOPICS]);
  await session.ping();
  assertEquals(calls, [
    "publish s.a 10",
    "flush",
    "subscribe s.a",
    "subscribe s.*",
    "flush",
    "unsubscribe s.*",
    "flush",
    "flush",
  ]);
  callbacks.get("s.a")!(null, { subject: "s.a", data: new Uint8Array([1]) });
  assertEquals(received, [["s.a", new Uint8Array([1])]]);
  await session.close();
  assertEquals(String(await session.ended), "ConnectionError: The connection to NATS is closed");
});

Deno.test("a topic whose subject is too long for a line of the protocol stays on its server", async () => {
  const { nats, calls } = client();
  const link = natsLink("s", () => Promise.resolve(nats));
  const session = await link.connect(() => {});
  const [long, longest] = [1_195, 1_194].map((length) => link.nameOf("*".repeat(length)));
  const bytes = new Uint8Array(1);
  assertEquals(await session.publish([{ name: long!, bytes }, { name: longest!, bytes }, { name: "s.a", bytes }]), 1);
  await session.subscribe([long!, longest!]);
  await session.unsubscribe([long!]);
  assertEquals(calls.map((call) => call.slice(0, 14)), [
    "publish s.=2A=",
    "publish s.a 1",
    "flush",
    "subscribe s.=2",
    "flush",
    "flush",
  ]);
});

Deno.test("A9: a session ends when its connection is lost, and when the server refuses a command", async () => {
  const end: [string, (made: ReturnType<typeof client>) => void][] = [
    ["Error: reset", ({ closed }) => closed.resolve(new Error("reset"))],
    [
      "Error: no right to publish",
      ({ status }) => status.resolve({ type: "error", error: new Error("no right to publish") }),
    ],
    [
      "Error: no right to s.a",
      ({ callbacks }) => callbacks.get("s.a")!(new Error("no right to s.a"), { subject: "", data: new Uint8Array() }),
    ],
  ];
  for (const [expected, happens] of end) {
    const made = client();
    const session = await natsLink("s", () => Promise.resolve(made.nats)).connect(() => {});
    await session.subscribe(["s.a"]);
    await settle();
    happens(made);
    assertEquals(String(await session.ended), expected);
  }
});
