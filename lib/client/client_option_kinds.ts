/**
 * What the options of clients take.
 *
 * @module
 */
import { EXTENSION } from "../extensions/extension.ts";
import { PER_MESSAGE_DEFLATE_OPTION_KINDS } from "../extensions/permessage_deflate/permessage_deflate.ts";
import { LIMIT_KINDS, RECONNECT_LIMIT_KINDS } from "../limits.ts";
import {
  ANYTHING,
  CALLBACK,
  FLAG,
  HEADERS,
  isObject,
  kind,
  listOf,
  type OptionKinds,
  or,
  orObject,
  required,
  SIGNAL,
  TEXT,
  TEXT_OR_TEXTS,
  TEXTS,
  URL_OR_TEXT,
} from "../option_kinds.ts";
import { bag, without } from "../options.ts";
import { OBSERVER } from "../connection/watch/observer.ts";
import type { ConnectOptions } from "./connect.ts";
import type { TlsOptions } from "./dial.ts";
import type { ProxyOptions } from "./proxy/proxy.ts";
import { RECONNECT_DELAY_OPTION_KINDS } from "../backoff.ts";
import type { ReconnectingOptions } from "./reconnecting.ts";
import type { WebSocketOptions } from "./websocket.ts";
import type { WebSocketStreamOptions } from "./websocket_stream.ts";

const TLS_OPTION_KINDS: OptionKinds<TlsOptions> = {
  caCerts: TEXTS,
  cert: TEXT,
  key: TEXT,
  alpnProtocols: TEXTS,
  serverName: TEXT,
};

/** The option `proxy`. */
export const PROXY_OPTION_KINDS: OptionKinds<ProxyOptions> = { url: required(URL_OR_TEXT), headers: HEADERS };

/** `connect`. */
export const CONNECT_OPTION_KINDS: OptionKinds<ConnectOptions> = {
  ...LIMIT_KINDS,
  ...TLS_OPTION_KINDS,
  protocols: TEXT_OR_TEXTS,
  extensions: listOf("extensions", EXTENSION),
  perMessageDeflate: orObject(FLAG, bag(PER_MESSAGE_DEFLATE_OPTION_KINDS)),
  headers: HEADERS,
  proxy: orObject(URL_OR_TEXT, bag(PROXY_OPTION_KINDS)),
  path: TEXT,
  conn: kind("a connection: a Deno.Conn, or a pair of byte streams", isObject),
  data: ANYTHING,
  observer: OBSERVER,
  signal: SIGNAL,
};

/** The class `WebSocket`. */
export const WEB_SOCKET_OPTION_KINDS: OptionKinds<WebSocketOptions> = without(CONNECT_OPTION_KINDS, "data");

/** The class `WebSocketStream`, whose lists are Web IDL's: whatever can be iterated over. */
export const WEB_SOCKET_STREAM_OPTION_KINDS: OptionKinds<WebSocketStreamOptions> = {
  ...WEB_SOCKET_OPTION_KINDS,
  protocols: kind("a list of strings", isObject),
};

/** `reconnecting`. */
export const RECONNECTING_OPTION_KINDS: OptionKinds<ReconnectingOptions> = {
  ...without(CONNECT_OPTION_KINDS, "conn"),
  ...RECONNECT_LIMIT_KINDS,
  headers: or(HEADERS, CALLBACK),
  delay: bag(without(RECONNECT_DELAY_OPTION_KINDS, "retryAfter")),
  onConnect: CALLBACK,
  onState: CALLBACK,
  shouldReconnect: CALLBACK,
};
