/**
 * The order in which the web's classes connect to one host.
 *
 * @module
 */
import { defer } from "../async.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import { withDeadline } from "../transport/opening.ts";

/** The options of a handshake that waits for its turn. */
export interface TurnOptions {
  /** Ends the wait. */
  signal: AbortSignal;
  /** Milliseconds that the handshake may take. With 0 (no limit), the next one waits no longer than the default. */
  handshakeTimeout: number;
}

/**
 * The handshakes of the web's classes, one at a time for each host, because there "MUST be no more than one connection in a
 * CONNECTING state" (RFC 6455 §4.1). Names are not resolved, so two names of one address count as two hosts, as for a client
 * behind a proxy.
 */
export class ConnectingLine {
  /** The last handshake in each host's queue. */
  readonly #lines = new Map<string, Promise<void>>();

  /** The number of hosts with a handshake under way. */
  get hosts(): number {
    return this.#lines.size;
  }

  /**
   * Connects when all earlier handshakes with the same host are over.
   *
   * @param host The host and its port.
   * @param options The signal that ends the wait, and the timeout.
   * @param connect Opens the connection.
   * @returns The result of `connect`. It rejects with the signal's reason, or with the error of `connect`.
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
