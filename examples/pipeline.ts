// deno-lint-ignore-file no-console -- an example prints
// An echo server built by hand: the bytes of a `Deno.Conn` become frames, frames become messages, and messages are sent back in
// the same way. `pipeline(conn, { role: "server" })` joins the same streams in one call, and `serve` and `accept` do more with
// less code. Here you can see, remove and replace every stage.
//
//   deno run --allow-net examples/pipeline.ts [port]

import { DEFAULT_LIMITS } from "@sluice/websocket";
import {
  controlReply,
  FrameDecoderStream,
  FrameEncoderStream,
  MessageDecoderStream,
  MessageEncoderStream,
} from "@sluice/websocket/pipeline";
import { acceptUpgrade, readUpgradeRequest, RequestHeadParser } from "@sluice/websocket/handshake";

const listener = Deno.listen({ hostname: "127.0.0.1", port: Number(Deno.args[0] ?? 8080) });
console.log(`Echoing on ws://127.0.0.1:${listener.addr.port}`);
for await (const conn of listener) {
  echo(conn).catch((error) => console.error(error.message));
}

async function echo(conn: Deno.TcpConn): Promise<void> {
  await shakeHands(conn).catch((error) => {
    conn.close();
    throw error;
  });

  // 4: what the reader owes is put between the messages. A close frame ends the stream, and with it our side of the connection.
  const outgoing = new MessageEncoderStream();
  const incoming = conn.readable
    .pipeThrough(new FrameDecoderStream({ role: "server" })) // 1: bytes → Frame[]
    .pipeThrough( // 2: Frame[] → Message[]
      new MessageDecoderStream({
        control: (frame) => {
          const reply = controlReply(frame);
          if (reply !== undefined) outgoing.control(reply);
        },
      }),
    );
  const sent = outgoing.readable // 5: Message[] → Frame[]
    .pipeThrough(new FrameEncoderStream({ role: "server" })) // 6: Frame[] → bytes
    .pipeTo(conn.writable, { preventClose: true }) // 7; to close it would close the reading side as well
    .then(() => conn.closeWrite());

  const writer = outgoing.writable.getWriter();
  const echoed = (async () => {
    for await (const batch of incoming) await writer.write(batch); // 3
  })();
  await Promise.all([echoed, sent]);
}

async function shakeHands(conn: Deno.TcpConn): Promise<void> {
  const parser = new RequestHeadParser(DEFAULT_LIMITS);
  const buffer = new Uint8Array(1024);
  let head;
  while (head === undefined) {
    const count = await conn.read(buffer);
    if (count === null) throw new Error("The client left");
    head = parser.push(buffer.subarray(0, count));
  }
  await conn.write(await acceptUpgrade(readUpgradeRequest(head)));
}
