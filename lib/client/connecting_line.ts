/**
 * The order in which the web's classes connect to one host.
 *
 * @module
 */
import { defer } from "../deferred.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import { withDeadline } from "../pipeline/sockets/opening.ts";

/** The hosts to which a handshake is under way. A line ends when its last one is over. */
const lines = new Map<string, Promise<void>>();

/** How a handshake waits and how long it may keep others waiting. */
export interface TurnOptions {
  /** Ends the wait. */
  signal: AbortSignal;
  /** Milliseconds that the handshake may take. 0, no limit: then the next one does not wait for longer than the default. */
  handshakeTimeout: number;
}

/**
 * Connects when no other handshake with the same host is under way: a client "MUST NOT" have more than one connection to a host in
 * the state CONNECTING (RFC 6455 §4.1, item 2 of the requirements). Names are not looked up, so that two names of one address are
 * two hosts, as for a client behind a proxy.
 *
 * @param host The host and its port.
 * @param options What ends the wait.
 * @param connect Opens the connection.
 * @returns What `connect` resolves to. It rejects with the signal's reason, or as `connect` does.
 */
export async function inTurn<T>(
  host: string,
  { signal, handshakeTimeout }: TurnOptions,
  connect: () => Promise<T>,
): Promise<T> {
  const before = lines.get(host) ?? Promise.resolve();
  const turn = defer<void>();
  const end = before.then(() => turn.promise);
  lines.set(host, end);
  void end.then(() => lines.get(host) === end && lines.delete(host));
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    await withDeadline(before, { time: 0, late: () => undefined, signal });
    timer = setTimeout(turn.resolve, handshakeTimeout || DEFAULT_LIMITS.handshakeTimeout);
    return await connect();
  } finally {
    clearTimeout(timer);
    turn.resolve();
  }
}
