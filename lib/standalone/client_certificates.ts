/**
 * A TLS listener that requires client certificates. `Deno.listenTls` has no option for that, but `node:tls` does.
 *
 * @module
 */
import { once } from "node:events";
import { Duplex } from "node:stream";
import { createServer, type TLSSocket } from "node:tls";
import { defer, type Deferred } from "../async.ts";
import { nodeConnection } from "../transport/node_connection.ts";

/** Options for listening. */
export interface ListenWithClientCertificatesOptions {
  port: number;
  hostname: string;
  /** The certificate chain in PEM. */
  cert: string;
  /** Its private key in PEM. */
  key: string;
  /** The CAs in PEM. One of them must have signed a client's certificate. */
  ca: string;
  /** The timeout of a TLS handshake in milliseconds. @default {10_000} */
  handshakeTimeout?: number;
}

/**
 * Listens. The TLS handshake fails for clients without a certificate of these CAs.
 *
 * @param options The address and the certificates.
 * @returns The listener, for the option of `serve`.
 * @throws {Error} If the certificate or the key is invalid, or the address cannot be used, as `node:net` reports it.
 */
export async function listenWithClientCertificates(
  options: ListenWithClientCertificatesOptions,
): Promise<Deno.Listener> {
  const { port, hostname, cert, key, ca, handshakeTimeout = 10_000 } = options;
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
    [Symbol.dispose]: close,
    async *[Symbol.asyncIterator]() {
      while (!closed) yield await accept();
    },
  };
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
