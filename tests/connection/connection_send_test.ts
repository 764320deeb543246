import { Buffer } from "node:buffer";
import { runInNewContext } from "node:vm";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createHub } from "../../lib/hub/hub.ts";
import type { MessageData } from "../../lib/pipeline/messages/message.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { connectedPair } from "../../lib/testing/connected_pair.ts";
import { assertBytes, counting } from "../_support/bytes.ts";
import { utf8 } from "../_support/frames.ts";
import { settle, soon } from "../_support/wait.ts";

/** Reads so many messages. */
async function take(socket: WebSocketConnection, count: number): Promise<(string | Uint8Array<ArrayBuffer>)[]> {
  const messages: (string | Uint8Array<ArrayBuffer>)[] = [];
  for await (const message of socket) {
    messages.push(message);
    if (messages.length === count) break;
  }
  return messages;
}

async function takeBytes(socket: WebSocketConnection): Promise<Uint8Array<ArrayBuffer>> {
  const [message] = await soon(take(socket, 1), "A message");
  if (typeof message !== "object") throw new TypeError("The message is text");
  return message;
}

/** Ways to send, each of which says when the memory is the caller's again. */
const WAYS: Record<string, (socket: WebSocketConnection) => (data: Uint8Array) => Promise<void>> = {
  "send": (socket) => (data) => socket.send(data),
  "send without compression": (socket) => (data) => socket.send(data, { compress: false }),
  "writable": (socket) => {
    const writer = socket.writable.getWriter();
    return (data) => writer.write(data);
  },
  "send from a source": (socket) => (data) => socket.send(ReadableStream.from([data])),
  "send behind a message from a source": (socket) => async (data) => {
    void socket.send(ReadableStream.from(["part"]));
    await socket.send(data);
  },
};

for (const [way, sending] of Object.entries(WAYS)) {
  for (const role of ["server", "client"] as const) {
    for (const perMessageDeflate of [false, true]) {
      const what = `${way} of a ${role}${perMessageDeflate ? " with compression" : ""}`;
      Deno.test(`when the promise of ${what} resolves, the caller may reuse the memory: a received message, or other bytes`, async () => {
        const options = { perMessageDeflate, highWaterMark: 300_000 };
        await using pair = await connectedPair({ server: options, client: options, capacity: 4096 });
        const [sender, receiver] = role === "server" ? [pair.server, pair.client] : [pair.client, pair.server];
        const send = sending(sender);
        for (const size of [1000, 16_384, 70_000, 400_000]) {
          void receiver.send(crypto.getRandomValues(new Uint8Array(1000)).slice(0, 1000));
          void receiver.send(new Uint8Array(size));
          await takeBytes(sender);
          for (const bytes of [await takeBytes(sender), new Uint8Array(size)]) {
            const count = Math.ceil(100_000 / size) + 2;
            const reading = (async () => {
              await settle(); // it comes late
              const got: number[] = [];
              while (got.length < count) {
                const [message] = await take(receiver, 1);
                if (typeof message === "object") {
                  got.push(message.every((byte) => byte === message[0]) ? message[0]! : -1);
                }
              }
              return got;
            })();
            for (let hop = 0; hop < count; hop++) {
              bytes.fill(hop & 0xff);
              await soon(send(bytes), "The promise");
              bytes.fill(0xee);
            }
            const got = await soon(reading, "The messages");
            assertEquals(got, Array.from({ length: count }, (_, hop) => hop & 0xff), `${size} bytes`);
          }
        }
      });
    }
  }
}

Deno.test("echoing a message in place keeps its sender waiting until it is written, and a failure rejects that send", async () => {
  await using pair = await connectedPair({ capacity: 1000, client: { highWaterMark: 1000 } });
  void pair.client.send(new Uint8Array(20_000));
  const message = await takeBytes(pair.server);
  const states: string[] = [];
  const first = pair.server.send(message).then(() => states.push("first"), () => states.push("first failed"));
  const second = pair.server.send(message).then(
    () => states.push("second"),
    (error) => states.push(`second: ${error.message}`),
  );
  assertEquals(pair.server.bufferedAmount, 40_008);
  await soon(first, "The first");
  await settle(); // the client reads no further than the first
  assertEquals(states, ["first"]);
  pair.server.abort(new Error("enough"));
  await second;
  assertEquals(states, ["first", "second: enough"]);
});

Deno.test("transferring memory while it is queued fails the connection, and no wrong bytes leave", async () => {
  const pair = await connectedPair({ capacity: 1000 });
  void pair.client.send(new Uint8Array(20_000));
  const message = await takeBytes(pair.server);
  void pair.server.send(new Uint8Array(2000));
  const sent = pair.server.send(message);
  message.buffer.transfer();
  await takeBytes(pair.client);
  await assertRejects(() => soon(sent, "The send"), DOMException);
  assertEquals(pair.server.bufferedAmount, 0);
  const { error } = await soon(pair.server.closed, "The end");
  assertEquals(
    String(error instanceof DOMException && "cause" in error ? error.cause : error),
    "TypeError: Cannot write a message of 20004 bytes: its memory was transferred before it was written. Await `send` first",
  );
});

/** What is no message, and never becomes one. */
function wrongMessages(): Record<string, unknown> {
  const transferred = new ArrayBuffer(8);
  const views = [new Uint8Array(transferred, 1), new DataView(transferred), new Float64Array(transferred)];
  transferred.transfer();
  const resizable = new ArrayBuffer(8, { maxByteLength: 8 });
  const cut = new Uint8Array(resizable, 4, 4);
  const tracking = new Uint8Array(resizable, 2);
  resizable.resize(1);
  return {
    "a detached buffer": transferred,
    "a view of a detached buffer": views[0],
    "a DataView of a detached buffer": views[1],
    "numbers of a detached buffer": views[2],
    "a resizable buffer": resizable,
    "a view that is out of bounds": cut,
    "a view that follows the length": tracking,
    "shared memory": new SharedArrayBuffer(8),
    "a view of shared memory": new Uint8Array(new SharedArrayBuffer(8)),
    "a number": 12,
    "nothing": undefined,
    "null": null,
    "an object": { type: "hello" },
    "a String object": Object("text"),
    "a promise": Promise.resolve("text"),
  };
}

for (const role of ["server", "client"] as const) {
  for (const perMessageDeflate of [false, true]) {
    Deno.test(`a ${role} throws at the call for an invalid message${perMessageDeflate ? ", with compression" : ""}: nothing is sent or counted`, async () => {
      await using hub = createHub();
      await using pair = await connectedPair({
        server: { hub, perMessageDeflate },
        client: { perMessageDeflate },
        capacity: Infinity,
      });
      const [sender, receiver] = role === "server" ? [pair.server, pair.client] : [pair.client, pair.server];
      pair.server.subscribe("topic");
      for (const [what, value] of Object.entries(wrongMessages())) {
        const calls: Record<string, () => unknown> = {
          send: () => Reflect.apply(sender.send, sender, [value]),
          ping: () => Reflect.apply(sender.ping, sender, [value]),
          publish: () => Reflect.apply(hub.publish, hub, ["topic", value]),
        };
        if (value === undefined) delete calls.ping; // the default
        for (const [name, call] of Object.entries(calls)) {
          assertThrows(call, TypeError, "Cannot send", `${name} of ${what}`);
        }
        assertEquals(sender.bufferedAmount, 0);
        if (value instanceof Promise) continue; // which a stream awaits
        await assertRejects(
          () => soon(Reflect.apply(sender.send, sender, [ReadableStream.from([value])]), "A source"),
          TypeError,
          value === undefined || value === null ? undefined : "Cannot send",
        );
        assertEquals(sender.bufferedAmount, 0);
      }
      void sender.send("the next one");
      assertEquals(await soon(take(receiver, 1), "The next one"), ["the next one"]);
    });
  }

  Deno.test(`writing an invalid message to the writable of a ${role} rejects, and nothing is sent`, async () => {
    for (const [what, value] of Object.entries(wrongMessages())) {
      await using pair = await connectedPair();
      const [sender, receiver] = role === "server" ? [pair.server, pair.client] : [pair.client, pair.server];
      const writer = sender.writable.getWriter();
      writer.closed.catch(() => {});
      await assertRejects(() => Reflect.apply(writer.write, writer, [value]), TypeError, "Cannot send", what);
      assertEquals(sender.bufferedAmount, 0);
      void sender.send("the next one");
      assertEquals(await soon(take(receiver, 1), "The next one"), ["the next one"]);
    }
  });

  Deno.test(`a ${role} sends binary data of every type, from other realms too, and a Blob`, async () => {
    await using pair = await connectedPair();
    const [sender, receiver] = role === "server" ? [pair.server, pair.client] : [pair.client, pair.server];
    const any: Uint8Array = counting(4);
    const foreign: MessageData[] = runInNewContext(`
      const { buffer } = Uint8Array.of(0, 1, 2, 3);
      [buffer, new Uint8Array(buffer), new DataView(buffer), new Uint16Array(buffer)]`);
    const all = [
      any,
      any.buffer.slice(0),
      new DataView(counting(6).buffer, 0, 4),
      new Uint32Array(counting(4).buffer),
      ...foreign,
      new Blob([counting(2), counting(2, 2)]),
      new File([counting(4)], "name"),
    ];
    for (const data of all) {
      if (data instanceof SharedArrayBuffer) continue; // which the type says of any buffer
      void sender.send(data);
      assertBytes(await takeBytes(receiver), counting(4));
    }
    const large = counting(300_000);
    void sender.send(new Blob([large]), { type: "text" });
    void sender.send("behind it");
    void sender.send(new Blob());
    const [first, ...rest] = await soon(take(receiver, 3), "The rest");
    assertBytes(first as Uint8Array, large);
    assertEquals(rest, ["behind it", new Uint8Array(0)]);
  });
}

Deno.test("a message that waits behind a source and is detached rejects, and the later ones leave", async () => {
  await using pair = await connectedPair();
  let end = () => {};
  const source = new ReadableStream<string>({
    start(controller) {
      controller.enqueue("streamed");
      end = () => controller.close();
    },
  });
  void pair.client.send(source);
  const bytes = counting(8);
  const sent = pair.client.send(bytes);
  void pair.client.send("the next one");
  bytes.buffer.transfer();
  end();
  await assertRejects(() => soon(sent, "The promise"), TypeError, "Cannot send memory that is detached");
  assertEquals(await soon(take(pair.server, 2), "The messages"), ["streamed", "the next one"]);
  assertEquals(pair.client.bufferedAmount, 0);
});

Deno.test("a Node Buffer is copied when it is kept: published, behind a source, in a ping", async () => {
  await using hub = createHub();
  await using pair = await connectedPair({ server: { hub } });
  pair.server.subscribe("topic");
  const buffer = Buffer.from("abc");
  hub.publish("topic", buffer);
  const pinged = pair.server.ping(buffer);
  const sent = pair.server.send(ReadableStream.from([buffer]));
  buffer.fill(0, 0, 1);
  assertEquals(await takeBytes(pair.client), utf8("abc"));
  await soon(Promise.all([pinged, sent]), "The pong and the send");
});
