import { assertEquals } from "@std/assert";
import { shouldReconnect } from "../../lib/client/should_reconnect.ts";
import { ConnectionError, HandshakeError, LimitError, ProtocolError } from "../../lib/errors.ts";

const ended = (closeCode: number) => shouldReconnect({ closeCode, reason: "", wasClean: closeCode !== 1006 });
const failed = (error: unknown) => shouldReconnect({ closeCode: 1006, reason: "", wasClean: false, error });

Deno.test("a client reconnects after a close code that is unspecific or says that the server is away", () => {
  const codes = [1001, 1005, 1006, 1011, 1012, 1013, 1014, 3008, 4000, 4999];
  assertEquals(codes.filter((code) => !ended(code)), []);
});

Deno.test("a close code is final if it says that all is done, or that a retry would fail again", () => {
  assertEquals([1000, 1002, 1003, 1007, 1008, 1009, 1010, 3000, 3003].filter(ended), []);
});

Deno.test("a 4xx refusal is final except 408, 425 and 429, and so is a response that does not speak WebSocket", () => {
  const refused = (status: number) => failed(new HandshakeError("", { status }));
  assertEquals([200, 302, 408, 425, 429, 500, 502, 503, 504].filter((status) => !refused(status)), []);
  assertEquals([101, 400, 401, 403, 404, 426, 499].filter(refused), []);
});

Deno.test("a lost or failed connection is not final; a peer that breaks the protocol is", () => {
  assertEquals(failed(new ConnectionError("Cannot connect")), true);
  assertEquals(failed(new ProtocolError("Bad frame", "RFC 6455 §5.2")), false);
  const limit = { limit: "maxMessageBytes", max: 1 };
  assertEquals(failed(new LimitError("Too big", { ...limit, closeCode: 1009 })), false);
  assertEquals(failed(new LimitError("Too slow", { ...limit, closeCode: 1013 })), true);
});

Deno.test("a caller's mistake is not retried", () => {
  for (
    const error of [new DOMException("Bad URL", "SyntaxError"), new Deno.errors.NotCapable("net"), new TypeError("?")]
  ) assertEquals(failed(error), false, String(error));
});

Deno.test("a lost connection whose peer had sent a close code is judged by that code", () => {
  const error = new ConnectionError("The closing handshake took more than 10000 ms");
  assertEquals(shouldReconnect({ closeCode: 1008, reason: "", wasClean: false, error }), false);
});
