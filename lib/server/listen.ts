/**
 * Where a server listens: TCP, TLS or a Unix socket.
 *
 * @module
 */
import type { ByteConnection } from "../transport/transport.ts";
import type { Address } from "../transport/transport.ts";
import { createTls, type TlsCertificate } from "./tls.ts";

/** What brings connections, as `Deno.Listener` does. */
export interface Listener {
  /** The address it listens on. */
  readonly addr: Address;
  /** The next connection. Errors named `BadResource` say that it was closed; all others are passing. */
  accept(): Promise<ByteConnection>;
  /** Stops listening. */
  close(): void;
  /** Keeps the process alive. */
  ref(): void;
  /** Lets the process end while it still listens. */
  unref(): void;
}

/** Where to listen. */
export interface ListenOptions {
  /** The port; 0 for one that is free. @default {8000} */
  port?: number;
  /** The address to listen on. @default {"0.0.0.0"} */
  hostname?: string;
  /** Listens on a Unix socket at this path instead. Deno removes its file when the server has stopped. */
  path?: string;
  /** The certificate chain in PEM, for TLS. */
  cert?: string;
  /** The private key in PEM, for TLS. */
  key?: string;
  /** Lets several processes listen on the same port (Linux, `--unstable-net`). @default {false} */
  reusePort?: boolean;
}

/**
 * Listens.
 *
 * @param options Where.
 * @returns The listener.
 * @throws {DOMException} `NotSupportedError` outside Deno.
 * @throws {TypeError} If there is a certificate without its key, or a key without its certificate, or one of them is none.
 */
export function listen(options: ListenOptions): Listener {
  if (!("Deno" in globalThis)) {
    throw new DOMException("Cannot listen outside Deno: serveNode attaches to a node:http server", "NotSupportedError");
  }
  const { port = 8000, hostname = "0.0.0.0", path, cert, key, reusePort = false } = options;
  if (path !== undefined) return Deno.listen({ transport: "unix", path });
  if (cert === undefined && key === undefined) return Deno.listen({ port, hostname, reusePort });
  if (cert === undefined || key === undefined) {
    throw new TypeError("Cannot serve over TLS: both cert and key are needed");
  }
  return listenTls({ port, hostname, reusePort }, { cert, key });
}

/**
 * Listens for TLS.
 *
 * @param where The port and the address.
 * @param certificate Is shown to every client.
 * @returns The listener. Its connections have not shaken hands: that comes with the first read.
 * @throws {TypeError} If a certificate or a key is none.
 */
export function listenTls(
  where: Required<Pick<ListenOptions, "port" | "hostname" | "reusePort">>,
  certificate: TlsCertificate,
): Listener {
  const secure = createTls(certificate);
  const listener = Deno.listen(where);
  return {
    addr: listener.addr,
    accept: async () => secure(await listener.accept()),
    close: () => listener.close(),
    ref: () => listener.ref(),
    unref: () => listener.unref(),
  };
}
