/**
 * The options of the testing tools, and their types.
 *
 * @module
 */
import { CONNECT_OPTION_KINDS, type ConnectOptions } from "../client/client_options.ts";
import {
  CALLBACK,
  DELAY,
  either,
  isObject,
  kind,
  type OptionKinds,
  TEXT,
  URL_OR_TEXT,
  whole,
} from "../option_kinds.ts";
import { bag, without } from "../options.ts";
import { checkHandler } from "../connection/check_handler.ts";
import { ACCEPT_OPTION_KINDS, type AcceptOptions } from "../server/server_options.ts";
import type { AnyUpgradeAnswer, ConnectionOf, DataOf, WithUpgrade } from "../server/upgrade_data.ts";
import type { WebSocketHandler } from "../connection/readers/callbacks.ts";
import type { HandledOptions } from "./handled.ts";
import type { HeadFields } from "./raw_handshake.ts";

/** How much a connection in memory holds. */
export interface MemoryPairOptions {
  /**
   * How many bytes each direction holds before a write waits. With 0 it waits forever, with `Infinity` never. @default {65536}
   */
  capacity?: number;
}

/** The start of a fake clock. */
export interface FakeTimeOptions {
  /** The first value of `Date.now`, in milliseconds since 1970. By default the real time. */
  date?: number | Date;
}

/** The timeout of a raw peer. */
export interface RawPeerOptions {
  /** The longest real time of each wait, in milliseconds. @default {5000} */
  deadline?: number;
}

/** The options of both ends. */
export interface ConnectedPairOptions<ServerData = unknown, ClientData = unknown>
  extends MemoryPairOptions, HandledOptions<ServerData> {
  /** The URL that the client connects to. @default {"ws://localhost/"} */
  url?: string | URL;
  /** The options of the server's end. */
  server?: AcceptOptions<ServerData>;
  /** The options of the client's end. */
  client?: Omit<ConnectOptions<ClientData>, "conn">;
}

/**
 * The options of both ends, if the server has `upgrade`: the type of `socket.data` follows from its result, as for `serve`.
 *
 * @typeParam Answer What `upgrade` returns.
 * @typeParam ClientData The application's data for the client's end.
 */
export type UpgradedPairOptions<Answer extends AnyUpgradeAnswer, ClientData = unknown> =
  & Omit<ConnectedPairOptions<unknown, ClientData>, "server" | "handler">
  & UpgradedServer<Answer>;

/**
 * A server with `upgrade`, and a handler for its connections.
 *
 * @typeParam Answer What `upgrade` returns.
 */
export interface UpgradedServer<Answer extends AnyUpgradeAnswer> {
  /** The options of the server's end. */
  server: WithUpgrade<AcceptOptions, Answer>;
  /** The handler of the server's end, as for `serve`. */
  handler?: WebSocketHandler<DataOf<Answer>, ConnectionOf<Answer>>;
}

/** What a raw peer sends in the handshake, and how much its connection holds. */
export interface RawPairOptions extends MemoryPairOptions, RawPeerOptions {
  /** Changes to the header fields that the peer sends; `undefined` omits a field. */
  fields?: HeadFields;
  /** The first line that the peer sends, such as `GET /chat HTTP/1.1`. */
  line?: string;
}

/** Options for a server with a raw client. */
export interface RawClientOptions<Data = unknown> extends RawPairOptions, HandledOptions<Data> {
  /** The options of the server. */
  server?: AcceptOptions<Data>;
}

/**
 * Options for a server with `upgrade`, and a raw client. The type of `socket.data` follows from the result of `upgrade`.
 *
 * @typeParam Answer What `upgrade` returns.
 */
export type UpgradedClientOptions<Answer extends AnyUpgradeAnswer> =
  & Omit<RawClientOptions, "server" | "handler">
  & UpgradedServer<Answer>;

/** Options for a client with a raw server. */
export interface RawServerOptions<Data = unknown> extends RawPairOptions {
  /** The options of the client. */
  client?: Omit<ConnectOptions<Data>, "conn">;
  /** The URL that the client connects to. @default {"ws://localhost/"} */
  url?: string | URL;
}

/** `memoryPair`. */
export const MEMORY_PAIR_OPTION_KINDS: OptionKinds<MemoryPairOptions> = { capacity: whole({ unit: "bytes" }) };

/** `rawPeer`. */
export const RAW_PEER_OPTION_KINDS: OptionKinds<RawPeerOptions> = { deadline: DELAY };

/** `fakeTime`. */
export const FAKE_TIME_OPTION_KINDS: OptionKinds<FakeTimeOptions> = {
  date: kind(
    "milliseconds since 1970, or a Date",
    (value) => (typeof value === "number" || value instanceof Date) && Number.isFinite(Number(value)),
  ),
};

const HANDLED_OPTION_KINDS: OptionKinds<HandledOptions> = {
  handler: { takes: "a function, or an object with callbacks", check: (value, name) => checkHandler(name, value) },
  onError: CALLBACK,
};
const SERVER = bag(ACCEPT_OPTION_KINDS);
/** The types of the options of the client in a pair. */
export const CLIENT_OPTION_KINDS: OptionKinds<Omit<ConnectOptions, "conn">> = without(CONNECT_OPTION_KINDS, "conn");
const CLIENT = bag(CLIENT_OPTION_KINDS);

/** `connectedPair`. */
export const CONNECTED_PAIR_OPTION_KINDS: OptionKinds<ConnectedPairOptions> = {
  ...MEMORY_PAIR_OPTION_KINDS,
  ...HANDLED_OPTION_KINDS,
  url: URL_OR_TEXT,
  server: SERVER,
  client: CLIENT,
};

const RAW_PAIR_OPTION_KINDS: OptionKinds<RawPairOptions> = {
  ...MEMORY_PAIR_OPTION_KINDS,
  ...RAW_PEER_OPTION_KINDS,
  fields: kind(
    'an object of strings, such as { Cookie: "id=1" }',
    (value) => isObject(value) && !(Symbol.iterator in value) && Object.values(value).every(isFieldValue),
  ),
  line: TEXT,
};

/** `rawClient`. */
export const RAW_CLIENT_OPTION_KINDS: OptionKinds<RawClientOptions> = {
  ...RAW_PAIR_OPTION_KINDS,
  ...HANDLED_OPTION_KINDS,
  server: SERVER,
};

/** `rawServer`. */
export const RAW_SERVER_OPTION_KINDS: OptionKinds<RawServerOptions> = {
  ...RAW_PAIR_OPTION_KINDS,
  client: CLIENT,
  url: URL_OR_TEXT,
};

/** The names of the options that an end takes. */
const OPTIONS_OF: Readonly<Record<"server" | "client", object>> = {
  server: ACCEPT_OPTION_KINDS,
  client: without(CONNECT_OPTION_KINDS, "conn"),
};

/**
 * Returns advice for options that belong in `server`, in `client`, or in the `fields` of a raw peer.
 *
 * @param kinds The options of the function that was called.
 */
export function insideOf(kinds: object): (name: string) => string | undefined {
  return (name) => {
    const ends = (["server", "client"] as const)
      .filter((end) => Object.hasOwn(kinds, end) && Object.hasOwn(OPTIONS_OF[end], name));
    if (ends.length > 0) return `pass it in ${either(ends)}`;
    return Object.hasOwn(kinds, "fields") && ["headers", "client", "server"].includes(name)
      ? 'pass the header fields that the raw peer sends in "fields"'
      : undefined;
  };
}

function isFieldValue(value: unknown): boolean {
  return value === undefined || typeof value === "string";
}
