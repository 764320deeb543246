/**
 * Listeners of a server: TCP, TLS or a Unix socket.
 *
 * @module
 */
import { opened } from "../descriptors.ts";
import type { ByteConnection } from "../transport/transport.ts";
import type { Address } from "../transport/transport.ts";
import { type CertificateFor, createTls } from "./tls.ts";

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
 * Listens.
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
