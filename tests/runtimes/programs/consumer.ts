// Not run: `tsc --strict` checks it against the declarations of the package, with the types of a browser and no others.
import {
  accept,
  connect,
  type ConnectOptions,
  HandshakeError,
  type Message,
  reconnecting,
  serve,
  type ServeOptions,
  WebSocket,
  type WebSocketConnection,
  WebSocketStream,
} from "@sluice/websocket";
import { CloseCode } from "@sluice/websocket/frames";
import { pipeStages } from "@sluice/websocket/pipeline";
import type { ByteConnection } from "@sluice/websocket/server";
import { type Extension, offerExtensions } from "@sluice/websocket/extensions";
import { type Frame, FrameDecoderStream, FrameParser, Opcode } from "@sluice/websocket/frames";
import { acceptKey, readUpgradeRequest, type UpgradeRequest } from "@sluice/websocket/handshake";
import { createHub, type Hub } from "@sluice/websocket/hub";
import { natsBroker } from "@sluice/websocket/hub/nats";
import { legacyDrafts } from "@sluice/websocket/legacy";
import { MessageAssembler, MessageDecoderStream } from "@sluice/websocket/messages";
import { permessageDeflate } from "@sluice/websocket/permessage-deflate";

/** Assignable both ways: no type has fallen to `any`. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : never;
const same = <A, B>(proof: Same<A, B>): Same<A, B> => proof;

interface Member {
  name: string;
}

export async function client(url: string, options: ConnectOptions<Member>): Promise<void> {
  await using socket: WebSocketConnection<Member> = await connect<Member>(url, options);
  same<typeof socket.data, Member | undefined>(true);
  for await (const message of socket) {
    same<typeof message, Message>(true);
    if (typeof message === "string") await socket.send(message.toUpperCase(), { compress: false });
  }
  const { closeCode, wasClean } = await socket.close(CloseCode.NORMAL);
  same<[number, boolean], [typeof closeCode, typeof wasClean]>(true);
  // @ts-expect-error a number is no message
  await socket.send(1);
}

export function platform(url: string): void {
  const socket = new WebSocket(url, { headers: { Cookie: "a=1" }, binaryType: undefined } as ConnectOptions);
  socket.onmessage = ({ data }) => void data;
  socket.onclose = ({ code }) => same<typeof code, number>(true);
  void new WebSocketStream(url).opened.then(({ readable }) => same<typeof readable, ReadableStream<Message>>(true));
  void reconnecting(url).closed;
}

export function inferred(port: number): void {
  serve(
    { port, upgrade: ({ path }) => path === "/" ? { data: { name: path } } : new Response(null, { status: 404 }) },
    {
      open: (socket) => void same<typeof socket.data, { name: string }>(true),
    },
  );
  serve({ port, upgrade: () => ({ headers: {} }) }, (socket) => void same<typeof socket.data, unknown>(true));
  // @ts-expect-error there is no such option
  serve({ host: "127.0.0.1" }, {});
  // @ts-expect-error there is no handler
  serve({ port });
  // @ts-expect-error there is no such callback
  serve({ port }, { onMessage() {} });
}

export function server(options: ServeOptions<Member>, hub: Hub = createHub({ broker: natsBroker() })): Promise<void> {
  const running = serve<Member>({ ...options, hub, extensions: [permessageDeflate(), mine] }, {
    message: (socket, data) => void socket.publish(socket.data?.name ?? "?", data),
    close: (_, { closeCode }) => void same<typeof closeCode, number>(true),
  });
  return running.shutdown({ code: 1001 });
}

export async function byHand(conn: ByteConnection, bytes: Uint8Array<ArrayBuffer>): Promise<WebSocketConnection> {
  const frames: Frame[] = [];
  new FrameParser({ role: "server" }).push(bytes, frames);
  same<(typeof frames)[0]["opcode"], number>(true);
  void [Opcode.TEXT, legacyDrafts(), acceptKey("x"), offerExtensions([mine]), readUpgradeRequest];
  const messages: ReadableStream<Message[]> = new ReadableStream<Uint8Array<ArrayBuffer>>()
    .pipeThrough(new FrameDecoderStream({ role: "server" }))
    .pipeThrough(new MessageDecoderStream());
  void [messages, pipeStages(new FrameParser({ role: "client" }), new MessageAssembler())];
  try {
    return await accept(conn);
  } catch (error) {
    if (error instanceof HandshakeError) same<typeof error.status, number>(true);
    throw error;
  }
}

declare const mine: Extension;
export type { UpgradeRequest };
