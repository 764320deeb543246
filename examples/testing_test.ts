// Tests of an application, without ports, permissions and sleeps.
//
//   deno test examples/testing_test.ts

import { assertEquals } from "@std/assert";
import type { WebSocketCallbacks, WebSocketConnection } from "@sluice/websocket";
import { connectedPair, fakeTime, rawClient, settle, text } from "@sluice/websocket/testing";

/** What is tested: a room, in which everybody hears everybody else. As a rule it stands in a file of its own. */
function createRoom(): { members: Set<WebSocketConnection>; handler: WebSocketCallbacks } {
  const members = new Set<WebSocketConnection>();
  return {
    members,
    handler: {
      open: (socket) => void members.add(socket),
      message(socket, data) {
        for (const member of members) if (member !== socket) void member.send(data);
      },
      close: (socket) => void members.delete(socket),
    },
  };
}

Deno.test("everybody in the room hears what one says, but the one", async () => {
  const { handler } = createRoom();
  await using ann = await connectedPair({ handler });
  await using ben = await connectedPair({ handler });
  await using cem = await connectedPair({ handler });
  const heard: unknown[] = [];
  for (const { client } of [ann, ben, cem]) {
    void (async () => {
      for await (const message of client) heard.push(message);
    })();
  }
  await ann.client.send("hello");
  await settle();
  assertEquals(heard, ["hello", "hello"]);
});

Deno.test("who leaves the room, leaves it", async () => {
  const { handler, members } = createRoom();
  {
    await using _ann = await connectedPair({ handler });
    assertEquals(members.size, 1);
  }
  assertEquals(members.size, 0);
});

Deno.test("a client that does not mask is thrown out and told why", async () => {
  const { handler, members } = createRoom();
  await using raw = await rawClient({ handler });
  await raw.peer.send(text("hello", { masked: false }));
  await raw.peer.expectClose(1002);
  raw.peer.close();
  await settle();
  assertEquals(members.size, 0);
});

Deno.test("a client that is gone without a word has left the room after 40 seconds", async () => {
  using time = fakeTime();
  const { handler, members } = createRoom();
  await using _silent = await rawClient({ handler });
  await time.advance(39_999);
  assertEquals(members.size, 1);
  await time.advance(1);
  assertEquals(members.size, 0);
});
