/**
 * Node servers of the tests: listening on a free port of the loopback interface, and closed when the test is done.
 *
 * @module
 */
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer, type Socket } from "node:net";
import type { Server as HttpServer } from "node:http";
import { assert } from "@std/assert";
import { soon } from "../_support/wait.ts";

/** A server that listens. */
export interface Listening extends AsyncDisposable {
  readonly port: number;
}

/** Lets a server listen. */
export async function listen(server: TcpServer | HttpServer): Promise<Listening> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const address: AddressInfo | string | null = server.address();
  assert(typeof address === "object" && address !== null);
  return {
    port: address.port,
    [Symbol.asyncDispose]: () =>
      soon(new Promise<void>((resolve) => server.close(() => resolve())), "The end of the Node server"),
  };
}

/** A Node socket, and the `Deno.Conn` at its other end. */
export async function socketPair(): Promise<{ socket: Socket; peer: Deno.TcpConn } & AsyncDisposable> {
  const accepted = Promise.withResolvers<Socket>();
  // As `node:http` has its sockets.
  const server = createTcpServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => accepted.resolve(socket));
  const { port, [Symbol.asyncDispose]: close } = await listen(server);
  const peer = await Deno.connect({ hostname: "127.0.0.1", port });
  const socket = await soon(accepted.promise, "The connection");
  return {
    socket,
    peer,
    async [Symbol.asyncDispose]() {
      socket.destroy();
      peer[Symbol.dispose]();
      await close();
    },
  };
}
