/**
 * `pipeline`: the four streams between the bytes of a peer and its messages, connected.
 *
 * @module
 */
import { nextTask } from "../async.ts";
import { closeCodeOf, ConnectionError, WebSocketError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import { BYTES, kind, type OptionKinds } from "../option_kinds.ts";
import { checkOptions } from "../options.ts";
import { encodeClosePayload } from "../pipeline/frames/close_code.ts";
import { type Frame, frame, Opcode, type Role } from "../pipeline/frames/frame.ts";
import { FrameDecoderStream } from "../pipeline/frames/frame_decoder_stream.ts";
import { FrameEncoderStream } from "../pipeline/frames/frame_encoder_stream.ts";
import { FRAME_PARSER_OPTION_KINDS } from "../pipeline/frames/frame_parser.ts";
import { controlReply } from "../pipeline/messages/control_reply.ts";
import type { Message, MessageData } from "../pipeline/messages/message.ts";
import { MessageDecoderStream } from "../pipeline/messages/message_decoder_stream.ts";
import { MessageEncoderStream } from "../pipeline/messages/message_encoder_stream.ts";
import { answerAndEnd } from "./opening.ts";
import { type ByteConnection, type BytePair, type Transport, transportOf, writeAll } from "./transport.ts";

/** Options for {@linkcode pipeline}. */
export interface PipelineOptions
  extends Partial<Pick<Limits, "maxMessageBytes" | "maxFragments" | "maxEmptyFragments">> {
  /** The role of this end: a client masks its frames, a server does not. */
  role: Role;
  /** Bytes that arrived directly behind the handshake (`rest` of its parser). They are frames. */
  rest?: Uint8Array<ArrayBuffer>;
  /** The largest payload of a frame, in bytes. By default a message is sent in one frame, however large. */
  maxFrameBytes?: number;
}

const PIPELINE_OPTION_KINDS: OptionKinds<PipelineOptions> = {
  role: FRAME_PARSER_OPTION_KINDS.role,
  maxMessageBytes: FRAME_PARSER_OPTION_KINDS.maxMessageBytes,
  maxFragments: FRAME_PARSER_OPTION_KINDS.maxFragments,
  maxEmptyFragments: FRAME_PARSER_OPTION_KINDS.maxEmptyFragments,
  rest: kind("a Uint8Array", (value) => value instanceof Uint8Array),
  maxFrameBytes: BYTES,
};

/** Both ends of a pipeline. A chunk is a batch. */
export interface Pipeline {
  /**
   * The messages that each read completed. It ends when the peer closes, and errors with a `ProtocolError`, a `LimitError` or a
   * `ConnectionError`.
   */
  readonly readable: ReadableStream<Message[]>;
  /** The messages to send. Closing it sends a close frame. */
  readonly writable: WritableStream<readonly MessageData[]>;
}

/**
 * Connects the four streams over the bytes of one peer, after the handshake: `FrameDecoderStream` and `MessageDecoderStream` to
 * `readable`, `MessageEncoderStream` and `FrameEncoderStream` from `writable`.
 *
 * Pings are answered. If the peer reads slowly, only the latest ping is. The peer's close frame is answered when you ask for more
 * than what came before it. A peer that breaks a rule or exceeds a limit gets a close frame with the code of the error. Read to
 * the end and close `writable`: the pipeline owns the connection and closes it when both sides are done.
 *
 * Use this to build your own stack: it has no timeouts, no keepalive and no extensions. `accept`, `serve` and `connect` have
 * them, cost less for each message, and are the usual way. `examples/pipeline.ts` connects the same streams by hand.
 *
 * @example A server that uses streams over a `Deno.Conn`
 * ```ts
 * import { connect, DEFAULT_LIMITS } from "@sluice/websocket";
 * import { pipeline } from "@sluice/websocket/pipeline";
 * import { acceptUpgrade, readUpgradeRequest, RequestHeadParser } from "@sluice/websocket/handshake";
 * import { assertEquals } from "@std/assert";
 *
 * using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * const echoing = (async () => {
 *   const conn = await listener.accept();
 *   const head = new RequestHeadParser(DEFAULT_LIMITS);
 *   const buffer = new Uint8Array(1024);
 *   let request;
 *   while (request === undefined) {
 *     const count = await conn.read(buffer);
 *     if (count === null) throw new Error("The client left");
 *     request = head.push(buffer.subarray(0, count));
 *   }
 *   await conn.write(await acceptUpgrade(readUpgradeRequest(request)));
 *
 *   const { readable, writable } = pipeline(conn, { role: "server", rest: head.rest });
 *   await readable.pipeTo(writable);
 * })();
 *
 * const socket = await connect(`ws://127.0.0.1:${listener.addr.port}`);
 * await socket.send("hello");
 * assertEquals((await socket[Symbol.asyncIterator]().next()).value, "hello");
 * await socket.close();
 * await echoing;
 * ```
 *
 * @param conn A `Deno.Conn`, or a pair of byte streams, that nothing else reads. The pipeline owns it from now on.
 * @param options The role, the limits, and the bytes that came behind the handshake.
 * @returns Both ends.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 * @throws {RangeError} If a number is out of range.
 */
export function pipeline(conn: ByteConnection | BytePair, options: PipelineOptions): Pipeline {
  checkOptions("pipeline()", options, PIPELINE_OPTION_KINDS);
  return new MessagePipeline(transportOf(conn), options);
}

/** The streams of one peer, and the replies that it is owed. */
class MessagePipeline implements Pipeline {
  readonly readable: ReadableStream<Message[]>;
  readonly writable: WritableStream<readonly MessageData[]>;
  readonly #transport: Transport;
  readonly #decodeFrames: FrameDecoderStream;
  readonly #decodeMessages: MessageDecoderStream;
  readonly #encodeMessages: MessageEncoderStream;
  readonly #encodeFrames: FrameEncoderStream;
  readonly #bytes: ReadableStream<Uint8Array<ArrayBuffer>>;
  #source!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  #sourceEnded = false;
  /** The peer's close frame. */
  #received: Frame | undefined;
  /** Whether a close frame was sent from this end. */
  #closed = false;
  /** The pong to send next, while another one is being sent. */
  #pong: Frame | undefined;
  #paying = false;

  constructor(transport: Transport, { role, rest, maxFrameBytes, ...limits }: PipelineOptions) {
    const { maxMessageBytes } = limits;
    this.#transport = transport;
    this.#decodeFrames = new FrameDecoderStream({ role, ...limits });
    this.#decodeMessages = new MessageDecoderStream({
      control: (frame) => this.#onControl(frame),
      ...(maxMessageBytes === undefined ? {} : { maxMessageBytes }),
    });
    this.#encodeMessages = new MessageEncoderStream(maxFrameBytes === undefined ? {} : { maxFrameBytes });
    this.#encodeFrames = new FrameEncoderStream({ role });
    this.#bytes = new ReadableStream({
      start: (controller) => {
        this.#source = controller;
        if (rest !== undefined && rest.length > 0) controller.enqueue(rest.slice());
      },
      pull: () => this.#pull(),
    }, { highWaterMark: 0 });
    this.readable = this.#decodeMessages.readable;
    this.writable = this.#encodeMessages.writable;
    void this.#run();
  }

  /** Runs both directions to their ends, and then closes the transport. It never rejects. */
  async #run(): Promise<void> {
    const written = this.#write().catch(() => this.#transport.close()); // the reading side notices that and reports it
    try {
      await this.#read();
      await nextTask(); // a pipe from `readable` closes `writable` within this task
      this.#close(this.#reply());
    } catch (error) {
      this.#close(frame(Opcode.CLOSE, closePayloadOf(error)));
    }
    await written;
    await answerAndEnd(this.#transport);
  }

  /** Bytes to `readable`, up to the peer's close frame. */
  async #read(): Promise<void> {
    const { writable } = this.#decodeMessages;
    await Promise.all([
      this.#bytes.pipeTo(this.#decodeFrames.writable),
      this.#decodeFrames.readable.pipeTo(writable, { preventClose: true }),
    ]);
    const writer = writable.getWriter();
    if (this.#received === undefined) {
      const error = new ConnectionError("The connection ended without a close frame");
      await writer.abort(error);
      throw error;
    }
    await writer.write([]); // is read when the application asks for more, and is then done with what came before the close frame
    await writer.close();
  }

  async #pull(): Promise<void> {
    let bytes: Uint8Array<ArrayBuffer> | null;
    try {
      bytes = await this.#transport.read();
    } catch (cause) {
      throw new ConnectionError("The connection was lost", { cause });
    }
    if (this.#sourceEnded) return; // everything after a close frame is ignored
    if (bytes === null) this.#endSource();
    else this.#source.enqueue(bytes);
  }

  #endSource(): void {
    if (!this.#sourceEnded) this.#source.close();
    this.#sourceEnded = true;
  }

  /** `writable` to bytes, followed by the close frame of this end. */
  async #write(): Promise<void> {
    const sink = new WritableStream<Uint8Array<ArrayBuffer>>({
      write: async (bytes) => {
        await writeAll(this.#transport, bytes);
        this.#paying = false;
        if (this.#pong !== undefined) this.#pay(this.#pong);
      },
    });
    const { readable, writable } = this.#encodeFrames;
    const sinking = readable.pipeTo(sink);
    await Promise.all([sinking, this.#endWriting(writable)]);
  }

  async #endWriting(frames: WritableStream<readonly Frame[]>): Promise<void> {
    await this.#encodeMessages.readable.pipeTo(frames, { preventClose: true });
    const writer = frames.getWriter();
    if (!this.#closed) await writer.write([this.#reply()]);
    await writer.close();
  }

  #onControl(received: Frame): void {
    if (received.opcode === Opcode.CLOSE) {
      this.#received = received;
      this.#endSource();
    } else if (received.opcode === Opcode.PING) {
      const pong = controlReply(received)!;
      // At most one pong is being sent, so a flood of pings from a peer that does not read costs one payload (§5.5.3).
      if (this.#paying) this.#pong = frame(Opcode.PONG, pong.payload.slice());
      else this.#pay(pong);
    }
  }

  #pay(pong: Frame): void {
    this.#pong = undefined;
    this.#paying = this.#send(pong);
  }

  /** The close frame of this end: the reply to the peer's, or one without a code. */
  #reply(): Frame {
    return this.#received === undefined ? frame(Opcode.CLOSE) : controlReply(this.#received)!;
  }

  #close(close: Frame): void {
    this.#closed ||= this.#send(close);
  }

  /** Sends a control frame, unless the writing side has ended. */
  #send(frame: Frame): boolean {
    try {
      this.#encodeMessages.control(frame);
      return true;
    } catch {
      return false;
    }
  }
}

/** Returns the close payload for an error of reading. If `readable` was cancelled, there is no code unless the reason has one. */
function closePayloadOf(error: unknown): Uint8Array<ArrayBuffer> {
  if (!(error instanceof WebSocketError)) return encodeClosePayload();
  return encodeClosePayload(closeCodeOf(error), error.reason);
}
