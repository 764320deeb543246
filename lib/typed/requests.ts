/**
 * Requests and responses over one connection, in both directions, with matching ids, timeouts and limits.
 *
 * Each message is a JSON object: `{"id": 1, "ask": …}` asks, `{"id": 1, "answer": …}` or `{"id": 1, "error": "…"}` answers, and
 * `{"id": 1, "cancel": true}` says that the answer is no longer wanted. Each end counts its own requests.
 *
 * @module
 */
import { defer, type Deferred, handled } from "../async.ts";
import { ConnectionError, LimitError, MessageError } from "../errors.ts";
import {
  JSON_LIMIT_KINDS,
  type JsonLimits,
  REQUEST_LIMIT_KINDS,
  type RequestLimits,
  resolveRequestLimits,
} from "../limits.ts";
import { logError } from "../log_error.ts";
import { CALLBACK, isObject, type OptionKinds, SIGNAL, TIME } from "../option_kinds.ts";
import { checkOptions, takeOptions } from "../options.ts";
import { CloseCode } from "../pipeline/frames/close_code.ts";
import type { CloseInfo } from "../connection/websocket_connection.ts";
import type { Codec } from "./codec.ts";
import { json } from "./json.ts";
import { describeIssue, type SchemaOutput, STANDARD_SCHEMA, type StandardSchema } from "./standard_schema.ts";
import type { MessageConnection } from "./message_connection.ts";
import { typed, type TypedConnection } from "./typed.ts";

/**
 * An error for a request. Throw it in `answer` to send its message to the peer, whose `request` then rejects with a
 * `RequestError`.
 */
export class RequestError extends Error {
  /** The error's name. */
  override readonly name = "RequestError";
}

/** Information about a request. */
export interface AnswerInfo {
  /** Aborted when the peer no longer wants the answer, or the connection has ended. */
  readonly signal: AbortSignal;
}

/**
 * The options of `requests`.
 *
 * @typeParam Asked The schema of the peer's requests.
 * @typeParam Answered The schema of the answers to our requests.
 */
export interface RequestsOptions<
  Asked extends StandardSchema = StandardSchema,
  Answered extends StandardSchema = StandardSchema,
> extends Partial<RequestLimits>, Partial<JsonLimits> {
  /**
   * Answers a request of the peer. It may be async. A `RequestError` that it throws is sent to the peer with its message; for any
   * other error the peer gets `Internal error`, and `onError` gets the error. By default every request gets an error.
   */
  answer?(asked: SchemaOutput<Asked>, info: AnswerInfo): unknown;
  /** The schema of the peer's requests. A request that does not match it gets an error. */
  askedSchema?: Asked;
  /** The schema of the answers to our requests. If an answer does not match it, `request` rejects with a `MessageError`. */
  answerSchema?: Answered;
  /** Gets errors that `answer` throws, except for `RequestError`. By default it is printed to the console. */
  onError?(error: unknown): unknown;
}

/** What they take. */
export const REQUESTS_OPTION_KINDS: OptionKinds<RequestsOptions> = {
  ...REQUEST_LIMIT_KINDS,
  ...JSON_LIMIT_KINDS,
  answer: CALLBACK,
  askedSchema: STANDARD_SCHEMA,
  answerSchema: STANDARD_SCHEMA,
  onError: CALLBACK,
};

/** The options of `request`. */
export interface RequestOptions {
  /** The longest time to wait for the answer, in milliseconds. @default {`requestTimeout`} */
  timeout?: number;
  /** Cancels the request. The peer is notified. */
  signal?: AbortSignal;
}

/** What they take. */
export const REQUEST_OPTION_KINDS: OptionKinds<RequestOptions> = { timeout: TIME, signal: SIGNAL };

/**
 * The requests of one connection.
 *
 * @typeParam Answer The type of the answers to our requests.
 */
export interface Requests<Answer = unknown> extends AsyncDisposable {
  /** The number of our requests that wait for an answer. */
  readonly pending: number;
  /** Resolves when the connection has ended. */
  readonly closed: Promise<CloseInfo>;
  /**
   * Sends a request to the peer.
   *
   * @param value The request: any JSON value; `undefined` is sent as `null`.
   * @param options The timeout and the signal.
   * @returns The answer. It rejects with a `RequestError` if the peer answers with an error; with a `DOMException` named
   *   `TimeoutError` after the timeout; with the signal's reason if it is aborted; with a `LimitError` if `maxPendingRequests`
   *   wait already; with a `MessageError` if the answer does not match its schema; and with a `ConnectionError` if the connection
   *   ends first.
   * @throws {TypeError} If the value cannot be converted to JSON. This is thrown at the call.
   */
  request(value: unknown, options?: RequestOptions): Promise<Answer>;
  /** Closes the connection, like its own `close`. */
  close(code?: number, reason?: string): Promise<CloseInfo>;
}

/**
 * Sends and answers requests over a connection, which it reads from this call on.
 *
 * Over `reconnecting`, a request whose connection is lost is not repeated, because only the application knows whether that is
 * safe. It rejects after its timeout.
 *
 * @example Ask a server
 * ```ts
 * import { connect, serve } from "@sluice/websocket";
 * import { RequestError, requests } from "@sluice/websocket/typed";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * await using server = serve({ port: 0, hostname: "127.0.0.1" }, async (socket) => {
 *   const client = requests(socket, {
 *     answer(asked) {
 *       if (typeof asked !== "number") throw new RequestError("Not a number");
 *       return asked * 2;
 *     },
 *   });
 *   await client.closed;
 * });
 * await using peer = requests(await connect(server.url));
 * assertEquals(await peer.request(21, { timeout: 5_000 }), 42);
 * await assertRejects(() => peer.request("21"), RequestError, "Not a number");
 * ```
 *
 * @param connection The connection. No other code may read it.
 * @param options `answer`, the schemas and the limits.
 * @returns The requests of the connection.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 * @throws {RangeError} If a number is out of range.
 */
export function requests<
  Asked extends StandardSchema = StandardSchema,
  Answered extends StandardSchema = StandardSchema,
>(
  connection: MessageConnection,
  options: RequestsOptions<Asked, Answered> = {},
): Requests<SchemaOutput<Answered>> {
  options = takeOptions("requests()", options, REQUESTS_OPTION_KINDS);
  return new RequestsOf(connection, options);
}

/** A message of this protocol. */
type Envelope =
  | { readonly id: number; readonly ask: unknown }
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly error: string }
  | { readonly id: number; readonly cancel: true };

const ENVELOPE: StandardSchema<Envelope> = {
  "~standard": {
    version: 1,
    vendor: "sluice",
    validate: (value) =>
      isEnvelope(value) ? { value } : { issues: [{ message: "It is neither a request nor an answer" }] },
  },
};

function isEnvelope(value: unknown): value is Envelope {
  if (!isObject(value) || !("id" in value) || !Number.isSafeInteger(value.id)) return false;
  return "ask" in value || "answer" in value || ("error" in value && typeof value.error === "string") ||
    ("cancel" in value && value.cancel === true);
}

/**
 * Makes the codec of this protocol. It encodes the value on its own, because JSON leaves out a member whose value it cannot hold,
 * such as a function. The peer would refuse an envelope without it, and close the connection.
 */
function envelopes(limits: Partial<JsonLimits>): Codec<Envelope> {
  const { decode } = json(ENVELOPE, limits);
  const { encode } = json();
  return {
    decode,
    encode({ id, ...rest }) {
      const [[name, value] = []] = Object.entries(rest);
      return `{"id":${id},"${name}":${encode(value)}}`;
    },
  };
}

class RequestsOf<Asked extends StandardSchema, Answered extends StandardSchema>
  implements Requests<SchemaOutput<Answered>> {
  readonly #peer: TypedConnection<Envelope>;
  readonly #options: RequestsOptions<Asked, Answered>;
  readonly #limits: RequestLimits;
  /** Our requests that wait. */
  readonly #pending = new Map<number, Deferred<unknown>>();
  /** The requests of the peer that are being answered. */
  readonly #running = new Map<number, AbortController>();
  /** The number of refusals that the connection has not taken yet. */
  #refusing = 0;
  #lastId = 0;

  constructor(connection: MessageConnection, options: RequestsOptions<Asked, Answered>) {
    const { maxDepth } = options;
    this.#options = options;
    this.#limits = resolveRequestLimits(options);
    this.#peer = typed(connection, envelopes(maxDepth === undefined ? {} : { maxDepth }));
    void this.#read();
  }

  get pending(): number {
    return this.#pending.size;
  }

  get closed(): Promise<CloseInfo> {
    return this.#peer.closed;
  }

  request(value: unknown, options: RequestOptions = {}): Promise<SchemaOutput<Answered>> {
    checkOptions("request()", options, REQUEST_OPTION_KINDS);
    const { signal, timeout = this.#limits.requestTimeout } = options;
    if (signal?.aborted) return handled(Promise.reject(signal.reason));
    const { maxPendingRequests: max } = this.#limits;
    if (this.#pending.size >= max) {
      const facts = { limit: "maxPendingRequests", max, actual: max, closeCode: 1008 } as const;
      return handled(Promise.reject(new LimitError(`More than ${max} requests wait for their answers`, facts)));
    }
    const id = ++this.#lastId;
    const sent = this.#peer.send({ id, ask: value ?? null });
    const waiting = defer<unknown>();
    this.#pending.set(id, waiting);
    const giveUp = (reason: unknown) => {
      waiting.reject(reason);
      void this.#peer.send({ id, cancel: true });
    };
    const late = () => giveUp(new DOMException(`There was no answer within ${timeout} ms`, "TimeoutError"));
    const timer = timeout === 0 || timeout === Infinity ? undefined : setTimeout(late, timeout);
    const stop = () => giveUp(signal?.reason);
    signal?.addEventListener("abort", stop);
    sent.catch(waiting.reject);
    return handled(
      this.#answered(waiting.promise).finally(() => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", stop);
        this.#pending.delete(id);
      }),
    );
  }

  close(code?: number, reason?: string): Promise<CloseInfo> {
    return this.#peer.close(code, reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Checks an answer with its schema. */
  async #answered(answer: Promise<unknown>): Promise<SchemaOutput<Answered>> {
    const result = await this.#options.answerSchema?.["~standard"].validate(await answer);
    if (result === undefined) return await answer;
    if (result.issues === undefined) return result.value;
    const message = `The answer does not match its schema: ${describeIssue(result.issues)}`;
    throw new MessageError(message, { closeCode: CloseCode.POLICY_VIOLATION, cause: result.issues });
  }

  /**
   * Reads to the end of the connection. The loop waits for nothing else, because it also receives the answers to our requests.
   */
  async #read(): Promise<void> {
    let error: unknown;
    try {
      for await (const envelope of this.#peer) this.#take(envelope);
    } catch (cause) {
      error = cause; // `typed` has closed the connection if its codec refused a message
    }
    const lost = new ConnectionError("The connection ended before the answer", { cause: error });
    for (const { reject } of this.#pending.values()) reject(lost);
    for (const running of this.#running.values()) running.abort(lost);
  }

  #take(envelope: Envelope): void {
    const { id } = envelope;
    if ("ask" in envelope) this.#ask(id, envelope.ask);
    else if ("cancel" in envelope) this.#running.get(id)?.abort(new DOMException("The peer gave up", "AbortError"));
    // If no request waits for the answer, it came too late.
    else if ("answer" in envelope) this.#pending.get(id)?.resolve(envelope.answer);
    else this.#pending.get(id)?.reject(new RequestError(envelope.error));
  }

  #ask(id: number, asked: unknown): void {
    const { maxRunningRequests: max } = this.#limits;
    if (this.#running.has(id)) void this.#refuse(id, `Request ${id} is being answered already`);
    else if (this.#running.size >= max) void this.#refuse(id, `More than ${max} requests at a time`);
    else void this.#answer(id, asked);
  }

  /** Refuses a request. Refusals are limited like answers, so a peer that sends requests and does not read is disconnected. */
  async #refuse(id: number, error: string): Promise<void> {
    if (this.#refusing >= this.#limits.maxRunningRequests) {
      void this.#peer.close(CloseCode.POLICY_VIOLATION, "Too many requests at a time");
      return;
    }
    this.#refusing++;
    await this.#send({ id, error });
    this.#refusing--;
  }

  async #answer(id: number, asked: unknown): Promise<void> {
    const running = new AbortController();
    this.#running.set(id, running);
    let envelope: Envelope;
    try {
      envelope = { id, answer: await this.#run(asked, running.signal) ?? null };
    } catch (error) {
      if (!(error instanceof RequestError) && !running.signal.aborted) logError(error, this.#options);
      envelope = { id, error: error instanceof RequestError ? error.message : "Internal error" };
    }
    // The answer counts while it is being sent, so the requests of a peer that does not read are no longer answered.
    if (!running.signal.aborted) await this.#send(envelope);
    this.#running.delete(id);
  }

  async #run(asked: unknown, signal: AbortSignal): Promise<unknown> {
    const { askedSchema } = this.#options;
    const result = await askedSchema?.["~standard"].validate(asked);
    if (result?.issues !== undefined) {
      throw new RequestError(`The request does not match its schema: ${describeIssue(result.issues)}`);
    }
    if (this.#options.answer === undefined) throw new RequestError("Requests are not answered here");
    return await this.#options.answer(result === undefined ? asked : result.value, { signal });
  }

  /** Sends a message. The end of the connection is reported elsewhere; a value that is not JSON is our mistake. */
  async #send(envelope: Envelope): Promise<void> {
    let sent: Promise<void>;
    try {
      sent = this.#peer.send(envelope);
    } catch (error) {
      logError(error, this.#options);
      sent = this.#peer.send({ id: envelope.id, error: "Internal error" });
    }
    await sent.catch(() => {});
  }
}
