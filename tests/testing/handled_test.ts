import { assertEquals, assertRejects } from "@std/assert";
import { connectedPair } from "../../lib/testing/connected_pair.ts";
import { ExpectationError, settle, soon } from "../../lib/testing/wait.ts";
import { fakeTime } from "../../lib/testing/fake_time.ts";
import { handled } from "../../lib/testing/handled.ts";
import { text } from "../../lib/testing/raw_frame.ts";
import { rawClient } from "../../lib/testing/raw_pair.ts";
import {
  HandshakeError,
  type UpgradeRequest,
  type WebSocketConnectionWithData,
  type WebSocketHandler,
} from "../../mod.ts";
import { overlook, printed, RETURNED_AT_ONCE } from "../_support/printed.ts";

overlook(RETURNED_AT_ONCE, /^RangeError: a bug/);

Deno.test("a handler serves the server's end like serve: callbacks, or a function that holds the connection", async () => {
  const events: string[] = [];
  {
    await using pair = await connectedPair<string>({
      server: { upgrade: () => ({ data: "Ann" }) },
      handler: {
        open: (socket) => void socket.send(`Welcome, ${socket.data}`),
        message: (_, data) => void events.push(String(data)),
        close: (_, { closeCode }) => void events.push(`closed with ${closeCode}`),
      },
    });
    assertEquals((await pair.client[Symbol.asyncIterator]().next()).value, "Welcome, Ann");
    await pair.client.send("hello");
    await settle();
  }
  assertEquals(events, ["hello", "closed with 1000"]);

  await using raw = await rawClient({ handler: (socket) => socket.send("bye") });
  await raw.peer.expect(text("bye"));
  await raw.peer.expectClose(1000);
});

Deno.test("an error of a handler is 1011 for the client, and fails the test on disposal", async () => {
  const handler = { message: () => Promise.reject(new RangeError("a bug")) };
  const failing = async () => {
    await using raw = await rawClient({ handler });
    await raw.peer.send(text("hello"));
    await raw.peer.expectClose(1011);
  };
  await assertRejects(failing, RangeError, "a bug");

  const errors: unknown[] = [];
  {
    await using pair = await connectedPair({ handler, onError: (error) => void errors.push(error) });
    await pair.client.send("hello");
    assertEquals((await soon(pair.client.closed, "The end")).closeCode, 1011);
  }
  assertEquals(errors.map(String), ["RangeError: a bug"]);
});

Deno.test("a handler that does not end with its connection is an error", async () => {
  using time = fakeTime();
  const { promise: forever, resolve } = Promise.withResolvers<void>();
  const pair = await connectedPair({ handler: { close: () => forever } });
  await assertRejects(
    () => Promise.resolve(pair[Symbol.asyncDispose]()),
    ExpectationError,
    "The handler took more than",
  );
  resolve();
  await settle();
  assertEquals(time.timers, 0);
});

Deno.test("without a handler there is nothing to wait for", async () => {
  await using pair = await connectedPair();
  await handled(pair.server, {})();
});

Deno.test("what a handler throws is printed when it occurs, so that an assertion that failed first does not hide it", async () => {
  const handler = { message: () => Promise.reject(new RangeError("a bug")) };
  const failing = async () => {
    await using pair = await connectedPair({ handler });
    await pair.client.send("hello");
    assertEquals((await pair.client[Symbol.asyncIterator]().next()).value, "HELLO");
  };
  const lines = await printed(async () => {
    await assertRejects(failing, SuppressedError);
  });
  assertEquals(lines.map(String), ["RangeError: a bug"]);

  const quiet = await printed(async () => {
    await using pair = await connectedPair({ handler, onError: () => {} });
    await pair.client.send("hello");
    await soon(pair.client.closed, "The end");
  });
  assertEquals(quiet, []);
});

Deno.test("the type of socket.data follows from upgrade, in the handler and at the server's end", async () => {
  const upgrade = ({ query }: UpgradeRequest) =>
    query === "" ? new Response("Log in first\n", { status: 401 }) : { data: { name: query } };
  const handler: WebSocketHandler<User, WebSocketConnectionWithData<User>> = {
    message: (socket, data) => void socket.send(`${socket.data.name}: ${data}`),
  };
  await using pair = await connectedPair({ url: "ws://localhost/?ann", server: { upgrade }, handler });
  await pair.client.send("hello");
  assertEquals((await pair.client[Symbol.asyncIterator]().next()).value, "ann: hello");
  await using raw = await rawClient({ server: { upgrade }, line: "GET /?bob HTTP/1.1", handler });
  await raw.peer.send(text("hello"));
  await raw.peer.expect(text("bob: hello"));
  await assertRejects(() => connectedPair({ server: { upgrade }, handler }), HandshakeError, "401");
});

interface User {
  readonly name: string;
}
