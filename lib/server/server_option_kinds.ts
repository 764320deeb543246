/**
 * What the options of servers take.
 *
 * @module
 */
import { EXTENSION } from "../extensions/extension.ts";
import { PER_MESSAGE_DEFLATE_OPTION_KINDS } from "../extensions/permessage_deflate/permessage_deflate.ts";
import { ORIGINS } from "../handshake/origin.ts";
import { LIMIT_KINDS, SERVER_LIMIT_KINDS } from "../limits.ts";
import {
  ANYTHING,
  CALLBACK,
  FLAG,
  HEADERS,
  isObject,
  kind,
  like,
  listOf,
  type OptionKinds,
  orObject,
  PORT,
  SIGNAL,
  TEXT,
  TEXT_OR_TEXTS,
  TEXTS,
  TIME,
  whole,
} from "../option_kinds.ts";
import { bag } from "../options.ts";
import { OBSERVER } from "../connection/watch/observer.ts";
import { HUB } from "../connection/topics.ts";
import type { AcceptOptions, UpgradeAnswer } from "./accept.ts";
import type { GroupOptions, ShutdownOptions } from "./connection_group.ts";
import type { ServeOptions } from "./serve.ts";
import type { UpgradeRequestOptions } from "./upgrade_request.ts";

/** `accept`, and every server. */
export const ACCEPT_OPTION_KINDS: OptionKinds<AcceptOptions> = {
  ...LIMIT_KINDS,
  protocols: TEXT_OR_TEXTS,
  extensions: listOf("extensions", EXTENSION),
  perMessageDeflate: orObject(FLAG, bag(PER_MESSAGE_DEFLATE_OPTION_KINDS)),
  origins: ORIGINS,
  upgrade: CALLBACK,
  legacy: like("what legacyDrafts of ./legacy makes", { methods: ["read"] }),
  secure: FLAG,
  proxies: TEXTS,
  lendPayloads: FLAG,
  hub: HUB,
  observer: OBSERVER,
  signal: SIGNAL,
};

/** A server, whatever brings its connections. */
export const GROUP_OPTION_KINDS: OptionKinds<GroupOptions> = {
  ...ACCEPT_OPTION_KINDS,
  ...SERVER_LIMIT_KINDS,
  http: CALLBACK,
  onError: CALLBACK,
};

/** `serve`. */
export const SERVE_OPTION_KINDS: OptionKinds<ServeOptions> = {
  ...GROUP_OPTION_KINDS,
  port: PORT,
  hostname: TEXT,
  path: TEXT,
  cert: TEXT,
  key: TEXT,
  reusePort: FLAG,
  listener: like("a listener, as Deno.listen makes one", { methods: ["accept", "close"], optional: ["ref", "unref"] }),
  onListen: CALLBACK,
};

/** `server.shutdown`. Whether the code may be sent is judged where it is encoded. */
export const SHUTDOWN_OPTION_KINDS: OptionKinds<ShutdownOptions> = {
  code: whole({ least: 1000, most: 4999, infinite: false }),
  reason: TEXT,
  timeout: TIME,
};

const { maxMessageBytes, highWaterMark, maxQueuedBytes, closeTimeout, pingInterval, pongTimeout } = LIMIT_KINDS;

/** `upgradeRequest`. */
export const UPGRADE_REQUEST_OPTION_KINDS: OptionKinds<UpgradeRequestOptions> = {
  maxMessageBytes,
  highWaterMark,
  maxQueuedBytes,
  closeTimeout,
  pingInterval,
  pongTimeout,
  protocols: TEXT_OR_TEXTS,
  origins: ORIGINS,
  headers: HEADERS,
  data: ANYTHING,
  remoteAddr: kind("an address", isObject),
  hub: HUB,
  onError: CALLBACK,
};

/** What `upgrade` gives. */
export const UPGRADE_ANSWER_KINDS: OptionKinds<UpgradeAnswer> = { protocol: TEXT, headers: HEADERS, data: ANYTHING };
