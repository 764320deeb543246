/**
 * The server's end of one handshake over any HTTP version. It ends with a connection, ordinary requests or a refusal.
 *
 * @module
 */
import { Connection } from "../connection/connection.ts";
import { notifyRefused, type RefusalInfo } from "../connection/watch/observer.ts";
import type { Deadline } from "../deadlines.ts";
import { ConnectionError, HandshakeError } from "../errors.ts";
import type { ExtensionProcessor } from "../extensions/extension.ts";
import { acceptExtensions, describeExtensions } from "../extensions/negotiation.ts";
import { forwardedSecure, type ProxyPolicy } from "../handshake/forwarded.ts";
import type { HeaderFields } from "../handshake/http_fields.ts";
import { checkFinal, type FinalResponse, refusalResponse } from "../handshake/http_response.ts";
import type { UpgradeRequest } from "../handshake/server_handshake.ts";
import { chooseSubprotocol } from "../handshake/subprotocol.ts";
import { isThenable } from "../log_error.ts";
import { checkOptions } from "../options.ts";
import type { Address } from "../transport/transport.ts";
import type { Acceptor, AnswerInfo } from "./acceptor.ts";
import type { Exchange, OrdinaryRequest } from "./exchange.ts";
import { UPGRADE_ANSWER_KINDS, type UpgradeAnswer } from "./server_options.ts";

/** The owner of a handshake. Exactly one of its callbacks reports how the handshake ended. */
export interface HandshakeOwner<Data> {
  /** The handshake under way, so that the owner can stop it. */
  handshake: Handshake<Data> | undefined;
  /**
   * Called with the client's address: before anything is read, or after the head if a proxy has to name the client. Throwing
   * refuses.
   */
  admit(remoteAddr: Address | undefined): void;
  /** Called when the connection is open. */
  onOpen(connection: Connection<Data>): void;
  /**
   * Called when no connection was opened.
   *
   * @param error The reason; `undefined` if ordinary requests were answered until the client disconnected.
   */
  onNone(error: HandshakeError | ConnectionError | undefined): void;
}

/** One handshake. Its deadline is kept in the server's list, so that it needs no timer and no listener. */
export class Handshake<Data> implements Deadline {
  due: number;
  previous: Deadline | undefined;
  next: Deadline | undefined;
  readonly #acceptor: Acceptor<Data>;
  readonly #exchange: Exchange;
  readonly #owner: HandshakeOwner<Data>;
  readonly #info: Info;

  /**
   * Begins.
   *
   * @param acceptor The compiled options of the server.
   * @param exchange The exchange, before anything is read.
   * @param owner Is notified how it ends.
   */
  constructor(acceptor: Acceptor<Data>, exchange: Exchange, owner: HandshakeOwner<Data>) {
    this.due = 0;
    this.previous = this.next = undefined;
    this.#acceptor = acceptor;
    this.#exchange = exchange;
    this.#owner = owner;
    this.#info = new Info(exchange);
    owner.handshake = this;
    acceptor.handshakeDeadlines?.set(this);
    const { stopping } = acceptor;
    if (stopping?.aborted) this.stop(stopping.reason);
    else void this.#run();
  }

  /**
   * The deadline has passed. The response is 408 if the server was waiting for the client (RFC 9110 §15.5.9), 503 if the client
   * was waiting for the server.
   */
  expired(): void {
    const error = new HandshakeError(`The handshake took more than ${this.#acceptor.limits.handshakeTimeout} ms`, {
      status: this.#info.complete ? 503 : 408,
      limit: "handshakeTimeout",
    });
    this.#refuse(error, error);
  }

  /**
   * Refuses the handshake, if it is under way, with 503.
   *
   * @param reason The reason. A `HandshakeError` sets the response.
   */
  stop(reason: unknown): void {
    this.#acceptor.handshakeDeadlines?.cancel(this);
    const error = reason instanceof HandshakeError
      ? reason
      : new HandshakeError("The server is going away", { status: 503, cause: reason });
    this.#refuse(error, reason);
  }

  async #run(): Promise<void> {
    const { limits, options, protocols, extensions, checkOrigin, proxies, deadlines, handshakeDeadlines } = this
      .#acceptor;
    const exchange = this.#exchange;
    const info = this.#info;
    const owner = this.#owner;
    let connection: Connection<Data>;
    try {
      const proxied = proxies.trusts(hostnameOf(info.remoteAddr));
      if (!proxied) owner.admit(info.remoteAddr);
      const head = await exchange.readHead();
      if (info.aborted) return;
      if (proxied) {
        info.forward(proxies, head.fields);
        owner.admit(info.remoteAddr);
      }
      const opening = head.check({ secure: info.forwardedSecure ?? options.secure ?? exchange.secure });
      if (!("request" in opening)) return this.#giveAway(opening);
      const request = info.request = opening.request;
      checkOrigin(request);
      const completing = opening.complete();
      const complete = completing instanceof Promise ? await completing : completing;
      if (info.aborted) return;
      info.complete = true;
      if (extensions.length > 0) {
        info.agreed = acceptExtensions(request.extensions, extensions);
        info.extensions.push(...info.agreed);
      }
      const deciding = options.upgrade === undefined ? NO_ANSWER : this.#decide(request);
      const decided: UpgradeAnswer<Data> | Response = deciding instanceof Promise ? await deciding : deciding;
      if (info.aborted) return;
      if (decided instanceof Response) throw await refusedWith(decided);
      const { protocol = chooseSubprotocol(request.protocols, protocols), headers, data } = decided;
      const agreed = info.extensions.length === 0 ? "" : describeExtensions(info.extensions);
      const { transport, first, framing } = await complete.accept({ protocol, extensions: agreed, headers });
      if (info.aborted) return;
      connection = new Connection<Data>({
        role: "server",
        url: request.url,
        protocol,
        extensions: agreed,
        extensionProcessors: info.extensions,
        fields: request.fields,
        remoteAddr: info.remoteAddr,
        localAddr: info.localAddr,
        data,
        transport,
        limits,
        deadlines,
        rest: first,
        lendPayloads: options.lendPayloads,
        framing,
        hub: options.hub,
        observer: options.observer,
      });
    } catch (cause) {
      return this.#fail(cause);
    }
    handshakeDeadlines?.cancel(this);
    this.#leave();
    owner.onOpen(connection);
  }

  /**
   * Calls `upgrade`. An error that it throws refuses the handshake with 500, except for a `HandshakeError`, which has its own
   * status.
   */
  #decide(request: UpgradeRequest): UpgradeAnswer<Data> | Response | Promise<UpgradeAnswer<Data> | Response> {
    try {
      const answer = this.#acceptor.options.upgrade?.(request, this.#info);
      return isThenable(answer) ? decidedLater(answer) : checkAnswer(answer);
    } catch (cause) {
      throw hookFailure(cause);
    }
  }

  /** Passes an ordinary request to the HTTP engine, which returns the next exchange. */
  #giveAway(request: OrdinaryRequest): void {
    const acceptor = this.#acceptor;
    const owner = this.#owner;
    acceptor.handshakeDeadlines?.cancel(this);
    this.#leave();
    void acceptor.http?.(request, this.#info).then((next) => {
      if (next === undefined) owner.onNone(undefined);
      else new Handshake(acceptor, next, owner);
    });
  }

  /** Handles the failure of a step, unless the handshake was cancelled before. */
  #fail(cause: unknown): void {
    if (this.#info.aborted) return;
    this.#acceptor.handshakeDeadlines?.cancel(this);
    if (!(cause instanceof ConnectionError)) {
      return this.#refuse(cause instanceof HandshakeError ? cause : ourMistake(cause), cause);
    }
    // Any other error means that the peer has disconnected, because errors of hooks become `HandshakeError`s.
    this.#info.abort(cause);
    this.#leave();
    notifyRefused(this.#acceptor.options.observer, cause, this.#info);
    this.#exchange.drop();
    this.#owner.onNone(cause);
  }

  #refuse(error: HandshakeError, reason: unknown): void {
    this.#info.abort(reason);
    this.#leave();
    notifyRefused(this.#acceptor.options.observer, error, this.#info);
    const response = error instanceof Refused ? error.response : refusalResponse(error);
    void this.#exchange.refuse(response).then(() => this.#owner.onNone(error));
  }

  /** Cleans up after the handshake. Extensions that were negotiated but not used are released. */
  #leave(): void {
    this.#owner.handshake = undefined;
    for (const processor of this.#info.agreed) processor.release?.();
  }
}

/** The result for a server without `upgrade`. */
const NO_ANSWER: UpgradeAnswer<never> = {};

async function decidedLater<Data>(
  answer: PromiseLike<UpgradeAnswer<Data> | Response | void>,
): Promise<UpgradeAnswer<Data> | Response> {
  try {
    return checkAnswer(await answer);
  } catch (cause) {
    throw hookFailure(cause);
  }
}

function checkAnswer<Data>(answer: UpgradeAnswer<Data> | Response | void): UpgradeAnswer<Data> | Response {
  const given = answer ?? NO_ANSWER;
  if (!(given instanceof Response)) checkOptions("The answer of upgrade", given, UPGRADE_ANSWER_KINDS);
  return given;
}

/** Information about a connection before its request. The signal is created when it is first read. */
class Info implements AnswerInfo, RefusalInfo {
  remoteAddr: Address | undefined;
  readonly localAddr: Address | undefined;
  /** Whether the connection from the client to the proxy is encrypted, if the proxy says so. */
  forwardedSecure: boolean | undefined;
  readonly extensions: ExtensionProcessor[];
  /** The same, including those that `upgrade` has removed. */
  agreed: readonly ExtensionProcessor[];
  request: UpgradeRequest | undefined;
  /** Whether the request was read completely. */
  complete: boolean;
  /** Whether the handshake was cancelled. The deadline or a signal may refuse the peer at any step; the handshake then stops. */
  aborted: boolean;
  #reason: unknown;
  #controller: AbortController | undefined;

  constructor({ remoteAddr, localAddr }: Exchange) {
    this.remoteAddr = remoteAddr;
    this.localAddr = localAddr;
    this.extensions = [];
    this.agreed = NONE;
    this.complete = false;
    this.aborted = false;
  }

  /** Applies what a proxy reports about its client. */
  forward(proxies: ProxyPolicy, fields: HeaderFields): void {
    const client = proxies.client(fields);
    if (client !== undefined) this.remoteAddr = { transport: "tcp", ...client };
    this.forwardedSecure = forwardedSecure(fields);
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.aborted) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.aborted = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
  }
}

const NONE: readonly ExtensionProcessor[] = [];

/** Returns the IP address of a network address. */
export function hostnameOf(addr: Address | undefined): string | undefined {
  return addr !== undefined && "hostname" in addr ? addr.hostname : undefined;
}

/** A refusal by the application with a `Response`. */
class Refused extends HandshakeError {
  readonly response: FinalResponse;

  constructor(response: FinalResponse & { headers: Headers }) {
    const { status, headers } = response;
    super(`The application refused the handshake with ${status}`, { status, headers });
    this.response = response;
  }
}

async function refusedWith(response: Response): Promise<Refused> {
  const { status, statusText, headers } = response;
  checkFinal(response);
  return new Refused({ status, statusText, headers, body: new Uint8Array(await response.arrayBuffer()) });
}

function hookFailure(cause: unknown): HandshakeError {
  return cause instanceof HandshakeError ? cause : ourMistake(cause);
}

function ourMistake(cause: unknown): HandshakeError {
  return new HandshakeError("The handshake failed on the server's side", { status: 500, cause });
}
