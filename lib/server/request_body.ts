/**
 * The body of an ordinary request, read when the handler asks for it, and what is read ahead, so that a disconnect is noticed
 * at once.
 *
 * @module
 */
import type { DeadlineList } from "../deadlines.ts";
import { ConnectionError, HandshakeError } from "../errors.ts";
import { BodyParser, type RequestFraming } from "../handshake/http_body.ts";
import { concatBytes } from "../pipeline/bytes/concat.ts";
import { readWith, type Transport } from "../transport/transport.ts";
import { Pace, PACE_BYTES } from "./pace.ts";

/** The maximum number of bytes of an unread body that are read and discarded to get to the next request. */
const MAX_DRAIN = 256 * 1024;

/** The options of a body. */
export interface RequestBodyOptions {
  /** How it ends. */
  readonly framing: RequestFraming;
  /** The limit for {@linkcode Pace}. */
  readonly bodyTimeout: number;
  /** The list of deadlines of `bodyTimeout`. */
  readonly list?: DeadlineList | undefined;
  /** Writes `100 Continue` if the client waits for it before it sends the body (RFC 9110 §10.1.1). */
  readonly invite: (() => Promise<void>) | undefined;
}

/** The body of one request. */
export class RequestBody {
  readonly #inflow: Inflow;
  readonly #parser: BodyParser;
  readonly #pace: Pace;
  #invite: (() => Promise<void>) | undefined;
  #failure: HandshakeError | ConnectionError | undefined;
  #over = false;

  constructor(inflow: Inflow, { framing, bodyTimeout, list, invite }: RequestBodyOptions) {
    this.#inflow = inflow;
    this.#parser = new BodyParser(framing);
    this.#invite = invite;
    this.#pace = new Pace(
      bodyTimeout,
      () =>
        new HandshakeError(`The body took more than ${bodyTimeout} ms for ${PACE_BYTES} bytes`, {
          status: 408,
          limit: "bodyTimeout",
        }),
      list,
    );
  }

  /** The client's error in the body, if there is one. */
  get failure(): HandshakeError | ConnectionError | undefined {
    return this.#failure;
  }

  /** The body for a handler; `null` if there is none. */
  get stream(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    if (this.#parser.complete) return null;
    return new ReadableStream({
      pull: async (controller) => {
        const piece = await this.#next();
        if (piece === null) controller.close();
        else controller.enqueue(piece);
      },
    }, { highWaterMark: 0 });
  }

  /**
   * Called when the response is complete. Reads the rest of the body, and returns the bytes after it to the inflow.
   *
   * @returns Whether the body is at its end, so that the next request can be read.
   */
  async finish(): Promise<boolean> {
    this.#over = true;
    // A client that did not get `100 Continue` may or may not send the body.
    if (this.#failure !== undefined || (this.#invite !== undefined && !this.#parser.complete)) return false;
    try {
      for (let drained = 0; !this.#parser.complete && drained < MAX_DRAIN;) {
        drained += (await this.#read())?.length ?? 0;
      }
    } catch {
      return false; // the outcome no longer matters
    }
    if (!this.#parser.complete) return false;
    this.#inflow.unread(this.#parser.rest);
    return true;
  }

  async #next(): Promise<Uint8Array<ArrayBuffer> | null> {
    if (this.#over) throw new ConnectionError("The request was answered before its body was read");
    const invite = this.#invite;
    this.#invite = undefined;
    try {
      await invite?.();
      return await this.#read();
    } catch (cause) {
      this.#failure = cause instanceof HandshakeError || cause instanceof ConnectionError
        ? cause
        : new ConnectionError("The connection was lost in the middle of the body", { cause });
      throw this.#failure;
    }
  }

  /** Returns the next bytes of the body, or `null` after its end. */
  async #read(): Promise<Uint8Array<ArrayBuffer> | null> {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    while (pieces.length === 0) {
      if (this.#parser.complete) return null;
      const bytes = await this.#pace.wait(this.#inflow.read());
      if (bytes === null) throw new ConnectionError("The connection ended in the middle of the body");
      this.#pace.moved(bytes.length);
      this.#parser.push(bytes, (piece) => pieces.push(piece));
    }
    return pieces.length === 1 ? pieces[0]! : concatBytes(pieces);
  }
}

/** The maximum number of bytes that are read ahead: of an unread body and of requests that wait for their turn. */
const READ_AHEAD = 64 * 1024;

const NOTHING = new Uint8Array(0);

/** The reading side of a connection that answers requests. */
export class Inflow {
  readonly #transport: Transport;
  #held: Uint8Array<ArrayBuffer>;
  #pending: Promise<void> | undefined;
  #end: { readonly error?: unknown } | undefined;
  #ongone: (() => void) | undefined;

  /**
   * @param transport The transport to read. No other code may read it.
   * @param first Bytes that were already read from it.
   */
  constructor(transport: Transport, first: Uint8Array<ArrayBuffer>) {
    this.#transport = transport;
    this.#held = first;
  }

  /**
   * Starts to read ahead.
   *
   * @param ongone Called once, when the client has ended its side or the connection is lost.
   */
  watch(ongone: () => void): void {
    this.#ongone = ongone;
    this.#fill();
  }

  /** Stops reading ahead. A read that is under way continues. */
  unwatch(): void {
    this.#ongone = undefined;
  }

  /**
   * The next bytes.
   *
   * @returns Bytes that the caller may keep, or `null` at the end.
   * @throws What the transport throws.
   */
  async read(): Promise<Uint8Array<ArrayBuffer> | null> {
    while (this.#held.length === 0) {
      if (this.#end !== undefined && "error" in this.#end) throw this.#end.error;
      if (this.#end !== undefined) return null;
      await (this.#pending ?? this.#fetch());
    }
    const bytes = this.#held;
    this.#held = NOTHING;
    this.#fill();
    return bytes;
  }

  /** Puts back bytes that belong to the next reader. */
  unread(bytes: Uint8Array<ArrayBuffer>): void {
    if (bytes.length === 0) return;
    this.#held = this.#held.length === 0 ? bytes : concatBytes([bytes, this.#held]);
  }

  /** The transport for the next reader. It is the transport itself, unless a read is under way or bytes are held. */
  get rest(): Transport {
    if (this.#pending === undefined && this.#held.length === 0) return this.#transport;
    return readWith(this.#transport, () => this.read());
  }

  #fill(): void {
    if (this.#ongone === undefined || this.#pending !== undefined || this.#end !== undefined) return;
    if (this.#held.length < READ_AHEAD) void this.#fetch();
  }

  #fetch(): Promise<void> {
    return this.#pending = this.#transport.read().then((bytes) => {
      this.#pending = undefined;
      if (bytes === null) return this.#finish({});
      this.#held = this.#held.length === 0 ? bytes : concatBytes([this.#held, bytes]);
      this.#fill();
    }, (error) => {
      this.#pending = undefined;
      this.#finish({ error });
    });
  }

  #finish(end: { readonly error?: unknown }): void {
    this.#end = end;
    this.#ongone?.();
    this.#ongone = undefined;
  }
}
