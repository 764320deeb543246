/**
 * What the options of the tools for tests take.
 *
 * @module
 */
import { CONNECT_OPTION_KINDS } from "../client/client_option_kinds.ts";
import { CALLBACK, DELAY, isObject, kind, type OptionKinds, TEXT, URL_OR_TEXT, whole } from "../option_kinds.ts";
import { bag, without } from "../options.ts";
import { checkHandler } from "../connection/check_handler.ts";
import { ACCEPT_OPTION_KINDS } from "../server/server_option_kinds.ts";
import type { ConnectedPairOptions } from "./connected_pair.ts";
import type { FakeTimeOptions } from "./fake_time.ts";
import type { HandledOptions } from "./handled.ts";
import type { MemoryPairOptions } from "./memory_pair.ts";
import type { RawClientOptions, RawPairOptions, RawServerOptions } from "./raw_pair.ts";
import type { RawPeerOptions } from "./raw_peer.ts";

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
