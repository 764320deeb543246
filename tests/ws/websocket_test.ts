import { Buffer } from "node:buffer";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import { soon } from "../_support/wait.ts";
import { printed } from "../_support/printed.ts";
import { differs, next, ourStatement, statement } from "./_support.ts";

statement("Ready state constants", "the class and its instances have them", ({ client: { WebSocket } }) => {
  const { CONNECTING, OPEN, CLOSING, CLOSED } = WebSocket;
  assertEquals([CONNECTING, OPEN, CLOSING, CLOSED], [0, 1, 2, 3]);
  const socket = WebSocket.prototype;
  assertEquals([socket.CONNECTING, socket.OPEN, socket.CLOSING, socket.CLOSED], [0, 1, 2, 3]);
});

statement("Event: close", "its listener gets the code, and the reason as a Buffer", async (play) => {
  const { there, here } = await play.pair();
  const ended = next(there, "close");
  here.close(4000, "enough");
  const [code, reason] = await ended;
  assert(reason instanceof Buffer);
  assertEquals([code, String(reason)], [4000, "enough"]);
});

statement(
  "Event: close",
  "the code is 1005 if the close frame had no code, and 1006 if there was no close frame",
  async (play) => {
    const { there, here } = await play.pair();
    const ended = next(there, "close");
    here.close();
    assertEquals((await ended)[0], 1005);
    const other = await play.pair();
    const lost = next(other.there, "close");
    other.here.terminate();
    assertEquals((await lost)[0], 1006);
  },
);

statement(
  "Event: message",
  "text is a Buffer as well, and isBinary distinguishes it from binary data",
  async (play) => {
    const { there, here } = await play.pair();
    const seen: unknown[] = [];
    const both = new Promise<void>((done) =>
      there.on("message", (data, isBinary) => {
        assert(data instanceof Buffer);
        seen.push([data.toString("latin1"), isBinary]);
        if (seen.length === 2) done();
      })
    );
    here.send("text");
    here.send(Uint8Array.of(1, 2));
    await both;
    assertEquals(seen, [["text", false], ["\x01\x02", true]]);
  },
);

statement(
  "Event: message",
  "listeners that are added in `connection` get the messages of one read, in order",
  async (play) => {
    const server = await play.serve();
    const all = new Promise<string[]>((done) => {
      server.on("connection", (socket) => {
        const seen: string[] = [];
        socket.on("message", (data) => {
          seen.push(String(data));
          if (seen.length === 100) done(seen);
        });
      });
    });
    const socket = play.connect();
    socket.on("open", () => {
      for (let i = 0; i < 100; i++) socket.send(`${i}`);
    });
    assertEquals(await all, Array.from({ length: 100 }, (_, i) => `${i}`));
  },
);

statement("Event: open", "it is emitted when the connection is established", async (play) => {
  await play.serve();
  const socket = play.connect();
  assertEquals(socket.readyState, 0);
  await next(socket, "open");
  assertEquals(socket.readyState, 1);
});

statement("Event: ping", "its listener gets the payload, and the ping is answered", async (play) => {
  const { there, here } = await play.pair();
  const pinged = next(there, "ping");
  const ponged = next(here, "pong");
  here.ping("are you there");
  const [ping] = await pinged;
  const [pong] = await ponged;
  assert(ping instanceof Buffer && pong instanceof Buffer);
  assertEquals([String(ping), String(pong)], ["are you there", "are you there"]);
});

statement("Event: pong", "it is emitted for an unsolicited pong too", async (play) => {
  const { there, here } = await play.pair();
  const ponged = next(here, "pong");
  there.pong("unasked");
  assertEquals(String((await ponged)[0]), "unasked");
});

statement(
  "websocket.binaryType",
  "it is nodebuffer by default, and setting it to an unknown value has no effect",
  async (play) => {
    const { here } = await play.pair();
    assertEquals(here.binaryType, "nodebuffer");
    for (const type of ["arraybuffer", "fragments", "blob", "nodebuffer"] as const) {
      here.binaryType = type;
      assertEquals(here.binaryType, type);
    }
    Reflect.set(here, "binaryType", "text");
    assertEquals(here.binaryType, "nodebuffer");
  },
);

statement(
  "websocket.binaryType",
  "it sets the type of binary messages: ArrayBuffer, Buffer[] or Blob",
  async (play) => {
    const { there, here } = await play.pair();
    for (const [type, Type] of [["arraybuffer", ArrayBuffer], ["fragments", Array], ["blob", Blob]] as const) {
      here.binaryType = type;
      there.send(Uint8Array.of(1, 2, 3));
      const [data, isBinary] = await next(here, "message");
      assert(data instanceof Type);
      assertEquals(isBinary, true);
      const bytes = data instanceof Blob ? await data.bytes() : Array.isArray(data) ? data[0] : new Uint8Array(data);
      assertEquals([...bytes], [1, 2, 3]);
    }
  },
);
differs(
  "websocket.binaryType",
  "fragments delivers the fragments of a message as they were sent",
  "it delivers a list of one Buffer with the whole message, because Sluice joins fragments as they arrive",
);

statement(
  "websocket.bufferedAmount",
  "it is the number of bytes that are queued, and 0 when all are written",
  async (play) => {
    const { here } = await play.pair();
    assertEquals(here.bufferedAmount, 0);
    const written = new Promise<void>((done) => here.send("x".repeat(10_000_000), () => done()));
    assert(here.bufferedAmount > 0);
    await written;
    assertEquals(here.bufferedAmount, 0);
  },
);

statement("websocket.close()", "it starts the closing handshake: readyState is 2, then 3", async (play) => {
  const { here } = await play.pair();
  const ended = next(here, "close");
  here.close(1000);
  assertEquals(here.readyState, 2);
  assertEquals((await ended)[0], 1000);
  assertEquals(here.readyState, 3);
  here.close(); // which does nothing
});

statement("websocket.close()", "messages that were sent before it arrive", async (play) => {
  const { there, here } = await play.pair();
  const seen: string[] = [];
  there.on("message", (data) => void seen.push(String(data)));
  const ended = next(there, "close");
  here.send("one");
  here.send("two");
  here.close();
  await ended;
  assertEquals(seen, ["one", "two"]);
});

statement(
  "websocket.close()",
  "a code that must not be sent throws a TypeError, and a long reason throws a RangeError",
  async (play) => {
    const { here } = await play.pair();
    for (const code of [0, 999, 1005, 1006, 2000, 5000]) assertThrows(() => here.close(code), TypeError);
    assertThrows(() => here.close(1000, "x".repeat(124)), RangeError);
  },
);

statement("websocket.close()", "before the connection is open, it ends the attempt with an error", async (play) => {
  await play.serve();
  const socket = play.connect();
  const failed = next(socket, "error");
  const closed = new Promise<unknown>((done) => socket.on("close", done));
  socket.close();
  assertEquals(socket.readyState, 2);
  const [error] = await failed as [Error];
  assertEquals(error.message, "WebSocket was closed before the connection was established");
  assertEquals(await soon(closed, "The close event"), 1006);
});
differs(
  "websocket.close()",
  "messages that arrive after it are emitted until the peer's close frame",
  "they are discarded, as by `connect` and `serve`",
);

statement("websocket.extensions", "it is a list of the extensions, by name", async (play) => {
  const { here } = await play.pair({ server: { perMessageDeflate: true } });
  assertEquals(here.extensions, "permessage-deflate");
});

statement("websocket.pause()", "messages wait until resume(), and meanwhile isPaused is true", async (play) => {
  const { there, here } = await play.pair();
  const seen: string[] = [];
  here.on("message", (data) => void seen.push(String(data)));
  here.pause();
  assertEquals(here.isPaused, true);
  await new Promise<void>((done) => there.send("waits", () => done()));
  assertEquals(seen, []);
  const arrived = next(here, "message");
  here.resume();
  assertEquals(here.isPaused, false);
  await arrived;
  assertEquals(seen, ["waits"]);
});

statement("websocket.pause()", "it does nothing before the connection is open and after it has ended", async (play) => {
  await play.serve();
  const socket = play.connect();
  socket.pause();
  assertEquals(socket.isPaused, false);
  await next(socket, "open");
  const ended = next(socket, "close");
  socket.close();
  await ended;
  socket.pause();
  assertEquals(socket.isPaused, false);
});
differs(
  "websocket.pause()",
  "pings wait as well",
  "pings are answered until Sluice's buffers are full",
);

ourStatement("websocket.pause()", "a listener that pauses gets nothing more of the same read", async (play) => {
  const { there, here } = await play.pair();
  const seen: string[] = [];
  there.on("message", (data) => {
    seen.push(String(data));
    there.pause();
  });
  for (const text of ["one", "two", "three"]) here.send(text);
  await next(there, "message");
  await new Promise((done) => setTimeout(done, 0));
  assertEquals(seen, ["one"]);
  for (const expected of [["one", "two"], ["one", "two", "three"]]) {
    const more = next(there, "message");
    there.resume();
    await more;
    assertEquals(seen, expected);
  }
});

ourStatement("websocket.pause()", "a connection that ends ends for a paused socket too", async (play) => {
  const { there, here } = await play.pair();
  there.pause();
  const seen: unknown[] = [];
  there.on("message", (data) => void seen.push(String(data)));
  const ended = next(there, "close");
  here.send("last words");
  const pinged = next(there, "ping");
  here.ping();
  await pinged; // so the message is there
  here.terminate();
  await ended;
  assertEquals(seen, ["last words"]);
});

statement(
  "websocket.ping()",
  "it sends the given payload, and calls the callback when that is written",
  async (play) => {
    const { there, here } = await play.pair();
    const pings: string[] = [];
    const three = new Promise<void>((done) =>
      there.on("ping", (data) => {
        pings.push(String(data));
        if (pings.length === 4) done();
      })
    );
    await new Promise<void>((done) => here.ping(() => done()));
    await new Promise<void>((done) => here.ping("text", () => done()));
    await new Promise<void>((done) => here.ping(Uint8Array.of(65), undefined, () => done()));
    here.ping(12);
    await three;
    assertEquals(pings, ["", "text", "A", "12"]);
  },
);

statement("websocket.ping()", "more than 125 bytes throw a RangeError, in pong() too", async (play) => {
  const { here } = await play.pair();
  assertThrows(() => here.ping("x".repeat(126)), RangeError);
  assertThrows(() => here.pong("x".repeat(126)), RangeError);
});

statement("websocket.protocol", "it is the subprotocol, or an empty string", async (play) => {
  const { here } = await play.pair();
  assertEquals(here.protocol, "");
});

statement(
  "websocket.send()",
  "strings are text; buffers, views and blobs are binary; numbers are text",
  async (play) => {
    const { there, here } = await play.pair();
    const seen: unknown[] = [];
    const all = new Promise<void>((done) =>
      there.on("message", (data, isBinary) => {
        seen.push([String(data), isBinary]);
        if (seen.length === 7) done();
      })
    );
    const bytes = new TextEncoder().encode("bytes");
    here.send("text");
    here.send(bytes);
    here.send(bytes.buffer);
    here.send(new DataView(bytes.buffer, 1, 2));
    here.send(new Blob(["blob"]));
    here.send(5);
    here.send([97, 98]);
    await all;
    assertEquals(seen, [
      ["text", false],
      ["bytes", true],
      ["bytes", true],
      ["yt", true],
      ["blob", true],
      ["5", false],
      ["ab", true],
    ]);
  },
);

statement("websocket.send()", "binary sets the type of the message, whatever the data is", async (play) => {
  const { there, here } = await play.pair();
  const texts = ["größer", "kleiner"];
  const seen: unknown[] = [];
  const both = new Promise<void>((done) =>
    there.on("message", (data, isBinary) => {
      seen.push([String(data), isBinary]);
      if (seen.length === 2) done();
    })
  );
  here.send(Buffer.from(texts[0]!), { binary: false });
  here.send(texts[1], { binary: true });
  await both;
  assertEquals(seen, [["größer", false], ["kleiner", true]]);
});

statement("websocket.send()", "fin: false sends a fragment, and the next call continues the message", async (play) => {
  const { there, here } = await play.pair();
  here.send("one, ", { fin: false });
  here.send("two, ", { fin: false });
  here.send("three");
  const [data, isBinary] = await next(there, "message");
  assertEquals([String(data), isBinary], ["one, two, three", false]);
});

statement(
  "websocket.send()",
  "fragments are compressed if compression was negotiated, except with compress: false",
  async (play) => {
    const { there, here } = await play.pair({ server: { perMessageDeflate: { threshold: 0 } } });
    for (const compress of [true, false]) {
      here.send("ha".repeat(2_000), { fin: false, compress });
      here.send("!", { compress });
      const [data] = await next(there, "message");
      assertEquals(String(data), `${"ha".repeat(2_000)}!`);
    }
  },
);

statement("websocket.send()", "the callback is called without an argument when the data is written", async (play) => {
  const { here } = await play.pair();
  assert(!await new Promise((done) => here.send("x", done)));
  assert(!await new Promise((done) => here.send(Buffer.alloc(200_000), {}, done)));
});

statement("websocket.send()", "it throws before the connection is open", async (play) => {
  await play.serve();
  const socket = play.connect();
  for (const call of [() => socket.send("x"), () => socket.ping(), () => socket.pong()]) {
    assertThrows(call, Error, "WebSocket is not open: readyState 0 (CONNECTING)");
  }
  await next(socket, "open");
});

statement("websocket.send()", "after close() the callback gets an error, and bufferedAmount grows", async (play) => {
  const { here } = await play.pair();
  const ended = next(here, "close");
  here.close();
  const error = await new Promise<Error | undefined>((done) => here.send("late", done));
  assertEquals(error?.message, "WebSocket is not open: readyState 2 (CLOSING)");
  await ended;
  here.send("later");
  assert(here.bufferedAmount >= 5);
});

statement("websocket.send()", "data of any other type throws a TypeError", async (play) => {
  const { here } = await play.pair();
  assertThrows(() => Reflect.apply(here.send, here, [{}]), TypeError);
  assertThrows(() => Reflect.apply(here.send, here, [true]), TypeError);
});

statement("websocket.terminate()", "it ends the connection at once", async (play) => {
  const { there, here } = await play.pair();
  const ended = next(there, "close");
  here.terminate();
  assertEquals(here.readyState, 2);
  assertEquals((await ended)[0], 1006);
});

statement("websocket.url", "it is the URL of a client's socket; a server's socket has none", async (play) => {
  const { there, here } = await play.pair();
  assertEquals([here.url, there.url], [`ws://127.0.0.1:${play.port}/`, undefined]);
});

// What is ours.

ourStatement("our rule", "what a listener throws ends its connection with 1011, and no other", async (play) => {
  const { server, there, here } = await play.pair();
  const other = play.connect();
  await next(other, "open");
  there.on("message", () => {
    throw new Error("a bug");
  });
  const ended = Promise.all([next(here, "close"), next(there, "close")]);
  const errors = await printed(async () => {
    here.send("x");
    assertEquals((await ended)[0][0], 1011);
  });
  assertEquals(errors.map((error) => error instanceof Error && error.message), ["a bug"]);
  assertEquals([other.readyState, server.clients?.size], [1, 1]);
});
differs(
  "Event: message",
  "an error that a listener throws is an uncaught exception",
  "it is printed or passed to `onError`, and the connection closes with 1011",
);

ourStatement("our rule", "two ends that send without reading do not stop each other", async (play) => {
  const { there, here } = await play.pair();
  const count = 200;
  const all = (socket: typeof here) =>
    new Promise<void>((done) => {
      let seen = 0;
      socket.on("message", () => ++seen === count && done());
    });
  const both = [all(there), all(here)];
  const data = new Uint8Array(64 * 1024);
  for (let i = 0; i < count; i++) {
    there.send(data);
    here.send(data);
  }
  await soon(Promise.all(both), "Everything");
});

ourStatement("our rule", "a client of ours and this one are the same to a server", async (play) => {
  const server = await play.serve();
  server.on("connection", (socket) => socket.on("message", (data, binary) => socket.send(data, { binary })));
  const socket = await connect(`ws://127.0.0.1:${play.port}`);
  for (const message of ["text", Uint8Array.of(1, 2), "x".repeat(100_000)]) {
    await socket.send(message);
    assertEquals((await soon(socket[Symbol.asyncIterator]().next(), "The echo")).value, message);
  }
  await socket.close();
});
