/**
 * Ordinary HTTP on the same port as WebSockets: one request at a time on each connection, and an upgrade if the client asks for
 * it.
 *
 * @module
 */
import { type DeadlineList, type Deadlines, Timeout } from "../deadlines.ts";
import { ConnectionError, HandshakeError } from "../errors.ts";
import { hasToken } from "../handshake/http_fields.ts";
import { refusalResponse } from "../handshake/http_response.ts";
import type { ServerLimits } from "../limits.ts";
import { once } from "../once.ts";
import { answerAndEnd } from "../transport/opening.ts";
import type { Transport } from "../transport/transport.ts";
import type { AnswerInfo, HttpLane } from "./acceptor.ts";
import type { UpgradeInfo } from "./server_options.ts";
import { Answer } from "./answer.ts";
import type { Exchange, OrdinaryRequest } from "./exchange.ts";
import { Pace, PACE_BYTES } from "./pace.ts";
import { Inflow, RequestBody } from "./request_body.ts";

/** Answers one ordinary request. */
export type HttpHandler = (request: Request, info: UpgradeInfo) => Response | Promise<Response>;

/** The options of an engine. */
export interface HttpEngineOptions {
  /** Gets errors of the server's own code. */
  readonly report: (error: unknown) => void;
  /** The limits. */
  readonly limits: Pick<ServerLimits, "bodyTimeout" | "keepAliveTimeout">;
  /** The deadlines of the server. */
  readonly deadlines: Deadlines;
  /** When it aborts, idle connections end at once, and the others after their response. */
  readonly stopping: AbortSignal;
  /** When it aborts, the remaining connections are dropped. */
  readonly dropping: AbortSignal;
}

const NOTHING = new Uint8Array(0);
const CONTINUE = new TextEncoder().encode("HTTP/1.1 100 Continue\r\n\r\n");

/**
 * Makes an engine.
 *
 * @param handler Answers requests. If it throws, the error is reported and the client gets 500.
 * @param options The limits, the deadlines and the signals.
 * @returns A function that answers one request. It keeps nothing open.
 */
export function createHttpEngine(handler: HttpHandler, options: HttpEngineOptions): HttpLane {
  const { stopping, dropping } = options;
  const { bodyTimeout, keepAliveTimeout } = options.limits;
  const { deadlines } = options;
  const lists = {
    body: bodyTimeout === 0 ? undefined : deadlines.after(bodyTimeout),
    keepAlive: keepAliveTimeout === 0 ? undefined : deadlines.after(keepAliveTimeout),
  };
  const live = new Set<Transport>();
  const idle = new Set<Transport>();
  stopping.addEventListener("abort", () => idle.forEach((transport) => transport.close()), { once: true });
  dropping.addEventListener("abort", () => live.forEach((transport) => transport.close()), { once: true });
  return async (request, info) => {
    const { transport } = request;
    live.add(transport);
    if (dropping.aborted) transport.close();
    try {
      const inflow = new Inflow(transport, request.first);
      if (!await answerRequest(request, inflow, { ...options, list: lists.body, handler, info })) return undefined;
      idle.add(transport);
      if (stopping.aborted) transport.close();
      return await nextExchange(request, inflow, lists.keepAlive);
    } finally {
      live.delete(transport);
      idle.delete(transport);
    }
  };
}

/** Answers a request. Resolves to `true` if another can follow; otherwise the connection has ended. It never rejects. */
async function answerRequest(
  { method, url, version, fields, framing, transport }: OrdinaryRequest,
  inflow: Inflow,
  { handler, info, report, limits: { bodyTimeout }, list, stopping }: HttpEngineOptions & {
    handler: HttpHandler;
    info: AnswerInfo;
    list: DeadlineList | undefined;
  },
): Promise<boolean> {
  const write = pacedWriter(transport, bodyTimeout, list);
  let begun = false;
  let answer: Answer | undefined;
  let gone: ConnectionError | undefined;
  // A request without a body, as most are, needs none of this.
  const body = framing === 0 ? undefined : new RequestBody(inflow, {
    framing,
    bodyTimeout,
    list,
    invite: hasToken(fields, "expect", "100-continue") && version !== "HTTP/1.0"
      ? async () => begun ? undefined : await write(CONTINUE)
      : undefined,
  });
  inflow.watch(() => {
    gone = new ConnectionError("The client has gone");
    info.abort(gone);
    answer?.cancel(gone);
    transport.close();
  });

  try {
    const request = new Request(url, {
      method,
      headers: fields.map((field) => [field[0], field[1]]), // Deno creates a `Request` faster from a list than from `Headers`
      signal: info.signal,
      ...(method === "GET" || method === "HEAD" ? {} : { body: body?.stream ?? null, duplex: "half" }),
    });
    answer = await Answer.prepare(await handler(request, info), method);
  } catch (error) {
    // A malformed body or a disconnect is the client's fault.
    const theirs = body?.failure;
    if ((gone === undefined || error !== gone) && (theirs === undefined || error !== theirs)) report(error);
    const failure = theirs instanceof HandshakeError && error === theirs ? theirs : ourMistake();
    const { status, headers, body: text } = refusalResponse(failure);
    answer = await Answer.prepare(new Response(text, { status, headers }), method);
  }
  if (gone !== undefined) {
    answer.cancel(gone);
    return false;
  }

  begun = true;
  const close = version === "HTTP/1.0" || hasToken(fields, "connection", "close") || answer.closes ||
    stopping.aborted ||
    body?.failure !== undefined;
  let goesOn: boolean;
  try {
    goesOn = await answer.write({ version, close, write });
  } catch (error) {
    // In both cases the response cannot be completed. It is the client's fault if it disconnected, does not read or sent a
    // malformed body; it is the server's fault if the response's body failed.
    if (gone === undefined && !(error instanceof ConnectionError) && error !== body?.failure) report(error);
    inflow.unwatch();
    answer.cancel(error);
    info.abort(error);
    transport.close();
    return false;
  }
  if (body !== undefined) goesOn = await body.finish() && goesOn;
  inflow.unwatch();
  if (goesOn && !stopping.aborted) return true;
  await answerAndEnd(inflow.rest, NOTHING);
  return false;
}

/** Waits for the next request on a connection. It never rejects. */
async function nextExchange(
  { transport, next }: OrdinaryRequest,
  inflow: Inflow,
  list: DeadlineList | undefined,
): Promise<Exchange | undefined> {
  const timeout = list === undefined ? undefined : new Timeout(list, () => transport.close());
  try {
    const bytes = await inflow.read();
    if (bytes !== null) return next(inflow.rest, bytes);
  } catch {
    // A connection that is idle between two requests ends without a response.
  } finally {
    timeout?.cancel();
  }
  transport.close();
  return undefined;
}

const ourMistake = once(() => new HandshakeError("The handler failed", { status: 500 }));

/**
 * Writes in parts at the client's pace, because the least speed applies to each part. A client that does not read counts as a
 * lost connection.
 */
function pacedWriter(
  transport: Transport,
  bodyTimeout: number,
  list: DeadlineList | undefined,
): (bytes: Uint8Array<ArrayBuffer>) => Promise<void> {
  const pace = new Pace(
    bodyTimeout,
    () => new ConnectionError(`The client took more than ${bodyTimeout} ms to read ${PACE_BYTES} bytes`),
    list,
  );
  return async (bytes) => {
    for (let at = 0; at < bytes.length;) {
      const part = at === 0 && bytes.length <= PACE_BYTES ? bytes : bytes.subarray(at, at + PACE_BYTES);
      let written: number;
      try {
        written = await pace.wait(transport.writeSome(part));
      } catch (cause) {
        throw cause instanceof ConnectionError ? cause : new ConnectionError("The connection was lost", { cause });
      }
      pace.moved(written);
      at += written;
    }
  };
}
