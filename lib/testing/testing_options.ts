/**
 * The options of the tools for tests, and what each takes.
 *
 * @module
 */
import { CONNECT_OPTION_KINDS, type ConnectOptions } from "../client/client_options.ts";
import { CALLBACK, DELAY, isObject, kind, type OptionKinds, TEXT, URL_OR_TEXT, whole } from "../option_kinds.ts";
import { bag, without } from "../options.ts";
import { checkHandler } from "../connection/check_handler.ts";
import { ACCEPT_OPTION_KINDS, type AcceptOptions } from "../server/server_options.ts";
import type { HandledOptions } from "./handled.ts";
import type { HeadFields } from "./raw_handshake.ts";

/** How much a connection in memory holds. */
export interface MemoryPairOptions {
  /** Bytes that each way holds before a write waits: with 0 it waits for ever, with `Infinity` never. @default {65536} */
  capacity?: number;
}

/** Where the clock begins. */
export interface FakeTimeOptions {
  /** What `Date.now` says first, in milliseconds since 1970; by default the real time. */
  date?: number | Date;
}

/** How a raw peer waits. */
export interface RawPeerOptions {
  /** Milliseconds of real time that anything it waits for may take. @default {5000} */
  deadline?: number;
}

/** How the two ends are made. */
export interface ConnectedPairOptions<ServerData = unknown, ClientData = unknown>
  extends MemoryPairOptions, HandledOptions<ServerData> {
  /** What the client connects to. @default {"ws://localhost/"} */
  url?: string | URL;
  /** How the server accepts. */
  server?: AcceptOptions<ServerData>;
  /** How the client connects. */
  client?: Omit<ConnectOptions<ClientData>, "conn">;
}

/** What a raw peer says in the handshake, and how it is connected. */
export interface RawPairOptions extends MemoryPairOptions, RawPeerOptions {
  /** What is different about the header fields that it sends; `undefined` leaves a field out. */
  fields?: HeadFields;
  /** The first line that it sends, such as `GET /chat HTTP/1.1`. */
  line?: string;
}

/** How a server is connected to a raw client. */
export interface RawClientOptions<Data = unknown> extends RawPairOptions, HandledOptions<Data> {
  /** How the server accepts. */
  server?: AcceptOptions<Data>;
}

/** How a client is connected to a raw server. */
export interface RawServerOptions<Data = unknown> extends RawPairOptions {
  /** How the client connects. */
  client?: Omit<ConnectOptions<Data>, "conn">;
  /** What it connects to. @default {"ws://localhost/"} */
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
const CLIENT = bag(without(CONNECT_OPTION_KINDS, "conn"));

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
  fields: kind("an object of header fields", isObject),
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
