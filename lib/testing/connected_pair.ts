/**
 * Both ends of one WebSocket connection, in memory.
 *
 * @module
 */
import { checkOptions, pick } from "../options.ts";
import {
  CLIENT_OPTION_KINDS,
  CONNECTED_PAIR_OPTION_KINDS,
  type ConnectedPairOptions,
  insideOf,
  MEMORY_PAIR_OPTION_KINDS,
  type UpgradedPairOptions,
} from "./testing_options.ts";
import type { AnyUpgradeAnswer, DataOf } from "../server/upgrade_data.ts";
import type { ConnectOptions } from "../client/client_options.ts";
import { connect } from "../client/connect.ts";
import { ConnectionError } from "../errors.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import { accept } from "../server/accept.ts";
import { ACCEPT_OPTION_KINDS, type AcceptOptions } from "../server/server_options.ts";
import { handled } from "./handled.ts";
import { memoryPair } from "./memory_pair.ts";

/** The two ends of a connection. Disposing of it closes both and waits for the handler. */
export interface ConnectedPair<ServerData = unknown, ClientData = unknown> extends AsyncDisposable {
  /** The client's end. */
  readonly client: WebSocketConnection<ClientData>;
  /** The server's end. If there is a handler, it reads from this end. */
  readonly server: WebSocketConnection<ServerData>;
}

/**
 * Connects a client to a server in memory: `connect` and `accept`, with their handshake, extensions and limits, but without a
 * network.
 *
 * @example A handler
 * ```ts
 * import { connectedPair } from "@sluice/websocket/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await using pair = await connectedPair({
 *   server: { perMessageDeflate: true, upgrade: ({ path }) => ({ data: path.slice(1) }) },
 *   client: { perMessageDeflate: true },
 *   url: "ws://localhost/Ann",
 *   handler: { message: (socket, data) => void socket.send(`${socket.data}: ${data}`) },
 * });
 * await pair.client.send("hello");
 * for await (const message of pair.client) {
 *   assertEquals(message, "Ann: hello");
 *   break;
 * }
 * ```
 *
 * @typeParam Answer What `upgrade` returns.
 * @typeParam ClientData The application's data for the client's end.
 * @param options The options of both ends.
 * @returns Both ends, open.
 * @throws {HandshakeError} If the server refuses the request, or the client rejects the response.
 * @throws {DOMException} `SyntaxError` for an invalid URL or subprotocol.
 */
export function connectedPair<Answer extends AnyUpgradeAnswer, ClientData = unknown>(
  options: UpgradedPairOptions<Answer, ClientData>,
): Promise<ConnectedPair<DataOf<Answer>, ClientData>>;
/** Connects a client to a server in memory. `data` of the server's end may be attached later, or never. */
export function connectedPair<ServerData = unknown, ClientData = unknown>(
  options?: ConnectedPairOptions<ServerData, ClientData>,
): Promise<ConnectedPair<ServerData, ClientData>>;
export async function connectedPair<ServerData, ClientData>(
  options: ConnectedPairOptions<ServerData, ClientData> = {},
): Promise<ConnectedPair<ServerData, ClientData>> {
  checkOptions("connectedPair()", options, CONNECTED_PAIR_OPTION_KINDS, insideOf(CONNECTED_PAIR_OPTION_KINDS));
  const { url = "ws://localhost/" } = options;
  const { client, server } = await opened(url, options);
  const finished = handled(server, options);
  return {
    client,
    server,
    async [Symbol.asyncDispose]() {
      // Each end closes on its own, so that neither waits for a reader of the other.
      await Promise.all([client.close(), server.close()]);
      await finished();
    },
  };
}

/** Runs the handshake. If both sides fail, the error that only says that the other side is gone is dropped. */
async function opened<ServerData, ClientData>(
  url: string | URL,
  options: ConnectedPairOptions<ServerData, ClientData>,
): Promise<{ client: WebSocketConnection<ClientData>; server: WebSocketConnection<ServerData> }> {
  const [near, far] = memoryPair(pick(options, MEMORY_PAIR_OPTION_KINDS));
  const secure = URL.canParse(url) && ["wss:", "https:"].includes(new URL(url).protocol);
  const accepting = accept(near, {
    secure,
    ...pick<AcceptOptions<ServerData>>(options.server ?? {}, ACCEPT_OPTION_KINDS),
  });
  const connecting = connect(url, {
    ...pick<Omit<ConnectOptions<ClientData>, "conn">>(options.client ?? {}, CLIENT_OPTION_KINDS),
    conn: far,
  });
  // If one side gives up before it has sent anything, the other would wait.
  accepting.catch(() => near.close());
  connecting.catch(() => far.close());
  const [server, client] = await Promise.allSettled([accepting, connecting]);
  if (client.status === "fulfilled" && server.status === "fulfilled") {
    return { client: client.value, server: server.value };
  }
  const errors: unknown[] = [];
  for (const end of [server, client]) {
    if (end.status === "fulfilled") end.value.abort();
    else errors.push(end.reason);
  }
  throw errors.find((error) => !(error instanceof ConnectionError)) ?? errors[0];
}
