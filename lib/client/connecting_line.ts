/**
 * The order in which the web's classes connect to one host.
 *
 * @module
 */
import { defer } from "../async.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import { withDeadline } from "../transport/opening.ts";

/** How a handshake waits and how long it may keep others waiting. */
export interface TurnOptions {
  /** Ends the wait. */
  signal: AbortSignal;
  /** Milliseconds that the handshake may take. 0, no limit: then the next one does not wait for longer than the default. */
  handshakeTimeout: number;
}

/**
 * The handshakes of the web's classes, one at a time for each host: there "MUST be no more than one connection in a CONNECTING
 * state" (RFC 6455 §4.1). Names are not looked up, so that two names of one address are two hosts, as for a client behind a proxy.
 */
export class ConnectingLine {
  /** The end of each host's line. */
  readonly #lines = new Map<string, Promise<void>>();

  /** Hosts with which a handshake is under way. */
  get hosts(): number {
    return this.#lines.size;
  }

  /**
   * Connects when the handshakes with the same host that were begun before are over.
   *
   * @param host The host and its port.
   * @param options What ends the wait.
   * @param connect Opens the connection.
   * @returns What `connect` resolves to. It rejects with the signal's reason, or as `connect` does.
   */
  async take<T>(
    host: string,
    { signal, handshakeTimeout }: TurnOptions,
    connect: () => Promise<T>,
  ): Promise<T> {
    const before = this.#lines.get(host) ?? Promise.resolve();
    const turn = defer<void>();
    const end = before.then(() => turn.promise);
    this.#lines.set(host, end);
    void end.then(() => {
      if (this.#lines.get(host) === end) this.#lines.delete(host);
    });
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
}
