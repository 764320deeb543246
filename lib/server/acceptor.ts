/**
 * What a server does with connections, compiled from its options.
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
import { originCheck } from "./origin_check.ts";
import type { AcceptOptions, UpgradeInfo } from "./server_options.ts";

/** Options after their check: made once for a server, not for each connection. */
export interface Acceptor<Data> {
  readonly limits: Limits;
  readonly options: AcceptOptions<Data>;
  readonly protocols: readonly string[];
  readonly extensions: readonly Extension[];
  readonly checkOrigin: (request: Pick<UpgradeRequest, "origin" | "host">) => void;
  readonly proxies: ProxyPolicy;
  /** What exchanges in HTTP/1.1 depend on. */
  readonly http1: Http1Options;
  /** The deadlines of all its connections. */
  readonly deadlines: Deadlines;
  /** Those of handshakes under way; `undefined` where they have none. */
  readonly handshakeDeadlines: DeadlineList | undefined;
  /**
   * Answers a request that is not one to open a WebSocket, where the server answers such. Gives the exchange that comes next on the
   * connection, or `undefined` where it has ended. It never rejects.
   */
  readonly http?: HttpLane | undefined;
  /** Aborted when no handshake may begin or go on. */
  readonly stopping?: AbortSignal | undefined;
}

/** Answers ordinary requests, one at a time on each connection. */
export type HttpLane = (request: OrdinaryRequest, info: AnswerInfo) => Promise<Exchange | undefined>;

/** What is known of an ordinary request, and how its signal is aborted. */
export interface AnswerInfo extends UpgradeInfo {
  /** Aborts the signal. */
  abort(reason: unknown): void;
}

/**
 * Compiles options whose kinds were checked: what is in them is judged here, so that a mistake is found when the server starts.
 *
 * @param options The options.
 * @param server What a server has besides. By default there are deadlines of their own, the options' signal stops handshakes, and no ordinary requests are answered.
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
