/**
 * The public interface of a connection, the same on servers and clients.
 *
 * @module
 */
import type { ExtensionProcessor } from "../extensions/extension.ts";
import type { Role } from "../pipeline/frames/frame.ts";
import type { Message, MessageData } from "../pipeline/messages/message.ts";
import type { Address } from "../transport/transport.ts";
import type { MessageSource } from "./message_source.ts";
import type { SendOptions, SubscribeOptions, TapOptions } from "./socket_options.ts";

/** How a connection ended. */
export interface CloseInfo {
  /** The code of the peer's close frame: 1005 if the frame had no code, 1006 if there was no close frame (RFC 6455 §7.1.5). */
  readonly closeCode: number;
  /** The reason in the peer's close frame. */
  readonly reason: string;
  /** Whether both close frames were exchanged. */
  readonly wasClean: boolean;
  /** The error, if the connection did not end cleanly. */
  readonly error?: unknown;
}

/** The streams of an open connection, and what was negotiated, as in `WebSocketStream` of the WHATWG draft. */
export interface WebSocketOpenInfo {
  /** The negotiated extensions, as in the response header, or an empty string. */
  readonly extensions: string;
  /** The negotiated subprotocol, or an empty string. */
  readonly protocol: string;
  /** Received messages; each chunk is one message: a string for text, a `Uint8Array` for binary data. */
  readonly readable: ReadableStream<Message>;
  /** Messages to send; each chunk is one message. */
  readonly writable: WritableStream<MessageData>;
}

/** A message that is read as it arrives. Nothing is read ahead of the reader of its stream, except what the connection holds. */
export type StreamedMessage =
  /** A text message. Its chunks are strings, and never split a character. */
  | { readonly type: "text"; readonly readable: ReadableStream<string> }
  /** A binary message. Its chunks are bytes that belong to the reader. */
  | { readonly type: "binary"; readonly readable: ReadableStream<Uint8Array<ArrayBuffer>> };

/** What the opening handshake settled. */
export interface ConnectionFacts {
  /** This end's role. */
  readonly role: Role;
  /** The requested URL, such as `ws://example.com/chat?room=1`. */
  readonly url: string;
  /** The negotiated subprotocol, or an empty string. */
  readonly protocol: string;
  /** The negotiated extensions, as in the response header, or an empty string. */
  readonly extensions: string;
  /** The processors of the extensions, in the order of the response. */
  readonly extensionProcessors: readonly ExtensionProcessor[];
  /** The peer's header fields: on a server those of the request, on a client those of the response. */
  readonly headers: Headers;
  /** The peer's address, if the transport has one. */
  readonly remoteAddr: Address | undefined;
  /** The local address, if the transport has one. */
  readonly localAddr: Address | undefined;
}

/**
 * An open WebSocket connection.
 *
 * Read it in one way: `for await`, `readable`, `bytes`, `batches`, `messages()`, or a handler's callbacks. If the application
 * does not read, the peer has to wait: at most `highWaterMark` bytes and one read are buffered. Pings are still answered.
 *
 * @typeParam Data The type of `socket.data`.
 */
export interface WebSocketConnection<Data = unknown> extends ConnectionFacts, AsyncIterable<Message>, AsyncDisposable {
  /** Your data, as `upgrade` returned it; `undefined` if it returned none. */
  data: Data | undefined;
  /** 1 for open, 2 for closing, 3 for closed, as in the WHATWG standard. */
  readonly readyState: 1 | 2 | 3;
  /**
   * The bytes that are queued to be sent, including frame headers. A chunk of a stream counts once it has been read from the
   * stream.
   */
  readonly bufferedAmount: number;
  /** The round trip time of the last ping in milliseconds, keepalive pings included; `undefined` before the first. */
  readonly roundTripTime: number | undefined;
  /**
   * Received messages; each chunk is one message. The stream closes when the connection ends cleanly, and errors with the cause
   * if not. Therefore `readable.pipeTo(writable)` resolves after a clean end and rejects after any other.
   */
  readonly readable: ReadableStream<Message>;
  /**
   * Received binary messages as a stream of bytes, one chunk for each message, for binary protocols:
   * `socket.bytes.pipeTo(conn.writable)`. A text message closes the connection with code 1003, and the stream errors with a
   * {@linkcode ProtocolError}. Otherwise the stream ends as `readable` does.
   *
   * @example A TCP service behind a WebSocket
   * ```ts
   * import { connect, serve } from "@sluice/websocket";
   * import { assertEquals } from "@std/assert";
   *
   * using service = Deno.listen({ hostname: "127.0.0.1", port: 0 });
   * void service.accept().then((conn) => conn.readable.pipeTo(conn.writable)); // it echoes bytes
   *
   * await using server = serve({ port: 0, hostname: "127.0.0.1" }, async (socket) => {
   *   const conn = await Deno.connect({ hostname: "127.0.0.1", port: service.addr.port });
   *   await Promise.allSettled([socket.bytes.pipeTo(conn.writable), conn.readable.pipeTo(socket.writable)]);
   * });
   * await using socket = await connect(server.url);
   * await socket.send(Uint8Array.of(1, 2, 3));
   * assertEquals((await socket.bytes.getReader().read()).value, Uint8Array.of(1, 2, 3));
   * ```
   */
  readonly bytes: ReadableStream<Uint8Array<ArrayBuffer>>;
  /**
   * Messages to send; each chunk is one message, or a stream that is sent as one message. The stream's queue is counted in bytes,
   * and text by its length. When the connection ends, the stream errors with the cause, or after a clean end with an
   * `InvalidStateError`, one task after `readable` has closed.
   */
  readonly writable: WritableStream<MessageData | MessageSource>;
  /** Received messages in batches; each chunk has all messages that one network read completed. */
  readonly batches: ReadableStream<Message[]>;
  /**
   * The streams and the negotiated subprotocol and extensions, as in `WebSocketStream`. It lets code that is written for a
   * `WebSocketStream` use a connection, on a server too. The promise is already resolved.
   */
  readonly opened: Promise<WebSocketOpenInfo>;
  /**
   * Reads each message from now on as a stream: chunks of text are strings, chunks of binary data are bytes. A message may be
   * larger than memory, and if you do not read, the peer has to wait. Asking for the next message discards the unread rest of the
   * current one. So does `readable.cancel()`; the connection stays open. Every call returns the same iterator.
   *
   * Because no message is buffered, `maxStreamedMessageBytes` applies instead of `maxMessageBytes`, and `maxFragments` and
   * `messageTimeout` do not apply. There are exceptions: some extensions and the hixie drafts need a whole message or frame in
   * memory. A message that had already arrived is one chunk.
   *
   * If the connection ends in the middle of a message, the stream errors with the cause. At the first byte of a text that is not
   * UTF-8, it errors with a `ProtocolError` and the connection closes with code 1007.
   *
   * @example Count what comes
   * ```ts
   * import { connect, serve } from "@sluice/websocket";
   * import { assertEquals } from "@std/assert";
   *
   * await using server = serve({ port: 0, hostname: "127.0.0.1" }, async (socket) => {
   *   for await (const { type, readable } of socket.messages()) {
   *     let length = 0;
   *     for await (const chunk of readable) length += chunk.length;
   *     await socket.send(`${type}, ${length}`);
   *   }
   * });
   * await using socket = await connect(server.url);
   * await socket.send(ReadableStream.from([new Uint8Array(100_000), new Uint8Array(100_000)]));
   * assertEquals((await socket[Symbol.asyncIterator]().next()).value, "binary, 200000");
   * ```
   *
   * @throws {TypeError} If the connection is read in another way.
   */
  messages(): AsyncIterableIterator<StreamedMessage>;
  /** Resolves when the connection has ended, cleanly or not. It never rejects. */
  readonly closed: Promise<CloseInfo>;
  /**
   * Sends a message. Messages that you send while you handle one batch of messages leave in one write.
   *
   * If you pass a stream, it is sent as one message in fragments (RFC 6455 §5.4), while it is read. Chunks are split, and chunks
   * of one turn of the event loop joined, to 32 KiB. The next chunk is read when less than `highWaterMark` bytes are queued.
   * Messages that you send meanwhile wait, and count in `bufferedAmount`; pings and pongs pass. So does `close`: then the stream
   * is cancelled, the message stays incomplete, and the promise rejects. If the stream fails after its first fragment, or has
   * chunks of both types, the connection closes with code 1011, because a message that has begun cannot be taken back (§7.1.7).
   * Before the first fragment only the promise rejects.
   *
   * @example A message that is made while it is sent
   * ```ts
   * import { connect, serve } from "@sluice/websocket";
   * import { assertEquals } from "@std/assert";
   *
   * await using server = serve({ port: 0, hostname: "127.0.0.1" }, async (socket) => {
   *   for await (const message of socket) await socket.send(message);
   * });
   * await using socket = await connect(server.url);
   *
   * async function* counting() {
   *   for (let i = 1; i <= 3; i++) yield `${i} `;
   * }
   * await socket.send(counting());
   * assertEquals((await socket[Symbol.asyncIterator]().next()).value, "1 2 3 ");
   * ```
   *
   * @param data A string is sent as text. An `ArrayBuffer`, a view or a `Blob` is sent as binary data. A stream of either is sent
   *    as the type of its first chunk. Do not change the memory until the promise resolves. Chunks of a stream must not change
   *    until the next chunk is requested. Afterwards the memory is yours again. You may send received messages.
   * @param options Whether to compress the message, and the type of a message from a stream.
   * @returns Resolves when less than `highWaterMark` bytes are queued and the memory may change. If the connection is closing or
   *    closed, it rejects with an `InvalidStateError`, whose `cause` is the error that ended the connection, if there was one. If
   *    the connection ends while the message waits, it rejects with that error. If the peer speaks a draft that cannot carry the
   *    message, it rejects with a `TypeError`. You can ignore the promise: it never becomes an unhandled rejection. Then a peer
   *    that does not read is disconnected at `maxQueuedBytes`.
   * @throws {TypeError} If `data` has another type; if its memory is detached, shared or resizable; if the stream is locked; or
   *    if it is a stream over `Deno.serve`, where messages cannot be fragmented. This is thrown at the call, in every state, and
   *    nothing is sent.
   */
  send(data: MessageData | MessageSource, options?: SendOptions): Promise<void>;
  /**
   * Sends a ping (RFC 6455 §5.5.2) and measures the round trip.
   *
   * @param payload At most 125 bytes; by default a number.
   * @returns The round trip time in milliseconds, once the pong has arrived. It rejects if the connection ends first, with an
   *    `InvalidStateError` if the connection is closing or closed, and with a `NotSupportedError` over `Deno.serve` and to a peer
   *    that speaks a hixie draft. You can ignore the promise.
   * @throws {RangeError} If the payload is longer than 125 bytes. This is thrown at the call, in every state.
   */
  ping(payload?: MessageData): Promise<number>;
  /**
   * Sends what is queued, then starts the closing handshake (RFC 6455 §7.1.2). Messages that still arrive are discarded.
   *
   * @param code 1000 to 1003, 1007 to 1014 or 3000 to 4999; by default 1000.
   * @param reason At most 123 bytes of UTF-8; by default empty.
   * @returns How the connection ended: the same promise as {@linkcode WebSocketConnection.closed}.
   * @throws {RangeError} If a close frame may not carry the code, or if the reason is too long.
   */
  close(code?: number, reason?: string): Promise<CloseInfo>;
  /**
   * Drops the connection at once, without a close frame.
   *
   * @param reason The error for pending reads and sends.
   */
  abort(reason?: unknown): void;
  /**
   * Subscribes to a topic of the server's `hub`.
   *
   * @param topic Any string. Wildcards have no special meaning.
   * @param options How many messages of the history to send first, and what happens if this connection is slow.
   * @returns `true` if this is a new subscription; `false` if it existed already, or if the connection is closing or closed. The
   *    history is sent only with `true`.
   * @throws {DOMException} `InvalidStateError` if the server has no hub.
   * @throws {WebSocketError} If the topic is refused. If your handler does not catch it, the connection closes with code 1008.
   */
  subscribe(topic: string, options?: SubscribeOptions): boolean;
  /**
   * Ends a subscription. When the connection ends, all its subscriptions end.
   *
   * @param topic The topic.
   * @returns Whether the connection was subscribed.
   * @throws {DOMException} `InvalidStateError` if the server has no hub.
   */
  unsubscribe(topic: string): boolean;
  /**
   * Publishes a message to the other subscribers of a topic of the server's `hub`.
   *
   * @param topic The topic. The connection need not be subscribed to it.
   * @param data The message, as for {@linkcode WebSocketConnection.send}. It is copied.
   * @param options Whether to compress the message.
   * @returns The number of subscribers of this hub that get the message. It is 0 if the connection is closing or closed, because
   *    then nothing is published; in a `close` callback, publish through the hub itself.
   * @throws {DOMException} `InvalidStateError` if the server has no hub.
   * @throws {WebSocketError} If the topic is refused. If your handler does not catch it, the connection closes with code 1008.
   */
  publish(topic: string, data: MessageData, options?: SendOptions): number;
  /**
   * Records every frame in both directions from now on, as lines of JSON without line ends. The first line describes the
   * connection, each further line a read or a write with its frames, and the last line the end. A message that had already begun
   * is left out. Read a recording with `replay` of `./telemetry`. A recording contains every message, so protect it like the data
   * itself.
   *
   * @param options How much to record, and how many lines may wait for the reader.
   * @returns The lines. Cancelling the stream ends the recording. If the connection is closed, reading throws an
   *    `InvalidStateError`.
   * @throws {DOMException} `InvalidStateError` if the connection is being recorded already; `NotSupportedError` if its frames
   *    cannot be seen (`./deno-serve`).
   */
  tap(options?: TapOptions): ReadableStream<string>;
  /** Messages in order. Leaving the loop leaves the connection open; an unclean end throws. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message>;
}

/**
 * A connection whose `data` is always set.
 *
 * @typeParam Data The type of `socket.data`.
 */
export interface WebSocketConnectionWithData<Data> extends WebSocketConnection<Data> {
  /** Your data, as `upgrade` or an option attached it. */
  data: Data;
}
