import { assertEquals } from "@std/assert";
import { frame, Opcode } from "../../../lib/pipeline/frames/frame.ts";
import { controlReply } from "../../../lib/pipeline/messages/control_reply.ts";
import { close, ping, pong, text } from "../../_support/raw_peer.ts";

Deno.test("F11: a ping is answered with a pong of the same payload (RFC 6455 §5.5.3)", () => {
  for (const payload of ["", "are you there", "x".repeat(125)]) {
    assertEquals(controlReply(ping(payload)), pong(payload));
  }
});

Deno.test("a close frame is answered with its code and no reason (RFC 6455 §5.5.1)", () => {
  assertEquals(controlReply(close(1000)), close(1000));
  assertEquals(controlReply(close(4001, "done here")), close(4001));
});

Deno.test("F15: an empty close frame is answered with an empty one", () => {
  assertEquals(controlReply(close()), close());
});

Deno.test("F13: a pong needs no reply, and no data frame does", () => {
  assertEquals(controlReply(pong("x")), undefined);
  assertEquals(controlReply(text("x")), undefined);
  assertEquals(controlReply(frame(Opcode.CONTINUATION)), undefined);
});
