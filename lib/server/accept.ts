/**
 * The server's end of one connection: handshake, then a WebSocket connection or a refusal.
 *
 * @module
 */
import { ConnectionError, HandshakeError } from "../errors.ts";
import { checkFinal, type FinalResponse, refusalResponse } from "../handshake/http_response.ts";
import { acceptExtensions, describeExtensions } from "../extensions/negotiation.ts";
import type { Extension, ExtensionProcessor } from "../extensions/extension.ts";
import { withPerMessageDeflate } from "../extensions/permessage_deflate/permessage_deflate.ts";
import { compileProxies, forwardedSecure, type ProxyPolicy } from "../handshake/forwarded.ts";
import type { HeaderFields } from "../handshake/http_fields.ts";
import type { UpgradeRequest } from "../handshake/server_handshake.ts";
import { chooseSubprotocol, subprotocolList } from "../handshake/subprotocol.ts";
import { type Limits, resolveLimits } from "../limits.ts";
import { Connection } from "../connection/connection.ts";
import { type RefusalInfo, tellRefusal } from "../connection/watch/observer.ts";
import { withDeadline } from "../transport/opening.ts";
import type { Address, ByteConnection, BytePair } from "../transport/transport.ts";
import { type Exchange, http1Exchange, type OrdinaryRequest } from "./exchange.ts";
import { originCheck } from "./origin_check.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import { checkOptions } from "../options.ts";
import { ACCEPT_OPTION_KINDS, type AcceptOptions, UPGRADE_ANSWER_KINDS, type UpgradeInfo } from "./server_options.ts";
import type { AnyUpgradeAnswer, ConnectionOf, WithUpgrade } from "./upgrade_data.ts";

/** Options after their check: made once for a server, not for each connection. */
export interface Acceptor<Data> {
  readonly limits: Limits;
  readonly options: AcceptOptions<Data>;
  readonly protocols: readonly string[];
  readonly extensions: readonly Extension[];
  readonly checkOrigin: (request: Pick<UpgradeRequest, "origin" | "host">) => void;
  readonly proxies: ProxyPolicy;
  /**
   * Answers a request that is not one to open a WebSocket, where the server answers such. Gives the exchange that comes next on the
   * connection, or `undefined` where it has ended. It never rejects.
   */
  readonly http?: HttpLane;
}

/** Answers ordinary requests, one at a time on each connection. */
export type HttpLane = (request: OrdinaryRequest, info: AnswerInfo) => Promise<Exchange | undefined>;

/** What is known of an ordinary request, and how its signal is aborted. */
export interface AnswerInfo extends UpgradeInfo {
  /** Aborts the signal. */
  abort(reason: unknown): void;
}

/** Compiles options whose kinds were checked: what is in them is judged here, so that a mistake is found when the server starts. */
export function createAcceptor<Data>(options: AcceptOptions<Data>): Acceptor<Data> {
  return {
    limits: resolveLimits(options),
    options,
    protocols: subprotocolList(options.protocols),
    extensions: withPerMessageDeflate(options),
    checkOrigin: originCheck(options.origins),
    proxies: compileProxies(options.proxies ?? []),
  };
}

/**
 * Makes a WebSocket connection of one that was accepted elsewhere.
 *
 * @example One connection by hand
 * ```ts
 * import { accept, connect } from "@sluice/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * const client = connect(`ws://127.0.0.1:${listener.addr.port}`);
 * const socket = await accept(await listener.accept());
 * await socket.send("hello");
 * for await (const message of await client) {
 *   assertEquals(message, "hello");
 *   break;
 * }
 * await Promise.all([socket.close(), (await client).closed]);
 * listener.close();
 * ```
 *
 * @typeParam Data What the application keeps with the connection.
 * @param conn A `Deno.Conn`, or any pair of byte streams. It belongs to the connection from here on.
 * @param options The limits, the subprotocols, the origins and the application's decision.
 * @returns The open connection.
 * @throws {TypeError} If `conn` was accepted before.
 * @throws {HandshakeError} If the request was refused. The peer was told, and the connection is closed.
 * @throws {ConnectionError} If the peer went away.
 * @throws {TypeError} If an option is unknown or of another kind.
 * @throws {RangeError} If a number is out of range.
 */
export function accept<Answer extends AnyUpgradeAnswer>(
  conn: ByteConnection | BytePair,
  options: WithUpgrade<AcceptOptions, Answer>,
): Promise<ConnectionOf<Answer>>;
/** Makes a WebSocket connection of one that was accepted elsewhere, whose `data` may be attached later, or never. */
export function accept<Data = unknown>(
  conn: ByteConnection | BytePair,
  options?: AcceptOptions<Data>,
): Promise<WebSocketConnection<Data>>;
export async function accept<Data>(
  conn: ByteConnection | BytePair,
  options: AcceptOptions<Data> = {},
): Promise<WebSocketConnection<Data>> {
  checkOptions("accept()", options, ACCEPT_OPTION_KINDS);
  const connection = await acceptWith(createAcceptor(options), conn, { signal: options.signal });
  // Only a server with `http` answers a request in another way.
  if (connection === undefined) throw new HandshakeError("The request was answered over HTTP", { status: 200 });
  return connection;
}

/** What a server knows of a connection that is to be accepted. */
export interface AcceptContext {
  /** Gives up the handshake. */
  signal?: AbortSignal | undefined;
  /** Is told who connects, before anything is read where no proxy has to say it. What it throws refuses. */
  admit?(remoteAddr: Address | undefined): void;
}

/** {@linkcode accept} for a server: `undefined` where the request was no handshake and was answered. */
export function acceptWith<Data>(
  acceptor: Acceptor<Data>,
  conn: ByteConnection | BytePair,
  { first, ...context }: AcceptContext & {
    /** What was read of the connection already. */
    first?: Uint8Array<ArrayBuffer> | undefined;
  },
): Promise<Connection<Data> | undefined> {
  return acceptExchange(acceptor, http1(acceptor, conn, first), context);
}

/** The exchange of a connection in HTTP/1.1, as a server's options have it. */
export function http1<Data>(
  { limits, options: { legacy }, http }: Acceptor<Data>,
  conn: ByteConnection | BytePair,
  early?: Uint8Array<ArrayBuffer>,
): Exchange {
  return http1Exchange(conn, { limits, legacy, ordinary: http !== undefined }, early);
}

/** {@linkcode acceptWith} for an exchange of any version of HTTP. */
export async function acceptExchange<Data>(
  acceptor: Acceptor<Data>,
  exchange: Exchange,
  context: AcceptContext,
): Promise<Connection<Data> | undefined> {
  for (let next: Exchange | undefined = exchange; next !== undefined;) {
    const info: Info = new Info(next);
    const opened: Connection<Data> | OrdinaryRequest = await openExchange(acceptor, next, { ...context, info });
    if (opened instanceof Connection) return opened;
    next = await acceptor.http?.(opened, info);
  }
  return undefined;
}

/** Reads one request: gives the connection that it opened, or the request where it asks for none. Refuses it otherwise. */
async function openExchange<Data>(
  acceptor: Acceptor<Data>,
  exchange: Exchange,
  { signal, admit, info }: AcceptContext & { info: Info },
): Promise<Connection<Data> | OrdinaryRequest> {
  const { handshakeTimeout: time } = acceptor.limits;
  const late = () => {
    // 408 while we wait for the client (RFC 9110 §15.5.9), 503 while the client waits for us.
    return new HandshakeError(`The handshake took more than ${time} ms`, {
      status: info.complete ? 503 : 408,
      limit: "handshakeTimeout",
    });
  };
  try {
    return await withDeadline(shakeHands(acceptor, exchange, { info, admit }), { time, late, signal });
  } catch (cause) {
    info.abort(cause);
    // The peer is gone. A signal may have any reason, and what a hook throws comes as a `HandshakeError`.
    if (cause instanceof ConnectionError && cause !== signal?.reason) {
      tellRefusal(acceptor.options.observer, cause, info);
      exchange.drop();
      throw cause;
    }
    const error = refusalOf(cause, signal);
    tellRefusal(acceptor.options.observer, error, info);
    await exchange.refuse(error instanceof Refused ? error.response : refusalResponse(error));
    throw error;
  } finally {
    for (const processor of info.agreed) processor.release?.(); // what was not opened goes
  }
}

async function shakeHands<Data>(
  acceptor: Acceptor<Data>,
  exchange: Exchange,
  { info, admit }: { info: Info; admit: AcceptContext["admit"] },
): Promise<Connection<Data> | OrdinaryRequest> {
  const { limits, options, checkOrigin, proxies } = acceptor;
  const proxied = proxies.trusts(hostnameOf(info.remoteAddr));
  if (!proxied) admit?.(info.remoteAddr);
  const fields = await exchange.readHead();
  info.throwIfAborted();
  if (proxied) {
    info.forward(proxies, fields);
    admit?.(info.remoteAddr);
  }
  const secure = info.forwardedSecure ?? options.secure ?? exchange.secure;
  const ordinary = exchange.ordinary({ secure });
  if (ordinary !== undefined) return ordinary;
  const request = info.request = exchange.readRequest({ secure });
  checkOrigin(request);
  await exchange.readBody();
  info.throwIfAborted();
  info.complete = true;
  info.agreed = acceptExtensions(request.extensions, acceptor.extensions);
  info.extensions.push(...info.agreed);
  const answer = await ask(info, () => options.upgrade?.(request, info)) ?? {};
  if (answer instanceof Response) throw await refusedWith(answer);
  if (options.upgrade !== undefined) {
    await ask(info, () => checkOptions("The answer of upgrade", answer, UPGRADE_ANSWER_KINDS));
  }
  const { protocol = chooseSubprotocol(request.protocols, acceptor.protocols), headers = [], data } = answer;
  const extensions = describeExtensions(info.extensions);
  info.throwIfAborted();
  const { transport, first, framing } = await exchange.accept({ protocol, extensions, headers });
  info.throwIfAborted();
  return new Connection<Data>({
    role: "server",
    url: request.url,
    protocol,
    extensions,
    extensionProcessors: info.extensions,
    fields: request.fields,
    remoteAddr: info.remoteAddr,
    localAddr: info.localAddr,
    data,
    transport,
    limits,
    rest: first,
    lendPayloads: options.lendPayloads,
    framing,
    hub: options.hub,
    observer: options.observer,
  });
}

/** Calls a hook. What it throws refuses the handshake: with 500, whatever it is, unless it is a refusal itself (H22). */
async function ask<Answer>(info: Info, hook: () => Answer | Promise<Answer>): Promise<Answer> {
  info.throwIfAborted();
  try {
    return await hook();
  } catch (cause) {
    throw cause instanceof HandshakeError ? cause : ourMistake(cause);
  } finally {
    info.throwIfAborted();
  }
}

/** What is known of a connection before its request. The signal is made for those who look at it. */
class Info implements AnswerInfo, RefusalInfo {
  remoteAddr: Address | undefined;
  readonly localAddr: Address | undefined;
  /** Whether the client's side of a proxy is, as far as the proxy says it. */
  forwardedSecure: boolean | undefined;
  readonly extensions: ExtensionProcessor[] = [];
  /** The same, with those that `upgrade` has taken out. */
  agreed: readonly ExtensionProcessor[] = [];
  request: UpgradeRequest | undefined;
  /** Whether the request is here. */
  complete = false;
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;

  constructor({ remoteAddr, localAddr }: Exchange) {
    this.remoteAddr = remoteAddr;
    this.localAddr = localAddr;
  }

  /** Takes over what a proxy says of its client. */
  forward(proxies: ProxyPolicy, fields: HeaderFields): void {
    const client = proxies.client(fields);
    if (client !== undefined) this.remoteAddr = { transport: "tcp", ...client };
    this.forwardedSecure = forwardedSecure(fields);
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason);
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#aborted = { reason };
    this.#controller?.abort(reason);
  }

  /** The deadline or a signal may have refused the peer since: then its handshake goes no further. */
  throwIfAborted(): void {
    if (this.#aborted !== undefined) throw this.#aborted.reason;
  }
}

/** The IP address of an address. */
export function hostnameOf(addr: Address | undefined): string | undefined {
  return addr !== undefined && "hostname" in addr ? addr.hostname : undefined;
}

/** The application refused with a `Response`. */
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

/** What refuses the handshake: what was thrown, or 503 where `signal` ends it, or 500 for a mistake of ours (H22). */
function refusalOf(cause: unknown, signal: AbortSignal | undefined): HandshakeError {
  if (cause instanceof HandshakeError) return cause;
  if (signal?.aborted) return new HandshakeError("The server is going away", { status: 503, cause });
  return ourMistake(cause);
}

function ourMistake(cause: unknown): HandshakeError {
  return new HandshakeError("The handshake failed on the server's side", { status: 500, cause });
}
