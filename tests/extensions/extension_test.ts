import { assert, assertEquals, assertInstanceOf, assertMatch, assertRejects } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import { HandshakeError, ProtocolError } from "../../lib/errors.ts";
import type { PerMessageDeflateProcessor } from "../../lib/extensions/permessage_deflate/permessage_deflate.ts";
import { type Frame, frame, Opcode, Rsv } from "../../lib/pipeline/frames/frame.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { accept } from "../../lib/server/accept.ts";
import { counting } from "../_support/bytes.ts";
import { lines, utf8 } from "../_support/frames.ts";
import { connPair, streamPair } from "../_support/pair.ts";
import { close, ping, pong, RawPeer, requestText, text } from "../_support/raw_peer.ts";
import { ask, flip, toy } from "../_support/toy_extensions.ts";
import { settle, soon, until } from "../_support/wait.ts";
import { client, closeBoth, end, type Ends, expectFailure, extensionsOf, ROLES, server } from "./_support.ts";

/** The next messages of a connection, which stays open. */
async function receive(socket: WebSocketConnection, count = 1): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const message of socket) if (messages.push(message) === count) break;
  return messages;
}

const flipped = (payload: Uint8Array) => payload.map((byte) => byte ^ 0x5a);
const flippedText = (payload: string) => frame(Opcode.TEXT, flipped(utf8(payload)), { rsv: Rsv.RSV2 });

for (const role of ROLES) {
  Deno.test(`a ${role}'s messages pass through its extension in both directions, its control frames do not`, async () => {
    const ends = await end(role, "x-flip", { extensions: [flip()] });
    const { socket, peer } = ends;
    assertEquals(socket.extensions, "x-flip");
    assertEquals(socket.extensionProcessors.map(({ name }) => name), ["x-flip"]);
    await socket.send("Hello");
    socket.ping("there?").catch(() => {});
    await peer.expect(flippedText("Hello"), ping("there?"));
    await peer.send(flippedText("world"), ping("here?"));
    assertEquals(await receive(socket), ["world"]);
    await peer.expect(pong("here?"));
    await closeBoth(ends);
  });

  Deno.test(`a ${role}'s extension may ignore messages: those without its bits are read unchanged`, async () => {
    const ends = await end(role, "x-flip", { extensions: [flip()] });
    await ends.peer.send(text("plain"), flippedText("flipped"), text("plain"));
    assertEquals(await receive(ends.socket, 3), ["plain", "flipped", "plain"]);
    await closeBoth(ends);
  });

  Deno.test(`on a ${role} an extension replies by itself, with its own opcode`, async () => {
    const extension = ask();
    const ends = await end(role, "x-ask", { extensions: [extension] });
    await ends.peer.send(frame(3, utf8("live")), text("after"));
    await ends.peer.expect(frame(11, utf8("evil")));
    assertEquals(await receive(ends.socket), ["after"]);
    assertEquals(extension.opened.map((context) => context.role), [role]);
    await closeBoth(ends);
  });

  Deno.test(`on a ${role} an extension's reply after our close frame is dropped, and the end is clean`, async () => {
    const { socket, peer } = await end(role, "x-ask", { extensions: [ask()] });
    const closing = socket.close();
    await peer.expect(close(1000));
    await peer.send(frame(3, utf8("too late")), close(1000));
    await peer.closeWrite();
    assertEquals(await soon(closing, "The end"), { closeCode: 1000, reason: "", wasClean: true });
    await peer.expectEnd();
  });

  for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
    Deno.test(`a ${role} takes opcode ${opcode} on the connection whose extension owns it, and on no other`, async () => {
      const extension = ask({ reservedOpcodes: [opcode], decode: (frame) => frame.opcode < 3 ? frame : undefined });
      const owner = await end(role, "x-ask", { extensions: [extension] });
      const options = { extensions: [extension] };
      const other = await (role === "server" ? server(undefined, options) : client(undefined, options));
      assertEquals([other.socket.extensions, extensionsOf(other.head)], ["", role === "server" ? undefined : "x-ask"]);
      for (const { peer } of [owner, other]) await peer.send(frame(opcode, utf8("mine")), text("after"));
      assertEquals(await receive(owner.socket), ["after"]);
      assertEquals(lines(extension.received), lines([frame(opcode, utf8("mine")), text("after")]));
      assertInstanceOf(await expectFailure(other, 1002), ProtocolError);
      await closeBoth(owner);
    });
  }

  Deno.test(`a ${role}'s opcodes are those that the extension owns, not their neighbours`, async () => {
    const ends = await end(role, "x-ask", { extensions: [ask()] });
    await ends.peer.send(frame(4));
    await expectFailure(ends, 1002);
  });

  Deno.test(`on a ${role} a data frame that its own extension leaves alone is unknown: 1002`, async () => {
    const ends = await end(role, "x-ask", { extensions: [ask({ decode: (frame) => frame })] });
    await ends.peer.send(frame(3));
    assertMatch(String(await expectFailure(ends, 1002)), /Opcode 3 is not defined/);
  });

  Deno.test(`on a ${role} a control frame that its own extension leaves alone is ignored`, async () => {
    const ends = await end(role, "x-ask", { extensions: [ask({ decode: (frame) => frame })] });
    await ends.peer.send(frame(11, utf8("?")), text("after"));
    assertEquals(await receive(ends.socket), ["after"]);
    await closeBoth(ends);
  });

  Deno.test(`a ${role} fails reserved bits that no extension owns on that kind of frame: 1002`, async () => {
    for (
      const frames of [
        [frame(Opcode.TEXT, utf8("x"), { rsv: Rsv.RSV3 })],
        [frame(Opcode.TEXT, utf8("x"), { rsv: Rsv.RSV2 | Rsv.RSV1 })],
        [frame(Opcode.PING, utf8("x"), { rsv: Rsv.RSV2 })],
        [frame(Opcode.TEXT, utf8("x"), { fin: false }), frame(Opcode.CONTINUATION, utf8("y"), { rsv: Rsv.RSV2 })],
      ]
    ) {
      const ends = await end(role, "x-flip", { extensions: [flip({ reservedBits: { first: Rsv.RSV2 } })] });
      await ends.peer.send(...frames);
      assertMatch(String(await expectFailure(ends, 1002)), /Reserved bits \d{3} were not negotiated/);
    }
  });

  Deno.test(`on a ${role} an extension that cannot handle parts gets the peer's frames whole`, async () => {
    const extension = flip();
    const ends = await end(role, "x-flip", { extensions: [extension] });
    const payload = counting(70_000);
    const sent = [
      frame(Opcode.BINARY, flipped(payload.subarray(0, 69_000)), { fin: false, rsv: Rsv.RSV2 }),
      frame(Opcode.CONTINUATION, flipped(payload.subarray(69_000)), { rsv: Rsv.RSV2 }),
    ];
    await ends.peer.send(...sent);
    assertEquals(await receive(ends.socket), [payload]);
    assertEquals(lines(extension.received), lines(sent));
    await closeBoth(ends);
  });

  Deno.test(`on a ${role} an extension that handles parts gets a large frame as it arrives, its bits on the first part`, async () => {
    const extension = toy({
      splittable: true,
      reservedBits: { first: Rsv.RSV2 },
      decode: (frame) => ({ ...frame, rsv: 0 }),
    });
    const ends = await end(role, "x-toy", { extensions: [extension] });
    const payload = counting(200_000);
    await ends.peer.send(frame(Opcode.BINARY, payload, { rsv: Rsv.RSV2 }));
    assertEquals(await receive(ends.socket), [payload]);
    const [first, ...rest] = extension.received;
    assert(rest.length > 0);
    assertEquals([first?.opcode, first?.rsv, first?.fin], [Opcode.BINARY, Rsv.RSV2, false]);
    assert(rest.every(({ opcode, rsv, fin }, i) => opcode === 0 && rsv === 0 && fin === (i === rest.length - 1)));
    await closeBoth(ends);
  });

  Deno.test(`on a ${role} compression passes whole frames to an earlier extension that cannot handle parts`, async () => {
    // As the answer orders them, the peer flips before it deflates, so here it is inflated before it is flipped back.
    const extension = flip();
    const options = { extensions: [extension], perMessageDeflate: { threshold: 0 } };
    const ends = await end(
      role,
      "x-flip, permessage-deflate; client_no_context_takeover; server_no_context_takeover",
      options,
    );
    const message = "compressible ".repeat(20_000);
    await ends.socket.send(message);
    const sent = await ends.peer.readFrame();
    assertEquals(sent.rsv, Rsv.RSV1 | Rsv.RSV2);
    await ends.peer.send(sent);
    assertEquals(await receive(ends.socket), [message]);
    assertEquals(extension.received.map(({ fin, rsv, opcode, payload }) => [fin, rsv, opcode, payload.length]), [
      [true, Rsv.RSV2, Opcode.TEXT, message.length],
    ]);
    await closeBoth(ends);
  });

  Deno.test(`an error of a ${role}'s extension fails the connection: with its close code, or 1011 for an error of our side`, async () => {
    for (
      const [error, closeCode] of [
        [new ProtocolError("Frame is not funny", "x-toy §1"), 1002],
        [new ProtocolError("Frame is no joke", "x-toy §2", 1007), 1007],
        [new TypeError("Oops"), 1011],
      ] as const
    ) {
      const throwing = toy({
        decode: () => {
          throw error;
        },
      });
      const ends = await end(role, "x-toy", { extensions: [throwing] });
      await ends.peer.send(text("x"));
      assertEquals(await expectFailure(ends, closeCode), error);
      assertEquals(throwing.released, 1);
    }
  });

  const ENDS: Record<string, (ends: Ends) => Promise<unknown>> = {
    "we close": closeBoth,
    "the peer closes": async ({ socket, peer }) => {
      await peer.send(close(1000));
      await peer.readFrame();
      peer.close();
      await socket.closed;
    },
    "we abort": async ({ socket }) => {
      socket.abort();
      await socket.closed;
    },
    "the peer ends the transport": async ({ socket, peer }) => {
      peer.close();
      await socket.closed;
    },
    "the peer breaks a rule": async (ends) => {
      await ends.peer.send(frame(7));
      await expectFailure(ends, 1002);
    },
    "the closing handshake takes too long": async ({ socket, peer }) => {
      await socket.close();
      peer.close();
    },
    "everything happens together": async ({ socket, peer }) => {
      const closing = socket.close();
      await peer.send(close(1000));
      socket.abort();
      peer.close();
      await closing;
    },
  };
  for (const [how, run] of Object.entries(ENDS)) {
    Deno.test(`a ${role}'s extension is released once when ${how}`, async () => {
      const extension = ask();
      const ends = await end(role, "x-ask", { extensions: [extension], closeTimeout: 20 });
      assertEquals([extension.opened.length, extension.released], [1, 0]);
      await soon(run(ends), "The end");
      await settle();
      assertEquals(extension.released, 1);
    });
  }
}

Deno.test("two Sluice ends agree on several extensions, and each connection has its own codecs", async () => {
  const [serverAsk, clientAsk] = [ask(), ask()];
  const [near, far] = streamPair();
  const [ours, theirs] = await Promise.all([
    accept(near, { extensions: [serverAsk, flip()], perMessageDeflate: { threshold: 0 } }),
    connect("ws://127.0.0.1/", { conn: far, extensions: [flip(), clientAsk], perMessageDeflate: { threshold: 0 } }),
  ]);
  const agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover, x-flip, x-ask";
  assertEquals([ours.extensions, theirs.extensions], [agreed, agreed]);
  const message = "Hello ".repeat(50_000);
  await theirs.send(message);
  clientAsk.opened[0]!.send(frame(3, utf8("abc")));
  assertEquals(await receive(ours), [message]);
  await ours.send("done");
  assertEquals(await receive(theirs), ["done"]);
  const answers = () => clientAsk.received.filter(({ opcode }) => opcode > 2);
  await until(() => answers().length > 0, "The answer to the extension's own frame");
  assertEquals(lines(answers()), lines([frame(11, utf8("cba"))]));
  await Promise.all([ours.close(), theirs.closed]);
});

Deno.test("`upgrade` sees the agreed extensions, configures them and can remove some", async () => {
  const unwanted = flip();
  const ends = await server("x-flip, permessage-deflate; server_max_window_bits=12, x-ask", {
    extensions: [ask(), unwanted],
    perMessageDeflate: true,
    upgrade(request, info) {
      assertEquals(request.extensions.map(({ name }) => name), ["x-flip", "permessage-deflate", "x-ask"]);
      assertEquals(info.extensions.map(({ name }) => name), ["x-flip", "permessage-deflate", "x-ask"]);
      const deflate = info.extensions.find((one): one is PerMessageDeflateProcessor => "parameters" in one);
      deflate!.parameters.serverMaxWindowBits = 10;
      info.extensions.shift();
    },
  });
  const answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; " +
    "server_max_window_bits=10, x-ask";
  assertEquals(extensionsOf(ends.head), answer);
  assertEquals(ends.socket.extensions, answer);
  assertEquals(unwanted.opened, []);
  await ends.peer.send(flippedText("x"));
  await expectFailure(ends, 1002);
});

Deno.test("`upgrade` may remove all extensions, and may refuse the handshake: then no codec is opened", async () => {
  const extension = flip();
  const ends = await server("x-flip", {
    extensions: [extension],
    upgrade: (_, { extensions }) => void extensions.splice(0),
  });
  assertEquals([extensionsOf(ends.head), ends.socket.extensions], [undefined, ""]);
  await closeBoth(ends);
  const [conn, far] = connPair();
  const peer = new RawPeer(far, "client");
  const refused = accept(conn, { extensions: [extension], upgrade: () => new Response(null, { status: 403 }) });
  await peer.send(utf8(requestText({ "Sec-WebSocket-Extensions": "x-flip" })));
  assertMatch(await peer.readHead(), /^HTTP\/1.1 403 /);
  peer.close();
  await assertRejects(() => refused, HandshakeError);
  assertEquals(extension.opened, []);
});

Deno.test("a server without extensions accepts none, and sends no field", async () => {
  const ends = await server("x-flip, permessage-deflate");
  assertEquals([extensionsOf(ends.head), ends.socket.extensionProcessors], [undefined, []]);
  await closeBoth(ends);
});

Deno.test("a client offers its extensions in its order", async () => {
  const ends = await client(undefined, { extensions: [ask(), flip({ offers: [[{ name: "key", value: "90" }], []] })] });
  assertEquals(extensionsOf(ends.head), "x-ask, x-flip; key=90, x-flip");
  await closeBoth(ends);
});

Deno.test("a client refuses a response with an extension that is unknown, duplicate, malformed, or refused by the extension", async () => {
  const extension = flip({ takes: (params) => params.length === 0 });
  for (
    const [answer, reason] of [
      ["x-other", /"x-other", which was not offered/],
      ["x-flip, x-other", /"x-other", which was not offered/],
      ["x-flip, x-flip", /"x-flip", which conflicts with "x-flip"/],
      ["x-flip; key=1", /refuses its parameters/],
      ["x-flip; =", /malformed/],
    ] as const
  ) {
    const error = await assertRejects(() => client(answer, { extensions: [extension] }), HandshakeError);
    assertMatch(error.message, reason);
    assertEquals(error.status, 101);
    assertEquals(error.headers.get("sec-websocket-extensions"), answer);
  }
  assertEquals(extension.opened, []);
});

Deno.test("an extension's own frames are masked by a client, and not by a server", async () => {
  for (const role of ROLES) {
    const extension = ask();
    const ends = await end(role, "x-ask", { extensions: [extension] });
    const sent: Frame = frame(3, utf8("mine"));
    extension.opened[0]!.send(sent);
    const [first, second] = await ends.peer.readBytes(2);
    assertEquals([first, second! >= 128], [0x83, role === "client"]);
    await ends.peer.readBytes(role === "client" ? 8 : 4);
    await closeBoth(ends);
  }
});
