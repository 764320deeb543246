/**
 * The surface of a connection: what applications see, on a server as on a client.
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
  /** The peer's close code; 1005 where its close frame had none, 1006 where there was no close frame (RFC 6455 §7.1.5). */
  readonly closeCode: number;
  /** The peer's reason. */
  readonly reason: string;
  /** Whether both close frames were exchanged. */
  readonly wasClean: boolean;
  /** What went wrong, where it did not end cleanly. */
  readonly error?: unknown;
}

/** What an open connection is read and written through, as the WHATWG draft's `WebSocketStream` gives it. */
export interface WebSocketOpenInfo {
  /** The extensions in force, as in the answer's header, or an empty string. */
  readonly extensions: string;
  /** The subprotocol, or an empty string. */
  readonly protocol: string;
  /** Messages; one chunk is one message: text is a string, binary data a `Uint8Array`. */
  readonly readable: ReadableStream<Message>;
  /** Messages to send; one chunk is one message. */
  readonly writable: WritableStream<MessageData>;
}

/** A message that is read as it arrives. Nothing is read ahead of the reader of its stream, except what the connection holds. */
export type StreamedMessage =
  /** A text: its chunks are strings, and break no character. */
  | { readonly type: "text"; readonly readable: ReadableStream<string> }
  /** Binary data: its chunks are bytes, which are the reader's. */
  | { readonly type: "binary"; readonly readable: ReadableStream<Uint8Array<ArrayBuffer>> };

/** What the opening handshake settled. */
export interface ConnectionFacts {
  /** Which end we are. */
  readonly role: Role;
  /** The URL that was asked for, such as `ws://example.com/chat?room=1`. */
  readonly url: string;
  /** The subprotocol, or an empty string. */
  readonly protocol: string;
  /** The extensions in force, as in the answer's header, or an empty string. */
  readonly extensions: string;
  /** What takes part in the connection, in the order of the answer. */
  readonly extensionProcessors: readonly ExtensionProcessor[];
  /** The peer's header fields: the request's on a server, the response's on a client. */
  readonly headers: Headers;
  /** The peer's address, where the transport has one. */
  readonly remoteAddr: Address | undefined;
  /** Our address, where the transport has one. */
  readonly localAddr: Address | undefined;
}

/**
 * An open WebSocket connection.
 *
 * Read it in one way: `for await`, `readable`, `bytes`, `batches`, `messages()`, or a handler's callbacks. An application that does not read stops the peer: at
 * most `highWaterMark` bytes and one read are taken in ahead. Pings are answered all the while.
 *
 * @typeParam Data What the application keeps with the connection.
 */
export interface WebSocketConnection<Data = unknown> extends ConnectionFacts, AsyncIterable<Message>, AsyncDisposable {
  /** The application's own, as `upgrade` attached it; `undefined` where it attached nothing. */
  data: Data | undefined;
  /** 1 open, 2 closing, 3 closed, as the WHATWG counts. */
  readonly readyState: 1 | 2 | 3;
  /** Bytes queued and not yet taken by the transport, headers included. A source's chunks count from when they are taken of it. */
  readonly bufferedAmount: number;
  /** The last ping's round trip in milliseconds, keepalive's included; `undefined` before the first. */
  readonly roundTripTime: number | undefined;
  /**
   * Messages; one chunk is one message. It closes when the connection ends cleanly, and errors with the cause if not. So
   * `readable.pipeTo(writable)` resolves after a clean end and rejects after any other.
   */
  readonly readable: ReadableStream<Message>;
  /**
   * Binary messages as a stream of bytes, one chunk each, for binary protocols: `socket.bytes.pipeTo(conn.writable)`. A text message
   * closes the connection with 1003, and the stream errors with a {@linkcode ProtocolError}. Otherwise it ends as `readable` does.
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
   * Messages to send; one chunk is one message, or the source of one. Its queue is counted in bytes. It errors when the connection
   * ends: with the cause, or after a clean end with an `InvalidStateError`, one task later than `readable` closes.
   */
  readonly writable: WritableStream<MessageData | MessageSource>;
  /** Batches of messages, the pipeline's own chunks: everything that one network read completed. */
  readonly batches: ReadableStream<Message[]>;
  /**
   * The streams, and what was agreed on: with it code that is written for a `WebSocketStream` takes a connection,
   * on a server too. It has resolved already.
   */
  readonly opened: Promise<WebSocketOpenInfo>;
  /**
   * Messages whose content is a stream, from this call on: text as strings, binary data as bytes, each chunk as it arrives, so that
   * a message may be larger than memory. What is not read stops the peer. To ask for the next message gives up the rest of
   * the one before; so does `readable.cancel()`, and the connection goes on. Every call gives the same iterator.
   *
   * As no message is held, `maxStreamedMessageBytes` stands in place of `maxMessageBytes`, and `maxFragments` and `messageTimeout`
   * do not apply. That is not so where an extension, or a draft of hixie's, wants a message or a frame whole. A message that was
   * here already is one chunk.
   *
   * A stream errors with the cause where the connection ends in the middle of its message, and with a `ProtocolError` of 1007 at
   * the first byte of a text that is not UTF-8.
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
  /** Resolves when the connection has ended, however it ended. It never rejects. */
  readonly closed: Promise<CloseInfo>;
  /**
   * Sends a message. Sends made while a batch of messages is being consumed leave in one write.
   *
   * From a source the message leaves in fragments (RFC 6455 §5.4) while it is being made: chunks are cut, and those of one turn of
   * the event loop joined, to 32 KiB. The source is asked for more when less than `highWaterMark` bytes are queued. Messages that
   * are sent in the meantime wait behind it, and count in `bufferedAmount`; pings and pongs pass. `close` passes as well: then the
   * message has no end, the source is cancelled and the promise rejects. Where the source fails after the first fragment, or its
   * chunks are of both types, the connection is failed with 1011, as a message that has begun can be given up in no other way
   * (§7.1.7); before, only the promise rejects.
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
   * @param data A string as text; an `ArrayBuffer`, a view of one or a `Blob` as binary data; or a source of text or binary data,
   *   whose first chunk says which. Memory must not change until the promise resolves, and a chunk of a source until the next one is
   *   asked for: then it is yours again, received messages included.
   * @param options Whether to compress it, where that was agreed on; what a source's message is.
   * @returns Resolves when less than `highWaterMark` bytes are queued and the memory may change. It rejects with an
   *   `InvalidStateError` if the connection is closing or closed, whose `cause` is the error that ended it, if one did; with that
   *   error if the connection ends while the message waits; and with a `TypeError` if the peer speaks a draft that cannot carry the
   *   message. Ignoring the promise is safe: it never becomes an unhandled rejection. A peer that does not read is cut off at
   *   `maxQueuedBytes`.
   * @throws {TypeError} At the call, in every state, with nothing sent: if `data` is none of these, if its memory is detached, shared
   *   or of a resizable buffer, or if it is a stream that is locked, or a source over `Deno.serve`, where messages cannot be cut.
   */
  send(data: MessageData | MessageSource, options?: SendOptions): Promise<void>;
  /**
   * Sends a ping (RFC 6455 §5.5.2).
   *
   * @param payload Up to 125 bytes; by default a number of ours.
   * @returns The round trip in milliseconds, when the pong is here. It rejects if the connection ends first; with an
   *   `InvalidStateError` if it is closing or closed; and with a `NotSupportedError` where there are no pings: over `Deno.serve`,
   *   and to a peer that speaks a hixie draft. Ignoring the promise is safe.
   * @throws {RangeError} At the call, in every state: if the payload is more than 125 bytes.
   */
  ping(payload?: MessageData): Promise<number>;
  /**
   * Starts the closing handshake (RFC 6455 §7.1.2) after what is queued. What the peer still sends is discarded.
   *
   * @param code 1000-1003, 1007-1014 or 3000-4999; 1000 by default.
   * @param reason At most 123 bytes of UTF-8.
   * @returns How the connection ended: the same promise as {@linkcode WebSocketConnection.closed}.
   * @throws {RangeError} If the code may not be sent or the reason is too long.
   */
  close(code?: number, reason?: string): Promise<CloseInfo>;
  /**
   * Drops the connection at once, with no close frame.
   *
   * @param reason The error that the readers get.
   */
  abort(reason?: unknown): void;
  /**
   * Subscribes to a topic of the server's `hub`.
   *
   * @param topic Any string; a wildcard in it is a character like any other.
   * @param options How much of the history comes first, and what happens if this connection is slow.
   * @returns Whether it is subscribed now and was not before: `false` if the connection is closing or closed. Only with `true` is
   *   the history sent.
   * @throws {DOMException} `InvalidStateError` if the server has no hub.
   * @throws {WebSocketError} If the topic is refused. A handler that lets it pass closes the connection with 1008.
   */
  subscribe(topic: string, options?: SubscribeOptions): boolean;
  /**
   * Ends a subscription. The end of the connection ends them all.
   *
   * @param topic The topic.
   * @returns Whether it was subscribed.
   * @throws {DOMException} `InvalidStateError` if the server has no hub.
   */
  unsubscribe(topic: string): boolean;
  /**
   * Publishes a message to the other subscribers of a topic of the server's `hub`.
   *
   * @param topic The topic, to which it need not subscribe itself.
   * @param data The message, as for {@linkcode WebSocketConnection.send}; it is copied.
   * @param options Whether it is compressed.
   * @returns How many subscribers of this hub it is for; 0 if the connection is closing or closed, as nothing is published then. A
   *   `close` callback publishes through the hub itself.
   * @throws {DOMException} `InvalidStateError` if the server has no hub.
   * @throws {WebSocketError} If the topic is refused. A handler that lets it pass closes the connection with 1008.
   */
  publish(topic: string, data: MessageData, options?: SendOptions): number;
  /**
   * Records every frame in and out from now on, as lines of JSON without line ends: the facts of the connection first, then each
   * read and write with the frames in it, at last how it ended. What was under way when it began is left out, so a recording
   * begins with a message. `replay` of `./telemetry` reads it back. It holds all that is said: keep it as you keep that.
   *
   * @param options How much is recorded, and how much may wait for its reader.
   * @returns The lines. To cancel the stream ends the recording. Of a connection that is closed, reading them throws an
   *   `InvalidStateError`.
   * @throws {DOMException} `InvalidStateError` if the connection is recorded already, `NotSupportedError` where its frames cannot be
   *   seen (`./deno-serve`).
   */
  tap(options?: TapOptions): ReadableStream<string>;
  /** Messages in order. Leaving the loop leaves the connection open; an unclean end throws. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message>;
}

/**
 * A connection whose `data` is there, as what opened it always attaches some.
 *
 * @typeParam Data What the application keeps with the connection.
 */
export interface WebSocketConnectionWithData<Data> extends WebSocketConnection<Data> {
  /** The application's own, as `upgrade` or an option attached it. */
  data: Data;
}
