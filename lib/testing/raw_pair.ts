/**
 * One connection of the library in memory, with a raw peer at its other end, after the handshake.
 *
 * @module
 */
import { checkOptions, pick } from "../options.ts";
import type { Role } from "../pipeline/frames/frame.ts";
import {
  CLIENT_OPTION_KINDS,
  insideOf,
  MEMORY_PAIR_OPTION_KINDS,
  RAW_CLIENT_OPTION_KINDS,
  RAW_PEER_OPTION_KINDS,
  RAW_SERVER_OPTION_KINDS,
  type RawClientOptions,
  type RawPairOptions,
  type RawServerOptions,
  type UpgradedClientOptions,
} from "./testing_options.ts";
import type { ConnectOptions } from "../client/client_options.ts";
import { connect } from "../client/connect.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import { accept } from "../server/accept.ts";
import type { AnyUpgradeAnswer, DataOf } from "../server/upgrade_data.ts";
import { handled } from "./handled.ts";
import { type MemoryEnd, memoryPair } from "./memory_pair.ts";
import { type RawPeer, rawPeer } from "./raw_peer.ts";

/** A raw client and the server's end of its connection. Disposing of it drops both and waits for the handler. */
export interface RawClient<Data = unknown> extends AsyncDisposable {
  /** The client. */
  readonly peer: RawPeer;
  /** The server's end. If there is a handler, it reads from this end. */
  readonly server: WebSocketConnection<Data>;
  /** The head of the server's response. */
  readonly head: string;
}

/** A raw server and the client's end of its connection. Disposing of it drops both. */
export interface RawServer<Data = unknown> extends AsyncDisposable {
  /** The server. */
  readonly peer: RawPeer;
  /** The client's end. */
  readonly client: WebSocketConnection<Data>;
  /** The head of the client's request. */
  readonly head: string;
}

/**
 * Connects a raw client to `accept` in memory, including the handshake.
 *
 * @example A client that breaks off in the middle of a message
 * ```ts
 * import { rawClient, text } from "@sluice/websocket/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using raw = await rawClient({ server: { upgrade: () => ({ data: "Ann" }) } });
 * await raw.peer.send(text("hel", { fin: false }));
 * raw.peer.close();
 * const { closeCode, wasClean } = await raw.server.closed;
 * assertEquals([closeCode, wasClean, raw.server.data], [1006, false, "Ann"]);
 * ```
 *
 * @typeParam Answer What `upgrade` returns.
 * @param options The options of the server, and what the client sends in the handshake.
 * @returns The peer, and the server's end.
 * @throws {HandshakeError} If the server refuses the request.
 */
export function rawClient<Answer extends AnyUpgradeAnswer>(
  options: UpgradedClientOptions<Answer>,
): Promise<RawClient<DataOf<Answer>>>;
/** Connects a raw client to `accept` in memory. `data` of the server's end may be attached later, or never. */
export function rawClient<Data = unknown>(options?: RawClientOptions<Data>): Promise<RawClient<Data>>;
export async function rawClient<Data>(options: RawClientOptions<Data> = {}): Promise<RawClient<Data>> {
  checkOptions("rawClient()", options, RAW_CLIENT_OPTION_KINDS, insideOf(RAW_CLIENT_OPTION_KINDS));
  const { near, peer } = rawEnd("client", options);
  const { socket: server, head } = await opened(peer, accept(near, options.server), options);
  const finished = handled(server, options);
  return {
    peer,
    server,
    head,
    async [Symbol.asyncDispose]() {
      await drop(peer, server);
      await finished();
    },
  };
}

/**
 * Connects `connect` to a raw server in memory, including the handshake.
 *
 * @example A server that answers no ping
 * ```ts
 * import { fakeTime, rawServer } from "@sluice/websocket/testing";
 * import { assertEquals } from "@std/assert";
 *
 * using time = fakeTime();
 * await using raw = await rawServer({ client: { pingInterval: 5_000, pongTimeout: 1_000 } });
 * await time.advance(6_000);
 * assertEquals((await raw.client.closed).closeCode, 1006);
 * ```
 *
 * @typeParam Data The application's data for the connection.
 * @param options The options of the client, and what the server sends in the handshake.
 * @returns The peer, and the client's end.
 * @throws {HandshakeError} If the client rejects the response.
 */
export async function rawServer<Data = unknown>(options: RawServerOptions<Data> = {}): Promise<RawServer<Data>> {
  checkOptions("rawServer()", options, RAW_SERVER_OPTION_KINDS, insideOf(RAW_SERVER_OPTION_KINDS));
  const { url = "ws://localhost/", client: given = {} } = options;
  const { near, peer } = rawEnd("server", options);
  const { socket: client, head } = await opened(
    peer,
    connect(url, { ...pick<Omit<ConnectOptions<Data>, "conn">>(given, CLIENT_OPTION_KINDS), conn: near }),
    options,
  );
  return { peer, client, head, [Symbol.asyncDispose]: () => drop(peer, client) };
}

/** A raw peer, and the other end of its connection. */
function rawEnd(role: Role, options: RawPairOptions): { near: MemoryEnd; peer: RawPeer } {
  const [near, far] = memoryPair(pick(options, MEMORY_PAIR_OPTION_KINDS));
  return { near, peer: rawPeer(far, role, pick(options, RAW_PEER_OPTION_KINDS)) };
}

/** Runs both sides of the handshake. The library's error says more than the peer's error about what it then misses. */
async function opened<Data>(
  peer: RawPeer,
  opening: Promise<WebSocketConnection<Data>>,
  { fields, line }: RawPairOptions,
): Promise<{ socket: WebSocketConnection<Data>; head: string }> {
  const shaking = peer.shakeHands(fields, line);
  // If one side fails, the other would wait for the end of the handshake.
  const giveUp = () => peer.close();
  shaking.catch(giveUp);
  opening.catch(giveUp);
  const [ours, theirs] = await Promise.allSettled([opening, shaking]);
  if (ours.status === "rejected") throw ours.reason;
  if (theirs.status === "fulfilled") return { socket: ours.value, head: theirs.value };
  ours.value.abort();
  throw theirs.reason;
}

async function drop(peer: RawPeer, socket: WebSocketConnection): Promise<void> {
  peer.close();
  socket.abort();
  await socket.closed;
}
