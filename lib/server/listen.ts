/**
 * Listeners of a server (TCP, TLS or a Unix socket), and the loop that accepts, which outlives the errors of `accept`.
 *
 * @module
 */
import type { Address, ByteConnection } from "../transport/transport.ts";
import { type CertificateFor, createTls } from "./tls.ts";
import { sleep } from "../async.ts";
import { noteNotOpened, opened } from "../descriptors.ts";
import { withDeadline } from "../transport/opening.ts";

/** A listener, such as a `Deno.Listener`. */
export interface Listener {
  /** The address that it listens on. */
  readonly addr: Address;
  /**
   * Accepts the next connection. An error named `BadResource` means that the listener was closed; the server retries after any
   * other error.
   */
  accept(): Promise<ByteConnection>;
  /** Stops listening. */
  close(): void;
  /** Keeps the process alive. */
  ref(): void;
  /** Lets the process exit while it still listens. */
  unref(): void;
}

/** The address and the certificate of a server. */
export interface ListenOptions {
  /** The port to listen on; 0 picks a free one. @default {8000} */
  port?: number;
  /** The address to listen on. @default {"0.0.0.0"} */
  hostname?: string;
  /** The path of a Unix socket to listen on, with neither a port nor TLS. Deno removes the file when the server has stopped. */
  path?: string;
  /** The certificate chain in PEM, for TLS. */
  cert?: string;
  /** The private key in PEM, for TLS. */
  key?: string;
  /**
   * Returns the certificate for each TLS handshake, instead of `cert` and `key`. Use it to serve several host names, or to renew
   * a certificate without a restart. It gets the host name that the client asks for, or `undefined`, and returns `{ cert, key }`
   * from memory: the same object as long as the certificate is the same. Return `undefined` for an unknown name; it is then
   * called with `undefined`.
   */
  certificate?: CertificateFor;
  /** Whether several processes may listen on the same port (Linux, `--unstable-net`). @default {false} */
  reusePort?: boolean;
}

/** Options that do not apply to a Unix socket. */
const OF_A_PORT = ["port", "hostname", "reusePort", "cert", "key", "certificate"] as const;

/** Checks that `path` is given alone, because a port and a certificate would have no effect with it. */
function checkAlone(options: ListenOptions): void {
  const other = OF_A_PORT.find((name) => options[name] !== undefined);
  if (other === undefined) return;
  throw new TypeError(
    `Cannot listen with both path and ${other}: a Unix socket has no port and no TLS. Leave out one of them`,
  );
}

/**
 * Starts to listen.
 *
 * @param options The address and the certificate.
 * @param report Gets the errors of `certificate` during a handshake.
 * @returns The listener.
 * @throws {DOMException} `NotSupportedError` outside Deno.
 * @throws {TypeError} If a certificate has no key, a key has no certificate, one of them is malformed, or one of these options is
 *   given with `path`.
 */
export function listen(options: ListenOptions, report: (error: unknown) => void): Listener {
  if (!("Deno" in globalThis)) {
    throw new DOMException("Cannot listen outside Deno: serveNode attaches to a node:http server", "NotSupportedError");
  }
  const { port = 8000, hostname = "0.0.0.0", path, reusePort = false } = options;
  if (path !== undefined) {
    checkAlone(options);
    return opened(() => Deno.listen({ transport: "unix", path }));
  }
  const certificate = certificateOf(options);
  if (certificate === undefined) return opened(() => Deno.listen({ port, hostname, reusePort }));
  return listenTls({ port, hostname, reusePort }, certificate, report);
}

/** Whether these options ask for TLS. */
export function isSecure({ cert, certificate }: ListenOptions): boolean {
  return cert !== undefined || certificate !== undefined;
}

function certificateOf({ cert, key, certificate }: ListenOptions): CertificateFor | undefined {
  if (certificate !== undefined) {
    if (cert === undefined && key === undefined) return certificate;
    throw new TypeError("Cannot serve over TLS: give certificate, or cert and key, but not both");
  }
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new TypeError("Cannot serve over TLS: both cert and key are needed");
  }
  const pair = { cert, key };
  return () => pair;
}

/**
 * Listens for TLS.
 *
 * @param where The port and the address to listen on.
 * @param certificateFor Returns the certificate for each handshake.
 * @param report Gets its errors during a handshake.
 * @returns The listener. The TLS handshake of a connection begins with its first read.
 * @throws {TypeError} If a certificate or a key is malformed.
 */
export function listenTls(
  where: Required<Pick<ListenOptions, "port" | "hostname" | "reusePort">>,
  certificateFor: CertificateFor,
  report: (error: unknown) => void,
): Listener {
  const secure = createTls(certificateFor, report);
  const listener = opened(() => Deno.listen(where));
  return {
    addr: listener.addr,
    async accept() {
      for (;;) {
        const conn = await listener.accept();
        try {
          return secure(conn);
        } catch (error) {
          conn.close(); // the certificate is at fault, so the next connection is accepted as usual
          report(error);
        }
      }
    },
    close: () => listener.close(),
    ref: () => listener.ref(),
    unref: () => listener.unref(),
  };
}

/** After an error of `accept` (usually: out of file descriptors) the loop pauses, longer each time. */
const ACCEPT_PAUSE = { first: 50, most: 1_000 };

/**
 * Milliseconds to wait until a closed listener has ended its `accept`. Deno needs one turn of the event loop, and the address is
 * free only then.
 */
const RELEASE_TIME = 1_000;

/** The receiver of the accepted connections. */
export interface AcceptLoopOwner {
  /** Takes a new connection. */
  take(conn: ByteConnection): void;
  /** Gets the first error of a series, unless the client caused it. */
  report(error: unknown): void;
  /** Other code closed the listener. */
  onLost(): void;
  /** Ends a pause. */
  readonly stopping: AbortSignal;
}

/** Accepts until the listener is closed. Errors that `accept` throws do not end the loop. */
export class AcceptLoop {
  readonly #listener: Listener;
  readonly #owner: AcceptLoopOwner;
  readonly #accepting: Promise<void>;
  #closed = false;

  /**
   * @param listener The listener to accept from.
   * @param owner Takes the connections.
   */
  constructor(listener: Listener, owner: AcceptLoopOwner) {
    this.#listener = listener;
    this.#owner = owner;
    this.#accepting = this.#accept();
  }

  /** Closes the listener. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.close();
  }

  /** Waits until the address is free again, for a listener that was closed. */
  async released(): Promise<void> {
    await withDeadline(this.#accepting, { time: RELEASE_TIME, late: () => undefined }).catch(() => {});
  }

  async #accept(): Promise<void> {
    let pause = 0;
    while (!this.#closed) {
      try {
        const conn = await this.#listener.accept();
        pause = 0;
        this.#take(conn);
      } catch (error) {
        if (this.#closed) return;
        if (nameOf(error) === "BadResource") {
          // Other code closed the listener.
          this.#closed = true;
          this.#owner.onLost();
        } else if (!isClientsFault(error)) {
          noteNotOpened(error);
          if (pause === 0) this.#owner.report(error);
          pause = Math.min(Math.max(2 * pause, ACCEPT_PAUSE.first), ACCEPT_PAUSE.most);
          await sleep(pause, this.#owner.stopping);
        }
      }
    }
  }

  /** An error of one connection does not affect the listener or the next connection. */
  #take(conn: ByteConnection): void {
    try {
      this.#owner.take(conn);
    } catch (error) {
      this.#owner.report(error);
    }
  }
}

/** Whether the client disconnected before it was accepted. */
function isClientsFault(error: unknown): boolean {
  return ["ConnectionAborted", "ConnectionReset"].includes(nameOf(error));
}

/** Deno's errors are recognized by name, because a custom listener may run on another runtime. */
function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "";
}
