/**
 * A TLS listener that requires client certificates. `Deno.listenTls` has no option for that, but `node:tls` does.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { Duplex } from "node:stream";
import { createServer, type TLSSocket } from "node:tls";
import { defer, type Deferred } from "../async.ts";
import type { TlsCertificate } from "../server/tls.ts";
import { nodeConnection } from "../transport/node_connection.ts";

/** The server's certificate, and the CAs of its clients. */
export interface MutualTls extends TlsCertificate {
  /** The CAs in PEM. One of them must have signed a client's certificate. */
  readonly ca: string;
}

/** Options for listening. */
export interface ListenWithClientCertificatesOptions extends MutualTls {
  port: number;
  hostname: string;
  /** The timeout of a TLS handshake in milliseconds. @default {10_000} */
  handshakeTimeout?: number;
}

/** A listener whose certificate and CAs can be renewed. */
export interface MutualTlsListener extends Deno.Listener {
  /**
   * Uses another certificate and other CAs for the handshakes from now on. Open connections continue.
   *
   * @throws {Error} If one of them is malformed. The ones before stay in use.
   */
  renew(files: MutualTls): void;
}

/**
 * Listens. The TLS handshake fails for clients without a certificate of these CAs.
 *
 * @param options The address and the certificates.
 * @returns The listener, for the option of `serve`.
 * @throws {Error} If the certificate, the key or a CA is invalid, or the address cannot be used, as `node:net` reports it.
 */
export async function listenWithClientCertificates(
  options: ListenWithClientCertificatesOptions,
): Promise<MutualTlsListener> {
  const { port, hostname, cert, key, ca, handshakeTimeout = 10_000 } = options;
  checkAuthorities(ca);
  const server = createServer({ cert, key, ca, requestCert: true, rejectUnauthorized: true, handshakeTimeout });
  const waiting: Deferred<Deno.Conn>[] = [];
  const ready: TLSSocket[] = [];
  let closed = false;

  server.on("secureConnection", (socket) => {
    const next = waiting.shift();
    if (next === undefined) ready.push(socket);
    else next.resolve(connOf(socket));
  });
  // A failed handshake concerns only that client, and the server has closed its connection.
  server.on("tlsClientError", () => {});
  server.listen(port, hostname);
  await once(server, "listening"); // rejects on an `error` event
  const address = server.address();
  const addr = address === null || typeof address === "string" ? netAddr() : netAddr(address.address, address.port);

  const accept = (): Promise<Deno.Conn> => {
    if (closed) return Promise.reject(new Deno.errors.BadResource("The listener is closed"));
    const socket = ready.shift();
    if (socket !== undefined) return Promise.resolve(connOf(socket));
    const next = defer<Deno.Conn>();
    waiting.push(next);
    return next.promise;
  };
  const close = () => {
    if (closed) return;
    closed = true;
    server.close();
    for (const socket of ready) socket.destroy();
    for (const next of waiting) next.reject(new Deno.errors.BadResource("The listener is closed"));
  };
  return {
    addr,
    accept,
    close,
    ref: () => void server.ref(),
    unref: () => void server.unref(),
    renew({ cert, key, ca }) {
      checkAuthorities(ca);
      server.setSecureContext({ cert, key, ca });
    },
    [Symbol.dispose]: close,
    async *[Symbol.asyncIterator]() {
      while (!closed) yield await accept();
    },
  };
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs;

/**
 * Checks the CAs, because `node:tls` ignores those that it cannot parse.
 *
 * @param ca The CAs in PEM.
 * @throws {TypeError} If there is none, or one is malformed.
 */
export function checkAuthorities(ca: string): void {
  const certificates = ca.match(CERTIFICATE);
  if (certificates === null) throw new TypeError("Cannot use the CAs of clients: there is no certificate in PEM");
  for (const certificate of certificates) {
    try {
      new X509Certificate(certificate);
    } catch (cause) {
      throw new TypeError("Cannot use the CAs of clients: a certificate is malformed", { cause });
    }
  }
}

/** Returns the connection as a `Deno.Conn`. A server uses its methods; the streams only exist for the type. */
function connOf(socket: TLSSocket): Deno.Conn {
  const { read, write, close, closeWrite, setNoDelay } = nodeConnection(socket);
  return {
    read,
    write,
    close,
    closeWrite: async () => await closeWrite?.(),
    ...{ setNoDelay },
    localAddr: netAddr(socket.localAddress, socket.localPort),
    remoteAddr: netAddr(socket.remoteAddress, socket.remotePort),
    get readable() {
      return Duplex.toWeb(socket).readable;
    },
    get writable() {
      return Duplex.toWeb(socket).writable;
    },
    ref: () => void socket.ref(),
    unref: () => void socket.unref(),
    [Symbol.dispose]: close,
  };
}

function netAddr(hostname = "", port = 0): Deno.NetAddr {
  return { transport: "tcp", hostname, port };
}
