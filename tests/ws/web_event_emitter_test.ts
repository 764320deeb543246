import { assert, assertEquals } from "@std/assert";
import { next, statement } from "./_support.ts";

const ADD = "websocket.addEventListener()";

statement(ADD, "listeners of open, message, close and error get events as in a browser", async (play) => {
  const server = await play.serve();
  server.on("connection", (socket) => {
    socket.on("message", () => socket.close(4000, "enough"));
    socket.send("text");
  });
  const socket = play.connect();
  const seen: unknown[] = [];
  socket.addEventListener("open", ({ type, target }) => void seen.push(type, target === socket));
  socket.addEventListener("message", ({ type, data }) => {
    seen.push(type, data); // text is a string here
    socket.send("answer");
  });
  const closed = new Promise<void>((done) =>
    socket.addEventListener("close", ({ type, code, reason, wasClean }) => {
      seen.push(type, code, reason, wasClean);
      done();
    })
  );
  await closed;
  assertEquals(seen, ["open", true, "message", "text", "close", 4000, "enough", true]);
});

statement(ADD, "once: true removes the listener after one event", async (play) => {
  const { there, here } = await play.pair();
  const seen: unknown[] = [];
  here.addEventListener("message", ({ data }) => void seen.push(data), { once: true });
  const two = new Promise<void>((done) => here.on("message", (data) => String(data) === "two" && done()));
  there.send("one");
  there.send("two");
  await two;
  assertEquals(seen, ["one"]);
});

statement(ADD, "a listener that is added twice is called once; of an object, handleEvent is called", async (play) => {
  const { there, here } = await play.pair();
  const seen: unknown[] = [];
  const listener = ({ data }: { data: unknown }) => void seen.push(data);
  const object = { handleEvent: listener };
  here.addEventListener("message", listener);
  here.addEventListener("message", listener);
  here.addEventListener("message", object);
  there.send("text");
  await next(here, "message");
  assertEquals(seen, ["text", "text"]);
});

statement("websocket.removeEventListener()", "a removed listener is not called", async (play) => {
  const { there, here } = await play.pair();
  const seen: unknown[] = [];
  const listener = () => void seen.push("called");
  here.addEventListener("message", listener);
  here.removeEventListener("message", listener);
  there.send("text");
  await next(here, "message");
  assertEquals(seen, []);
});

statement(
  "websocket.onopen, onmessage, onclose, onerror",
  "each property has one listener, and a new one replaces it",
  async (play) => {
    const { there, here } = await play.pair();
    assertEquals([here.onopen, here.onmessage, here.onclose, here.onerror], [null, null, null, null]);
    const seen: unknown[] = [];
    here.onmessage = () => void seen.push("first");
    const second = ({ data }: { data: unknown }) => void seen.push(data);
    here.onmessage = second;
    assertEquals(here.onmessage, second);
    there.send("text");
    await next(here, "message");
    assertEquals(seen, ["text"]);
    here.onmessage = null;
    assertEquals(here.onmessage, null);
  },
);

statement(
  "websocket.onopen, onmessage, onclose, onerror",
  "onmessage gets binary data of the type that binaryType sets",
  async (play) => {
    const { there, here } = await play.pair();
    here.binaryType = "arraybuffer";
    const arrived = new Promise<unknown>((done) => here.onmessage = ({ data }) => done(data));
    there.send(Uint8Array.of(7));
    const data = await arrived;
    assert(data instanceof ArrayBuffer);
    assertEquals([...new Uint8Array(data)], [7]);
  },
);

statement(
  "websocket.onopen, onmessage, onclose, onerror",
  "onerror gets the error and its message, before onclose",
  async (play) => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    const socket = new play.client.WebSocket(`ws://127.0.0.1:${port}`);
    const seen: unknown[] = [];
    socket.onerror = ({ type, error, message }) => void seen.push(type, error instanceof Error, typeof message);
    await new Promise<void>((done) =>
      socket.onclose = ({ type, code, wasClean }) => {
        seen.push(type, code, wasClean);
        done();
      }
    );
    assertEquals(seen, ["error", true, "string", "close", 1006, false]);
  },
);
