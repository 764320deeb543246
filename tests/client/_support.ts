/**
 * Connecting in memory and on the loopback interface.
 *
 * @module
 */
import { assertRejects } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import type { ConnectOptions } from "../../lib/client/client_options.ts";
import { HandshakeError } from "../../lib/errors.ts";
import type { ByteConnection } from "../../lib/transport/transport.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { utf8 } from "../_support/frames.ts";
import { connPair, type MemoryConn } from "../_support/pair.ts";
import { RawPeer } from "../_support/raw_peer.ts";
import { cert, key } from "../_support/tls.ts";
import { soon, until } from "../_support/wait.ts";

/** Where {@linkcode connects} says it goes. */
export const URL_HERE = "ws://example.com/chat?x=1";

/** A client on its way, and who answers it. */
export interface Connecting<Data> {
  /** What connect does with the client's end. */
  connecting: Promise<WebSocketConnection<Data>>;
  /** The server's end. */
  peer: RawPeer;
  /** The client's end. */
  conn: MemoryConn;
}

/** Starts to connect in memory. */
export function connects<Data = unknown>(options?: ConnectOptions<Data>, url = URL_HERE): Connecting<Data> {
  const [conn, far] = connPair();
  const connecting = soon(connect(url, { pingInterval: 0, conn, ...options }), "The handshake");
  connecting.catch(() => {}); // looked at later
  return { connecting, peer: new RawPeer(far, "server"), conn };
}

/** Listens on a free port of the loopback interface. */
export const listen = () => Deno.listen({ hostname: "127.0.0.1", port: 0 });

/** Sends a whole answer and ends, and returns what connect threw. */
export async function refused<Data>({ connecting, peer }: Connecting<Data>, answer: string): Promise<HandshakeError> {
  await peer.readHead();
  await peer.send(utf8(answer));
  await peer.closeWrite();
  return await assertRejects(() => connecting, HandshakeError);
}

/** A server on the loopback interface that keeps what it was asked. */
export interface LoopbackServer extends AsyncDisposable {
  readonly port: number;
  /** The heads of the requests it got. */
  readonly requests: string[];
  /** Waits until all clients are gone. */
  deserted(): Promise<void>;
}

/** Answers every client that `listener` takes with `answer`, until it or the client ends the connection. */
export function answeredBy(
  listener: Deno.Listener,
  answer: (peer: RawPeer, requests: string[]) => Promise<void>,
): LoopbackServer {
  const requests: string[] = [];
  const running = new Set<Promise<void>>();
  let clients = 0;
  const serve = async (conn: Deno.Conn) => {
    clients++;
    using peer = new RawPeer(conn, "server");
    try {
      await answer(peer, requests);
    } catch {
      // The client went away, or did not like the certificate.
    }
    clients--;
  };
  const accepting = (async () => {
    for await (const conn of listener) running.add(serve(conn));
  })();
  return {
    port: "port" in listener.addr ? listener.addr.port : 0,
    requests,
    deserted: () => until(() => clients === 0, "The end of the server's clients"),
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting.catch(() => {}); // a TLS listener fails with its last client's handshake
      await soon(Promise.all(running), "The end of the server's clients");
    },
  };
}

/** Answers every handshake with 101 and waits for the end, over a listener of one's own if need be. */
export function answering(listener: Deno.Listener = listen()): LoopbackServer {
  return answeredBy(listener, async (peer, requests) => {
    requests.push(await peer.answer());
    await peer.readToEnd();
  });
}

/** A proxy that does what CONNECT asks for. */
export interface ConnectProxy extends LoopbackServer {
  /** Its URL. */
  readonly url: string;
}

/** Starts one; over TLS it shows the certificate of `localhost`. It connects to loopback, whatever name it is asked for. */
export function connectProxy({ secure = false } = {}): ConnectProxy {
  const proxy = answeredBy(secure ? listenTls() : listen(), async (peer, requests) => {
    const head = await peer.readHead();
    requests.push(head);
    const port = Number(/^CONNECT \S+:(\d+) /.exec(head)?.[1]);
    const server = await Deno.connect({ hostname: "127.0.0.1", port });
    await peer.send(utf8("HTTP/1.1 200 Connection established\r\nContent-Length: 7\r\n\r\n"));
    const up = pipe(peer.conn, server).catch(() => server.closeWrite()); // a client that aborts says no goodbye in TLS
    await Promise.allSettled([up, pipe(server, peer.conn)]);
    server.close();
  });
  return { ...proxy, url: `${secure ? "https" : "http"}://127.0.0.1:${proxy.port}/` };
}

async function pipe(from: ByteConnection, to: ByteConnection): Promise<void> {
  const buffer = new Uint8Array(16 * 1024);
  for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
    for (let written = 0; written < count;) written += await to.write(buffer.subarray(written, count));
  }
  await to.closeWrite?.();
}

/** Listens for TLS with the certificate of `localhost` and 127.0.0.1. */
export const listenTls = () =>
  Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key, alpnProtocols: ["http/1.1"] });
