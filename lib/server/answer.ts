/**
 * The answer to an ordinary request, from a web `Response` to bytes (RFC 9112 §6).
 *
 * @module
 */
import { fieldValues, hasToken } from "../handshake/http_fields.ts";
import { parseLength } from "../handshake/http_body.ts";
import { type AnswerHead, checkFinal, isBodiless, serializeAnswer } from "../handshake/http_response.ts";
import { concatBytes } from "../pipeline/bytes/concat.ts";

/** Turns of the microtask queue within which a body in memory becomes available. */
const TURNS = 12;

/** Complete bodies of up to this size are sent together with the head, in one write. */
const MAX_JOINED = 16 * 1024;

/** Where an answer goes. */
export interface AnswerTarget {
  /** The version that the client speaks. */
  readonly version: string;
  /** Whether the connection closes after the response. */
  readonly close: boolean;
  /** Writes all of the bytes. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
}

type Reader = ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
type ReadResult = Awaited<ReturnType<Reader["read"]>>;

/** A response that was checked, as far as possible before the first byte is written. */
export class Answer {
  readonly #head: AnswerHead;
  readonly #reader: Reader | undefined;
  /** The complete body, if it was available at once. */
  #whole: Uint8Array<ArrayBuffer> | undefined;
  /** Reads that are under way, or done. */
  #ahead: Promise<ReadResult>[] = [];
  /** The `Content-Length` that the application gave. */
  readonly #declared: number | undefined;
  #cancelled = false;

  private constructor(response: Response, head: AnswerHead, method: string) {
    this.#head = head;
    this.#declared = declaredLength(head);
    const { body } = response;
    if (response.bodyUsed || body?.locked) throw new TypeError("Cannot answer with a Response whose body was used");
    const bodiless = method === "HEAD" || isBodiless(head.status);
    if (bodiless) void body?.cancel().catch(() => {});
    else if (body === null) this.#whole = new Uint8Array(0);
    else this.#reader = body.getReader();
  }

  /**
   * Checks a response, and reads the beginning of its body if that is available at once.
   *
   * @param response What the handler returned.
   * @param method The request's method: the answer to `HEAD` has no body.
   * @returns The answer.
   * @throws {TypeError} If it is not a `Response`, its body was used, or its length differs from its `Content-Length`.
   * @throws {RangeError} If its status is not from 200 to 599.
   */
  static async prepare(response: unknown, method: string): Promise<Answer> {
    if (!isResponse(response)) throw new TypeError("The http handler must return a Response");
    const answer = new Answer(response, checkFinal(response), method);
    try {
      await answer.#peek();
    } catch (error) {
      answer.cancel(error);
      throw error;
    }
    return answer;
  }

  /** Whether the application ends the connection with it. */
  get closes(): boolean {
    return hasToken(this.#head.fields, "connection", "close");
  }

  /** Cancels the body. */
  cancel(reason: unknown): void {
    this.#cancelled = true;
    this.#reader?.cancel(reason).catch(() => {}); // an error of the body's source does not matter any more
  }

  /**
   * Writes the answer.
   *
   * @param to Where it goes.
   * @returns Whether the connection can carry another response.
   * @throws What the body or `to` throws, and `TypeError` if the body is shorter or longer than declared. The response is then
   *   incomplete.
   */
  async write({ version, close, write }: AnswerTarget): Promise<boolean> {
    const whole = this.#whole;
    const known = whole?.length ?? (this.#head.status === 204 ? undefined : this.#declared);
    const chunked = this.#reader !== undefined && known === undefined && version !== "HTTP/1.0";
    const endless = this.#reader !== undefined && known === undefined && !chunked;
    const closes = close || endless;
    const framing = { body: chunked ? "chunked" as const : known, close: closes, date: dateNow() };
    const joined = whole !== undefined && whole.length <= MAX_JOINED;
    await write(serializeAnswer(this.#head, framing, joined ? whole : undefined));
    if (whole === undefined) {
      if (this.#reader !== undefined) await this.#stream(this.#reader, chunked, write);
    } else if (!joined) await write(whole);
    return !closes;
  }

  async #stream(reader: Reader, chunked: boolean, write: AnswerTarget["write"]): Promise<void> {
    let sent = 0;
    for (;;) {
      const { done, value } = await (this.#ahead.shift() ?? reader.read());
      if (this.#cancelled) throw new TypeError("The answer was given up");
      if (done) break;
      checkPiece(value);
      sent += value.length;
      if (this.#declared !== undefined && sent > this.#declared) throw otherLength(this.#declared, `${sent} or more`);
      if (value.length > 0) await write(chunked ? chunkOf(value) : value);
    }
    if (this.#declared !== undefined && sent < this.#declared) throw otherLength(this.#declared, sent);
    if (chunked) await write(LAST_CHUNK);
  }

  /** Reads what is available at once, which is all of a body in memory. It does not wait for a stream. */
  async #peek(): Promise<void> {
    if (this.#reader === undefined) return this.#checkWhole();
    const first = await this.#atHand();
    if (first === undefined) return;
    if (first.done) {
      this.#whole = new Uint8Array(0);
      return this.#checkWhole();
    }
    checkPiece(first.value);
    if (this.#declared !== undefined && first.value.length > this.#declared) {
      throw otherLength(this.#declared, `${first.value.length} or more`);
    }
    const second = await this.#atHand();
    if (second === undefined || !second.done) return;
    this.#whole = first.value;
    this.#checkWhole();
  }

  #checkWhole(): void {
    const { length } = this.#whole ?? { length: this.#declared };
    if (this.#declared !== undefined && length !== this.#declared) throw otherLength(this.#declared, length ?? 0);
  }

  /** The result of the next read, if it is available at once. Otherwise the read is kept for {@linkcode Answer.write}. */
  async #atHand(): Promise<ReadResult | undefined> {
    let result: ReadResult | undefined;
    let failed: { readonly error: unknown } | undefined;
    const reading = this.#reader!.read();
    this.#ahead.push(reading);
    reading.then((value) => result = value, (error) => failed = { error });
    for (let turn = 0; turn < TURNS && result === undefined && failed === undefined; turn++) await undefined;
    if (failed !== undefined) throw failed.error;
    return result;
  }
}

/** Checks the members that are used, because frameworks have their own classes. */
function isResponse(value: unknown): value is Response {
  if (value instanceof Response) return true;
  return typeof value === "object" && value !== null && "status" in value && typeof value.status === "number" &&
    "headers" in value && "body" in value;
}

function declaredLength({ fields }: AnswerHead): number | undefined {
  const [text] = fieldValues(fields, "content-length");
  if (text === undefined) return undefined;
  const length = parseLength(text);
  if (length === undefined) {
    throw new TypeError(`Cannot answer with Content-Length "${text}": it is not a number of bytes`);
  }
  return length;
}

function otherLength(declared: number, actual: number | string): TypeError {
  return new TypeError(`The answer's Content-Length is ${declared}, and its body has ${actual} bytes`);
}

function checkPiece(piece: unknown): asserts piece is Uint8Array<ArrayBuffer> {
  if (!(piece instanceof Uint8Array)) throw new TypeError("The answer's body must be a stream of Uint8Array");
}

let second = 0;
let date = "";

/** The time in the form of RFC 9110 §5.6.7, written once a second. */
function dateNow(): string {
  const now = Math.floor(Date.now() / 1000);
  if (now !== second) {
    second = now;
    date = new Date(now * 1000).toUTCString();
  }
  return date;
}

const encoder = new TextEncoder();
const LAST_CHUNK = encoder.encode("0\r\n\r\n");
const LINE_END = encoder.encode("\r\n");

/** A chunk, RFC 9112 §7.1. */
function chunkOf(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return concatBytes([encoder.encode(`${bytes.length.toString(16)}\r\n`), bytes, LINE_END]);
}
