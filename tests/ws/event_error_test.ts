import { assert, assertEquals } from "@std/assert";
import { ConnectionError, LimitError } from "../../lib/errors.ts";
import { eventError } from "../../lib/ws/event_error.ts";
import { close, RawPeer, text } from "../_support/raw_peer.ts";
import { continuation, ping, rawFrame } from "../../lib/testing/raw_frame.ts";
import { next, type Play, statement } from "./_support.ts";

/** The header of a masked frame of 2^62 bytes. */
const HUGE = Uint8Array.of(0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

/** A client sends something wrong: the socket's error has the code, and the client is closed with 1002 or 1007. */
function fault(code: string, send: (peer: RawPeer) => Promise<void>, closeCode = 1002) {
  return async (play: Play): Promise<void> => {
    const server = await play.serve();
    const connected = next(server, "connection");
    using peer = await RawPeer.connect(play.port);
    const [socket] = await connected as [Parameters<typeof next>[0]];
    const failed = next(socket, "error");
    const ended = new Promise<unknown>((done) => socket.on("close", done));
    await send(peer);
    const [error] = await failed as [Error & { code: string }];
    assertEquals(error.code, code);
    await peer.expectClose(closeCode);
    peer.close();
    assertEquals(await ended, 1006);
  };
}

statement(
  "WS_ERR_EXPECTED_FIN",
  "a control frame is fragmented",
  fault("WS_ERR_EXPECTED_FIN", (peer) => peer.send(ping("", { fin: false }))),
);
statement(
  "WS_ERR_EXPECTED_MASK",
  "a client's frame is not masked",
  fault("WS_ERR_EXPECTED_MASK", (peer) => peer.send(Uint8Array.of(0x81, 1, 65))),
);
statement(
  "WS_ERR_INVALID_CLOSE_CODE",
  "a close frame has a code that must not be sent",
  fault("WS_ERR_INVALID_CLOSE_CODE", (peer) => peer.send(close(1005))),
);
statement(
  "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH",
  "a control frame has a payload of more than 125 bytes",
  fault("WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH", (peer) => peer.send(ping("x".repeat(126)))),
);
statement(
  "WS_ERR_INVALID_OPCODE",
  "a frame has an undefined opcode",
  fault("WS_ERR_INVALID_OPCODE", (peer) => peer.send(rawFrame(3))),
);
statement(
  "WS_ERR_INVALID_OPCODE",
  "a continuation frame follows no fragment",
  fault("WS_ERR_INVALID_OPCODE", (peer) => peer.send(continuation("x"))),
);
statement(
  "WS_ERR_INVALID_UTF8",
  "a text message is not UTF-8",
  fault("WS_ERR_INVALID_UTF8", (peer) => peer.send(text(Uint8Array.of(0xff))), 1007),
);
statement(
  "WS_ERR_UNEXPECTED_RSV_1",
  "the first reserved bit is set",
  fault("WS_ERR_UNEXPECTED_RSV_1", (peer) => peer.send(text("x", { rsv: 4 }))),
);
statement(
  "WS_ERR_UNEXPECTED_RSV_2_3",
  "the second or the third reserved bit is set",
  fault("WS_ERR_UNEXPECTED_RSV_2_3", (peer) => peer.send(text("x", { rsv: 2 }))),
);
statement(
  "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH",
  "a length is 2^53 or more",
  fault("WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH", (peer) => peer.send(HUGE), 1009),
);
statement("WS_ERR_UNEXPECTED_MASK", "a server's frame is masked", async (play) => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const socket = new play.client.WebSocket(`ws://127.0.0.1:${listener.addr.port}`);
  using peer = new RawPeer(await listener.accept(), "server");
  await peer.answer();
  const failed = next(socket, "error");
  const ended = new Promise<unknown>((done) => socket.on("close", done));
  await peer.send(Uint8Array.of(0x81, 0x81, 1, 2, 3, 4, 65));
  const [error] = await failed as [Error & { code: string }];
  assertEquals(error.code, "WS_ERR_UNEXPECTED_MASK");
  peer.close();
  assertEquals(await ended, 1006);
});

Deno.test("a network error has Node's code, and Sluice's error as its cause", () => {
  const cause = new ConnectionError("Cannot connect", { cause: new Deno.errors.ConnectionRefused("refused") });
  const error = eventError(cause);
  assertEquals([error.message, error.code, error.cause], ["Cannot connect", "ECONNREFUSED", cause]);
  assertEquals(eventError(new ConnectionError("Lost")).code, undefined);
});

Deno.test("a limit that ws has too is reported with its code, and others without one", () => {
  const limit = (name: string) => new LimitError("too much", { limit: name, max: 1, closeCode: 1009 });
  assertEquals(
    ["maxMessageBytes", "maxFragments", "maxEmptyFragments", "maxPingsPerSecond"].map((name) =>
      eventError(limit(name)).code
    ),
    [
      "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH",
      "WS_ERR_TOO_MANY_BUFFERED_PARTS",
      "WS_ERR_TOO_MANY_BUFFERED_PARTS",
      undefined,
    ],
  );
  assert(eventError(limit("maxMessageBytes")) instanceof RangeError);
});
