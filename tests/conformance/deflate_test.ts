/**
 * Autobahn's categories 12 and 13: our client and our server over real sockets, each compressing for the other.
 *
 * @module
 */
import { assertEquals, assertGreater } from "@std/assert";
import { nextTask } from "../../lib/async.ts";
import { connect } from "../../lib/client/connect.ts";
import type { WebSocketHandler } from "../../lib/connection/readers/callbacks.ts";
import type { Extension, ExtensionProcessor } from "../../lib/extensions/extension.ts";
import { permessageDeflate } from "../../lib/extensions/permessage_deflate/permessage_deflate.ts";
import { parseExtensions } from "../../lib/handshake/extension_header.ts";
import { frame, Opcode, type OutgoingFrame } from "../../lib/pipeline/frames/frame.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import { serve } from "../../lib/server/serve.ts";
import { within } from "../_support/deadline.ts";
import { PAYLOAD_SIZES, PAYLOADS } from "../_support/payloads.ts";
import { PULLING } from "./_subjects.ts";
import { DEFLATE_CASES, type DeflateCase } from "./deflate_cases.ts";

/** Messages of each size, so that there is a context to take over. The suite sends 1000. */
const REPEATS = 4;
/** More than any message: it stays one frame. */
const WHOLE = Number.MAX_SAFE_INTEGER;
/** Bytes of a message's fragments before they are compressed. */
const FRAGMENTS = [256, 1024, 4 * 1024, 16 * 1024, 64 * 1024];

/** The server's application reads in every way, one after the other. */
const HANDLERS: readonly WebSocketHandler[] = [
  { message: (socket, data) => socket.send(data) },
  { message: (socket, data) => nextTask().then(() => socket.send(data)) },
  ...Object.values(PULLING),
];
let used = 0;
const nextHandler = (): WebSocketHandler => HANDLERS[used++ % HANDLERS.length]!;

/** The same extension, which cuts messages into fragments of so many bytes before it compresses them. */
function cutting<Given extends Extension>(extension: Given, size: number): Extension {
  const cut = (message: OutgoingFrame): OutgoingFrame[] =>
    Array.from({ length: Math.ceil(message.payload.length / size) }, (_, i) => {
      const part = message.payload.subarray(i * size, (i + 1) * size);
      const fin = (i + 1) * size >= message.payload.length;
      return frame(i === 0 ? message.opcode : Opcode.CONTINUATION, part, { fin });
    });
  const wrap = (processor: ExtensionProcessor): ExtensionProcessor => ({
    ...processor,
    open(context) {
      const { encode, ...rest } = processor.open(context);
      return { ...rest, encode: { push: (frames, output) => encode.push(frames.flatMap(cut), output) } };
    },
  });
  return {
    name: extension.name,
    offer: () => extension.offer(),
    confirm: (params) => wrap(extension.confirm(params)),
    accept(params) {
      const processor = extension.accept(params);
      return processor === undefined ? undefined : wrap(processor);
    },
  };
}

/** Both ends of a row, the client's offers being the row's. */
async function openCase(
  { offers, server: wishes, agreed }: DeflateCase,
  fragmentBytes: number,
  handler: WebSocketHandler,
) {
  const [theirs, ours] = [permessageDeflate({ threshold: 0, ...wishes }), permessageDeflate({ threshold: 0 })];
  const offered = offers.map((offer) => parseExtensions([`x${offer === "" ? "" : `; ${offer}`}`])[0]!.params);
  const offering: Extension = {
    name: ours.name,
    offer: () => offered,
    accept: () => undefined,
    confirm: (params) => ours.confirm(params),
  };
  const server = serve(
    { hostname: "127.0.0.1", port: 0, extensions: [cutting(theirs, fragmentBytes)] },
    handler,
  );
  const socket = await within(connect(server.url, { extensions: [cutting(offering, fragmentBytes)] }));
  assertEquals(socket.extensions, agreed === "" ? "permessage-deflate" : `permessage-deflate; ${agreed}`);
  const received = socket[Symbol.asyncIterator]();
  return {
    server: theirs.stats,
    client: ours.stats,
    async echo(message: Message): Promise<void> {
      await within(socket.send(message));
      const value: Message | undefined = (await within(received.next())).value;
      // Compared at once where they are the same: 128 KiB are too much to print.
      const same = typeof message === "string"
        ? value === message
        : typeof value === "object" && value.length === message.length && value.every((byte, i) => byte === message[i]);
      if (!same) throw new Error(`Got another message for one of ${message.length} bytes`);
    },
    async [Symbol.asyncDispose](): Promise<void> {
      assertEquals((await within(socket.close())).wasClean, true);
      await within(server.shutdown());
      assertEquals([theirs.contextBytes, ours.contextBytes], [0, 0]);
    },
  };
}

for (const row of DEFLATE_CASES) {
  for (const [kind, payload] of Object.entries(PAYLOADS)) {
    Deno.test(`${row.id}: ${kind} of 16 bytes to 128 KiB comes back, with ${row.title}`, async () => {
      await using ends = await openCase(row, WHOLE, nextHandler());
      for (const size of PAYLOAD_SIZES) {
        for (let repeat = 0; repeat < REPEATS; repeat++) await ends.echo(payload(size));
      }
      // Noise is sent as it is where there is no context to keep in step.
      const takeover = !row.agreed.includes("server_no_context_takeover");
      if (kind === "binary noise" && !takeover) return;
      for (const stats of [ends.server, ends.client]) {
        assertGreater(stats.messagesOut, REPEATS * PAYLOAD_SIZES.length / 2);
      }
      assertEquals(ends.server.bytesIn, ends.client.bytesOut);
      assertEquals(ends.server.compressedIn, ends.client.compressedOut);
      assertEquals(ends.client.compressedIn, ends.server.compressedOut);
    });
  }

  Deno.test(`${row.id}: messages of 128 KiB in fragments of 256 bytes to 64 KiB come back, with ${row.title}`, async () => {
    for (const fragmentBytes of FRAGMENTS) {
      await using ends = await openCase(row, fragmentBytes, nextHandler());
      const messages = Object.values(PAYLOADS).map((payload) => payload(128 * 1024));
      for (const message of [...messages, ...messages]) await ends.echo(message);
      for (const stats of [ends.server, ends.client]) assertEquals([stats.messagesIn, stats.messagesOut], [10, 10]);
    }
  });
}
