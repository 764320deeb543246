/**
 * What a server does with connections, compiled from its options. The check of the origin prints to the console how to allow a
 * refused one: without that, a refusal shows only as a failed connection in a browser.
 *
 * @module
 */
import { type DeadlineList, Deadlines } from "../deadlines.ts";
import type { Extension } from "../extensions/extension.ts";
import { withPerMessageDeflate } from "../extensions/permessage_deflate/permessage_deflate.ts";
import { compileProxies, type ProxyPolicy } from "../handshake/forwarded.ts";
import type { UpgradeRequest } from "../handshake/server_handshake.ts";
import { subprotocolList } from "../handshake/subprotocol.ts";
import { type Limits, resolveLimits } from "../limits.ts";
import type { Exchange, Http1Options, OrdinaryRequest } from "./exchange.ts";
import type { AcceptOptions, UpgradeInfo } from "./server_options.ts";
import { compileOriginPolicy, isSerializedOrigin, type OriginPolicy, type OriginRequest } from "../handshake/origin.ts";

/** The checked options of a server, compiled once and not for each connection. */
export interface Acceptor<Data> {
  readonly limits: Limits;
  readonly options: AcceptOptions<Data>;
  readonly protocols: readonly string[];
  readonly extensions: readonly Extension[];
  readonly checkOrigin: (request: Pick<UpgradeRequest, "origin" | "host">) => void;
  readonly proxies: ProxyPolicy;
  /** The options of exchanges in HTTP/1.1. */
  readonly http1: Http1Options;
  /** The deadlines of all its connections. */
  readonly deadlines: Deadlines;
  /** The deadlines of handshakes; `undefined` if handshakes have no deadline. */
  readonly handshakeDeadlines: DeadlineList | undefined;
  /**
   * Answers an ordinary request, if the server answers those. Resolves to the next exchange on the connection, or to `undefined`
   * if the connection has ended. It never rejects.
   */
  readonly http?: HttpLane | undefined;
  /** Aborted when the server stops accepting; handshakes then end. */
  readonly stopping?: AbortSignal | undefined;
}

/** Answers ordinary requests, one at a time on each connection. */
export type HttpLane = (request: OrdinaryRequest, info: AnswerInfo) => Promise<Exchange | undefined>;

/** Information about an ordinary request, and a way to abort its signal. */
export interface AnswerInfo extends UpgradeInfo {
  /** Aborts the signal. */
  abort(reason: unknown): void;
}

/**
 * Compiles options whose types were checked. Their values are checked here, so that a mistake shows when the server starts.
 *
 * @param options The options.
 * @param server What else a server shares with its connections. By default deadlines are created here, the signal of the options
 *   stops handshakes, and ordinary requests are not answered.
 */
export function createAcceptor<Data>(
  options: AcceptOptions<Data>,
  { stopping = options.signal, http, deadlines = new Deadlines() }: Partial<
    Pick<Acceptor<Data>, "stopping" | "http" | "deadlines">
  > = {},
): Acceptor<Data> {
  const limits = resolveLimits(options);
  return {
    limits,
    options,
    protocols: subprotocolList(options.protocols),
    extensions: withPerMessageDeflate(options),
    checkOrigin: originCheck(options.origins),
    proxies: compileProxies(options.proxies ?? []),
    http1: { limits, legacy: options.legacy, ordinary: http !== undefined },
    deadlines,
    handshakeDeadlines: limits.handshakeTimeout === 0 ? undefined : deadlines.after(limits.handshakeTimeout),
    http,
    stopping,
  };
}

/** The maximum number of origins that one process prints, because clients can make up any number. */
const MAX_TOLD = 16;

/** The origins that were printed. */
const told = new Set<string>();

/**
 * Compiles a policy. The first refusal of each origin is printed to the console, unless a function of the application decided it.
 *
 * @param policy The policy.
 * @returns A check that throws `HandshakeError` 403 for a request that is refused.
 * @throws {TypeError} If the list has an entry that no `Origin` could match.
 */
export function originCheck(policy?: OriginPolicy): (request: OriginRequest) => void {
  const check = compileOriginPolicy(policy);
  if (typeof policy === "function") return check;
  return (request) => {
    try {
      check(request);
    } catch (error) {
      notify(request, policy);
      throw error;
    }
  };
}

function notify({ origin, host }: OriginRequest, policy: OriginPolicy | undefined): void {
  if (origin === undefined || !isSerializedOrigin(origin) || told.has(origin) || told.size >= MAX_TOLD) return;
  told.add(origin);
  const own = policy === undefined ? ` (and the origin of the pages on ${host}, which the list replaces)` : "";
  const changed = policy === undefined
    ? `. It was compared with the request's Host, ${host}: if a proxy changed that, let it pass on the client's Host instead`
    : "";
  // deno-lint-ignore no-console -- the operator can fix it, and the server shows it nowhere else
  console.warn(
    `A page of ${origin} was refused with 403. If it is yours, add it to the option \`origins\`${own}: origins: ["${origin}"]${changed}`,
  );
}
