/**
 * The body of an ordinary request, read when the handler asks for it.
 *
 * @module
 */
import type { DeadlineList } from "../deadlines.ts";
import { ConnectionError, HandshakeError } from "../errors.ts";
import { BodyParser, type RequestFraming } from "../handshake/http_body.ts";
import { concatBytes } from "../pipeline/bytes/concat.ts";
import type { Inflow } from "./inflow.ts";
import { Pace, PACE_BYTES } from "./pace.ts";

/** Bytes of a body that its handler did not read which are read for the sake of the next request. */
const MAX_DRAIN = 256 * 1024;

/** What a body depends on. */
export interface RequestBodyOptions {
  /** How it ends. */
  readonly framing: RequestFraming;
  /** The cap of {@linkcode Pace}. */
  readonly bodyTimeout: number;
  /** Where deadlines of `bodyTimeout` wait. */
  readonly list?: DeadlineList | undefined;
  /** Writes `100 Continue` where the client waits for it before it sends the body (RFC 9110 §10.1.1). */
  readonly invite: (() => Promise<void>) | undefined;
}

/** One request's body. */
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

  /** What is wrong with the body, and the client's fault. */
  get failure(): HandshakeError | ConnectionError | undefined {
    return this.#failure;
  }

  /** The body for a handler; `null` where there is none. */
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
   * The answer is complete: reads what is left of the body, and gives back what came behind it.
   *
   * @returns Whether the next request can be read: the body is at its end.
   */
  async finish(): Promise<boolean> {
    this.#over = true;
    // A client that was not invited may send the body or not.
    if (this.#failure !== undefined || (this.#invite !== undefined && !this.#parser.complete)) return false;
    try {
      for (let drained = 0; !this.#parser.complete && drained < MAX_DRAIN;) {
        drained += (await this.#read())?.length ?? 0;
      }
    } catch {
      return false; // of no interest any more
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

  /** The next bytes of the body, or `null` behind its end. */
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
