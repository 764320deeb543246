// deno-lint-ignore-file no-console -- an example prints
// Frames without sockets: the bytes on the wire, built and parsed by hand. A client fragments a message and puts a ping between
// the fragments; a server gets it byte by byte. Then follows a frame that violates the protocol.
//
//   deno run examples/raw_frames.ts

import { ProtocolError } from "@sluice/websocket";
import { type Frame, frame, FrameParser, FrameSerializer, Opcode, Rsv } from "@sluice/websocket/frames";
import { type Message, MessageAssembler, MessageFragmenter } from "@sluice/websocket/messages";

// Everything here takes a batch and appends what it makes of it to an array of yours. Nothing waits, nothing is called back.

// 1. A message becomes frames of at most four bytes. That cuts the é in two, as senders may (RFC 6455 §5.4).
const frames: Frame[] = [];
new MessageFragmenter({ maxFrameBytes: 4 }).push(["Café crème"], frames);

// 2. A control frame may stand between the fragments of a message, another message may not.
frames.splice(1, 0, frame(Opcode.PING, new TextEncoder().encode("there?")));
console.log("Frames that the client makes");
frames.forEach(print);

// 3. Frames become bytes. A client masks; a fixed key shows how, and is for that alone (§5.3): leave it out.
const chunks: Uint8Array<ArrayBuffer>[] = [];
new FrameSerializer({ role: "client", maskKey: () => 0x37fa213d }).push(frames, chunks);
const wire = await concat(chunks);
console.log(`\n${wire.length} bytes on the wire\n  ${hex(wire)}`);

// 4. The server reads them as they come, here one byte at a time: a frame is complete with its last byte, a message with its last frame.
console.log("\nWhat the server reads, by the byte that completes it");
const parser = new FrameParser({ role: "server", maxMessageBytes: 1024 });
const assembler = new MessageAssembler({
  control: ({ opcode, payload }) => console.log(`  control frame ${opcode}, to be answered with ${hex(payload)}`),
});
for (const [index, byte] of wire.entries()) {
  const completed: Frame[] = [];
  parser.push(Uint8Array.of(byte), completed);
  if (completed.length === 0) continue;
  console.log(`byte ${index + 1}`);
  completed.forEach(print);
  const messages: Message[] = [];
  assembler.push(completed, messages);
  for (const message of messages) console.log(`  message ${JSON.stringify(message)}`);
}

// 5. What breaks a rule is known by its header, before the payload is here. The error says which rule, and the code to close with.
console.log("\nA bit that no extension owns");
const broken: Uint8Array<ArrayBuffer>[] = [];
new FrameSerializer({ role: "client" }).push([frame(Opcode.TEXT, undefined, { rsv: Rsv.RSV1 })], broken);
try {
  parser.push(await concat(broken), []);
} catch (error) {
  if (!(error instanceof ProtocolError)) throw error;
  console.log(`  ${error.message}, close with ${error.closeCode}`);
}

function print({ fin, opcode, payload }: Frame): void {
  const name = Object.entries(Opcode).find(([, value]) => value === opcode)?.[0] ?? `opcode ${opcode}`;
  console.log(`  ${name.padEnd(12)} ${fin ? "FIN" : "   "}  ${hex(payload)}`);
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

async function concat(chunks: Uint8Array<ArrayBuffer>[]): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}
