/**
 * A TLS listener that asks clients for certificates. `Deno.listenTls` has no option for that, `node:tls` has.
 *
 * @module
 */
import { once } from "node:events";
import { Duplex } from "node:stream";
import { createServer, type TLSSocket } from "node:tls";
import { defer, type Deferred } from "../async.ts";
import { nodeConnection } from "../transport/node_connection.ts";

/** How to listen. */
export interface ListenWithClientCertificatesOptions {
  port: number;
  hostname: string;
  /** The certificate chain in PEM. */
  cert: string;
  /** Its private key in PEM. */
  key: string;
  /** The authorities, in PEM, one of which must have signed a client's certificate. */
  ca: string;
  /** Milliseconds for a TLS handshake. @default {10_000} */
  handshakeTimeout?: number;
}

/**
 * Listens. Clients without a certificate of these authorities get no connection: the TLS handshake fails.
 *
 * @param options How to listen.
 * @returns The listener, for the option of `serve`.
 * @throws {Error} If the certificate or the key is none, or the address cannot be listened on, as `node:net` says it.
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
  // A client that fails the handshake is its own business; the server has closed it.
  server.on("tlsClientError", () => {});
  server.listen(port, hostname);
  await once(server, "listening"); // rejects with an `error` event
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

/** The connection as Deno has it. A server uses its calls; the streams are here for the type's sake. */
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
