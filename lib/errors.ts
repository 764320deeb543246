/**
 * Every error class, and the one place that maps an error to a close code.
 *
 * An error says whose fault it is:
 *
 * ```text
 * DOMException
 * └─ WebSocketError            the connection ended, and not cleanly
 *    ├─ ProtocolError          the peer broke a rule of the protocol (1002, 1007)
 *    ├─ TopicError             the peer asked for a topic that it may not have (1008)
 *    ├─ MessageError           the peer sent a message that a codec cannot take (1003, 1007, 1008)
 *    ├─ LimitError             the peer, or a slow peer, went over one of our limits (1008, 1009, 1013)
 *    └─ ConnectionError        the transport was lost, timed out, or was aborted (1006)
 * Error
 * └─ HandshakeError            the opening handshake was refused, by us or by the server
 * ```
 *
 * The caller's own mistakes are the platform's errors, thrown at the call: `TypeError` for the wrong type, `RangeError` for
 * a value out of range, `SyntaxError` for text that does not parse, and a `DOMException` named `InvalidStateError` for a
 * call that comes too late.
 *
 * @module
 */
import { omitStack } from "./descriptors.ts";
import { shown } from "./option_kinds.ts";

/** A close code and a reason, as in a close frame. */
export interface WebSocketCloseInfo {
  /** The close code (RFC 6455 §7.4). */
  closeCode?: number;
  /** The reason, at most 123 bytes of UTF-8. */
  reason?: string;
}

/**
 * An unclean end of a connection, or an end that you request with a code of your own. It follows the WHATWG draft's
 * class.
 *
 * @example Close a stream with a code
 * ```ts
 * import { WebSocketError } from "@sluice/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new WebSocketError("too late", { closeCode: 4001, reason: "too late" });
 * assertEquals(error.closeCode, 4001);
 * ```
 */
export class WebSocketError extends DOMException {
  /** The close code, or `null` if there is none. */
  readonly closeCode: number | null;
  /** The close reason. */
  readonly reason: string;
  readonly #made = true;

  /**
   * Creates the error.
   *
   * @param message What happened.
   * @param init The close code (1000 or 3000 to 4999) and the reason (at most 123 bytes of UTF-8).
   * @throws {DOMException} `InvalidAccessError` for a code that applications may not use, `SyntaxError` for a reason that is too
   *    long.
   */
  constructor(message = "", init: WebSocketCloseInfo = {}) {
    super(message, new.target.name);
    const { closeCode, reason = "" } = init;
    // Only this module's subclasses may have the protocol's codes. Applications have 1000 and 3000 to 4999 (draft,
    // §WebSocketError).
    if (new.target === WebSocketError) {
      const allowed = closeCode === undefined || closeCode === 1000 ||
        (Number.isInteger(closeCode) && closeCode >= 3000 && closeCode <= 4999);
      if (!allowed) {
        throw new DOMException(
          `Cannot use close code ${closeCode}: an application has 1000 and 3000 to 4999`,
          "InvalidAccessError",
        );
      }
      const bytes = new TextEncoder().encode(reason).byteLength;
      if (bytes > 123) {
        throw new DOMException(`Cannot use a close reason of ${bytes} bytes: the limit is 123`, "SyntaxError");
      }
    }
    this.closeCode = closeCode ?? (reason === "" ? null : 1000);
    this.reason = reason;
    omitStack(this);
  }

  /**
   * Whether a value is an error of this class. It never throws, even if an application has thrown a `Proxy` without a prototype.
   *
   * @param value Anything.
   */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === "object" && value !== null && #made in value &&
      Function.prototype[Symbol.hasInstance].call(this, value);
  }
}

/**
 * The peer violated the protocol. The connection closes with {@linkcode ProtocolError.closeCode}.
 *
 * @example A client that does not mask its frames
 * ```ts
 * import { ProtocolError } from "@sluice/websocket";
 * import { FrameParser } from "@sluice/websocket/frames";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const unmasked = Uint8Array.of(0x81, 0x02, 0x68, 0x69);
 * const error = assertThrows(() => new FrameParser({ role: "server" }).push(unmasked, []), ProtocolError);
 * assertEquals([error.closeCode, error.section], [1002, "RFC 6455 §5.1"]);
 * ```
 */
export class ProtocolError extends WebSocketError {
  /** The close code for the peer: 1002, or 1007 for invalid UTF-8 and invalid compressed data. */
  declare readonly closeCode: number;
  /** The section that the peer violated, such as `RFC 6455 §5.1`. */
  readonly section: string;

  /**
   * Creates the error.
   *
   * @param message What the peer did, with the numbers.
   * @param section The section that forbids it.
   * @param closeCode The close code for the peer; by default 1002.
   */
  constructor(message: string, section: string, closeCode = 1002) {
    super(`${message} (${section})`, { closeCode, reason: shortReason(message) });
    this.section = section;
  }
}

/** Details of an exceeded limit. */
export interface LimitErrorOptions {
  /** The name of the option that sets the limit. */
  limit: string;
  /** The limit. */
  max: number;
  /** The requested or reached amount, if known. */
  actual?: number | bigint;
  /** The topic, if the limit is one of a topic or of topics. The error's message names it; the close reason does not. */
  topic?: string;
  /** The close code for the peer. */
  closeCode: 1008 | 1009 | 1013;
}

/**
 * The peer exceeded a limit. The connection closes with {@linkcode LimitError.closeCode}. A peer that does not read is dropped
 * without a close frame, because a close frame could not reach it.
 *
 * @example A message that is too big
 * ```ts
 * import { connect, LimitError, serve } from "@sluice/websocket";
 * import { assertEquals, assertInstanceOf } from "@std/assert";
 *
 * let ending: unknown;
 * await using server = serve({ port: 0, hostname: "127.0.0.1", maxMessageBytes: 1024 }, {
 *   close: (_, { error }) => void (ending = error),
 * });
 * const socket = await connect(server.url);
 * await socket.send("x".repeat(2000));
 * assertEquals((await socket.closed).closeCode, 1009);
 * await server.shutdown();
 * assertInstanceOf(ending, LimitError);
 * assertEquals([ending.limit, ending.max, ending.actual], ["maxMessageBytes", 1024, 2000]);
 * ```
 */
export class LimitError extends WebSocketError {
  /** The close code for the peer: 1009 too big, 1008 too many or too slow, 1013 not read fast enough. */
  declare readonly closeCode: number;
  /** The name of the option that sets the limit. */
  readonly limit: string;
  /** The limit. */
  readonly max: number;
  /** The requested or reached amount, if known. */
  readonly actual: number | bigint | undefined;

  /**
   * Creates the error.
   *
   * @param message What exceeded the limit, with the numbers.
   * @param options The limit and the numbers.
   */
  constructor(message: string, options: LimitErrorOptions) {
    super(withTopic(message, options.topic), { closeCode: options.closeCode, reason: shortReason(message) });
    this.limit = options.limit;
    this.max = options.max;
    this.actual = options.actual;
  }
}

/**
 * Makes the error for a queue that reaches `maxQueuedBytes`.
 *
 * @param what The bytes in the queue, as the subject of "reach".
 * @param max The limit.
 * @param actual The number of bytes, if known.
 */
export function queueFull(what: string, max: number, actual?: number): LimitError {
  return new LimitError(`${what} reach maxQueuedBytes ${max}`, {
    limit: "maxQueuedBytes",
    max,
    ...(actual === undefined ? {} : { actual }),
    closeCode: 1013,
  });
}

/**
 * A topic was refused: `authorize` of the hub did not return `true`, or the name is not well-formed Unicode.
 *
 * @example A topic that `authorize` refuses
 * ```ts
 * import { connect, serve, TopicError } from "@sluice/websocket";
 * import { createHub } from "@sluice/websocket/hub";
 * import { assertEquals } from "@std/assert";
 *
 * const hub = createHub({ authorize: (_, topic) => topic.startsWith("public/") });
 * const refused: unknown[] = [];
 * await using server = serve({ port: 0, hostname: "127.0.0.1", hub }, {
 *   message(socket, topic) {
 *     try {
 *       socket.subscribe(String(topic));
 *     } catch (error) {
 *       refused.push(error);
 *     }
 *   },
 * });
 * const socket = await connect(server.url);
 * for (const topic of ["public/news", "secret"]) await socket.send(topic);
 * await socket.close();
 * await server.shutdown();
 * assertEquals(refused.map((error) => error instanceof TopicError && error.topic), ["secret"]);
 * ```
 */
export class TopicError extends WebSocketError {
  /** The close code for the peer: 1008. */
  declare readonly closeCode: number;
  /** The topic. */
  readonly topic: string;

  /**
   * Creates the error.
   *
   * @param message What was wrong. It is the close reason; the error's message also names the topic.
   * @param topic The topic.
   */
  constructor(message: string, topic: string) {
    super(withTopic(message, topic), { closeCode: 1008, reason: message });
    this.topic = topic;
  }
}

/**
 * A codec rejects a message from the peer: it is not JSON, or it does not match its schema. `typed` closes the connection with
 * {@linkcode MessageError.closeCode}.
 *
 * @example A message that is not JSON
 * ```ts
 * import { MessageError } from "@sluice/websocket";
 * import { json } from "@sluice/websocket/typed";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const error = assertThrows(() => json().decode("{"), MessageError);
 * assertEquals([error.closeCode, error.reason], [1007, "Message is not JSON"]);
 * ```
 */
export class MessageError extends WebSocketError {
  /** The close code for the peer. */
  declare readonly closeCode: number;
  /** The underlying error, if there is one. */
  override readonly cause: unknown;

  /**
   * Creates the error.
   *
   * @param message What is wrong with the message.
   * @param options The close code, and the underlying error.
   */
  constructor(message: string, { closeCode, cause }: { closeCode: number; cause?: unknown }) {
    super(message, { closeCode, reason: shortReason(message.replace(/[^ -~]/g, "?")) });
    this.cause = cause;
    omitStack(cause);
  }
}

/**
 * The transport was lost, timed out or was aborted. There was no close frame, so the close code is 1006 (RFC 6455 §7.1.5).
 *
 * @example A server that is not running
 * ```ts
 * import { connect, ConnectionError } from "@sluice/websocket";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * listener.close();
 * const { port } = listener.addr;
 * const error = await assertRejects(() => connect(`ws://127.0.0.1:${port}`), ConnectionError);
 * assertEquals([error.message, error.closeCode], [`Cannot connect to 127.0.0.1:${port}`, 1006]);
 * ```
 */
export class ConnectionError extends WebSocketError {
  /** The error of the transport, if there was one. */
  override readonly cause: unknown;

  /**
   * Creates the error.
   *
   * @param message What happened.
   * @param options The close code (by default 1006), the reason and the cause.
   */
  constructor(message: string, options: WebSocketCloseInfo & { cause?: unknown } = {}) {
    super(message, { closeCode: options.closeCode ?? 1006, reason: options.reason ?? "" });
    this.cause = options.cause;
    omitStack(this);
  }
}

/** Details of a refused handshake. */
export interface HandshakeErrorOptions {
  /** The HTTP status: the one to answer with on a server, or the one that the server sent on a client. */
  status: number;
  /** Header fields: on a server those to add to the response, on a client those of the response. */
  headers?: Headers | [name: string, value: string][];
  /** The start of the response's body, on a client. */
  body?: Uint8Array;
  /** The name of the option whose limit was exceeded, if that was the reason. */
  limit?: string;
  /** The underlying error. */
  cause?: unknown;
}

/**
 * The opening handshake failed. On a server, throw it in `upgrade` to refuse. On a client, the server refused, or its response
 * was invalid.
 *
 * @example A server that refuses
 * ```ts
 * import { connect, HandshakeError, serve } from "@sluice/websocket";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * await using server = serve({
 *   port: 0,
 *   hostname: "127.0.0.1",
 *   upgrade: () => new Response("Ask for a ticket first\n", { status: 401, headers: { "WWW-Authenticate": "Ticket" } }),
 * }, {});
 * const error = await assertRejects(() => connect(server.url), HandshakeError);
 * assertEquals([error.status, error.headers.get("WWW-Authenticate")], [401, "Ticket"]);
 * assertEquals(new TextDecoder().decode(error.body), "Ask for a ticket first\n");
 * ```
 */
export class HandshakeError extends Error {
  /** The error's name. */
  override readonly name = "HandshakeError";
  /** The HTTP status: the one to answer with on a server, or the one that the server sent on a client. */
  readonly status: number;
  /** Header fields: on a server those to add to the response, on a client those of the response. */
  readonly headers: Headers;
  /** The start of the response's body, on a client. */
  readonly body: Uint8Array | undefined;
  /** The name of the option whose limit was exceeded, such as `maxHeaderBytes`, if that was the reason. */
  readonly limit: string | undefined;

  /**
   * Creates the error.
   *
   * @param message What was wrong, with the value.
   * @param options The status, the header fields and the cause.
   */
  constructor(message: string, options: HandshakeErrorOptions) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.status = options.status;
    this.headers = new Headers(options.headers);
    this.body = options.body;
    this.limit = options.limit;
    omitStack(this);
  }
}

/**
 * Returns the close code that is sent to the peer for an error: the error's own, or 1011 for anything that is not the peer's
 * fault.
 *
 * @example Close codes of errors
 * ```ts
 * import { closeCodeOf, ProtocolError, WebSocketError } from "@sluice/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(closeCodeOf(new ProtocolError("Close frame has a payload of one byte", "RFC 6455 §5.5.1")), 1002);
 * assertEquals(closeCodeOf(new WebSocketError("Too late", { closeCode: 4001 })), 4001);
 * assertEquals(closeCodeOf(new Error("A bug in the handler")), 1011);
 * ```
 *
 * @param error Anything thrown while a connection was open.
 * @returns A code that may be sent in a close frame (RFC 6455 §7.4.1).
 */
export function closeCodeOf(error: unknown): number {
  if (error instanceof ProtocolError || error instanceof LimitError) return error.closeCode;
  if (!(error instanceof WebSocketError) || error.closeCode === null) return 1011;
  // 1005 and 1006 mean that nothing was received, and must not be sent (§7.4.1).
  return error.closeCode === 1005 || error.closeCode === 1006 ? 1011 : error.closeCode;
}

/**
 * Makes the error for a call that comes too late, as the WHATWG names it.
 *
 * @param message What cannot be done, and why.
 * @param cause The underlying error, if there is one.
 */
export function invalidState(message: string, cause?: unknown): DOMException {
  const error = new DOMException(message, "InvalidStateError");
  if (cause !== undefined) error.cause = cause;
  omitStack(error);
  return error;
}

/** Adds the name of a topic to a message: on one line, and shortened. A close reason has no room for it. */
function withTopic(message: string, topic: string | undefined): string {
  return topic === undefined ? message : `${message}: topic ${shown(topic)}`;
}

/** Cuts a message, which is ASCII here, to the size of a close reason (RFC 6455 §5.5.1: 125 bytes minus the code). */
function shortReason(message: string): string {
  return message.length > 123 ? message.slice(0, 123) : message;
}
