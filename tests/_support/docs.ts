/**
 * The documentation: `docs/reference/options-and-limits.md` is written from the source, and the programs in the pages are found
 * for their tests. `deno task docs:reference` writes the page anew; `deno task docs` builds the site (`site.ts`).
 *
 * @module
 */
import {
  BROKER_LIMIT_KINDS,
  DEFAULT_BROKER_LIMITS,
  DEFAULT_HUB_LIMITS,
  DEFAULT_JSON_LIMITS,
  DEFAULT_LIMITS,
  DEFAULT_PRESENCE_LIMITS,
  DEFAULT_RECONNECT_LIMITS,
  DEFAULT_RECOVERY_LIMITS,
  DEFAULT_REQUEST_LIMITS,
  DEFAULT_SERVER_LIMITS,
  HUB_LIMIT_KINDS,
  JSON_LIMIT_KINDS,
  LIMIT_KINDS,
  PRESENCE_LIMIT_KINDS,
  RECONNECT_LIMIT_KINDS,
  RECOVERY_LIMIT_KINDS,
  REQUEST_LIMIT_KINDS,
  SERVER_LIMIT_KINDS,
} from "../../lib/limits.ts";
import { CALLBACK, type Kind, LONGEST_TIME, TEXT, TEXT_OR_TEXTS } from "../../lib/option_kinds.ts";
import {
  CONNECT_OPTION_KINDS,
  PROXY_OPTION_KINDS,
  RECONNECTING_OPTION_KINDS,
} from "../../lib/client/client_options.ts";
import { BROWSER_RECONNECTING_OPTION_KINDS } from "../../lib/browser/reconnecting.ts";
import { RECONNECT_DELAY_OPTION_KINDS } from "../../lib/backoff.ts";
import { PER_MESSAGE_DEFLATE_OPTION_KINDS } from "../../lib/extensions/permessage_deflate/permessage_deflate.ts";
import { LOAD_HANDLERS_OPTION_KINDS } from "../../lib/handlers/handler_directory.ts";
import { CONNECT_HTTP2_OPTION_KINDS } from "../../lib/http2/connect_http2.ts";
import { SERVE_HTTP2_OPTION_KINDS } from "../../lib/http2/serve_http2.ts";
import { HISTORY_OPTION_KINDS } from "../../lib/hub/history.ts";
import { HUB_OPTION_KINDS, PUBLISH_OPTION_KINDS } from "../../lib/hub/hub_options.ts";
import { BROKER_OPTION_KINDS } from "../../lib/hub/linked_broker.ts";
import { PRESENCE_MEMBER_KINDS, PRESENCE_OPTION_KINDS } from "../../lib/presence/presence_options.ts";
import { LINKED_LOG_OPTION_KINDS } from "../../lib/recovery/linked_log.ts";
import { MEMORY_LOG_OPTION_KINDS } from "../../lib/recovery/memory_log.ts";
import {
  RECOVERABLE_HUB_OPTION_KINDS,
  RECOVERABLE_PUBLISH_OPTION_KINDS,
  RECOVERABLE_SUBSCRIBE_OPTION_KINDS,
} from "../../lib/recovery/recoverable_options.ts";
import { RECOVERY_CLIENT_OPTION_KINDS } from "../../lib/recovery/recovering_connection.ts";
import { LEGACY_DRAFTS_OPTION_KINDS } from "../../lib/legacy/legacy_drafts.ts";
import { SERVE_NODE_OPTION_KINDS } from "../../lib/node/serve_node.ts";
import { SEND_OPTION_KINDS, SUBSCRIBE_OPTION_KINDS, TAP_OPTION_KINDS } from "../../lib/connection/socket_options.ts";
import {
  ACCEPT_OPTION_KINDS,
  GROUP_OPTION_KINDS,
  SERVE_OPTION_KINDS,
  SHUTDOWN_OPTION_KINDS,
} from "../../lib/server/server_options.ts";
import { UPGRADE_REQUEST_OPTION_KINDS } from "../../lib/server/upgrade_request_options.ts";
import { REPLAY_OPTION_KINDS } from "../../lib/telemetry/replay.ts";
import { RATE_LIMIT_OPTION_KINDS } from "../../lib/rate_limit/rate_limit.ts";
import { JSON_OPTION_KINDS } from "../../lib/typed/json.ts";
import { REQUEST_OPTION_KINDS, REQUESTS_OPTION_KINDS } from "../../lib/typed/requests.ts";
import { SERVE_WORKERS_OPTION_KINDS } from "../../lib/workers/serve_workers.ts";

const ROOT = new URL("../../", import.meta.url);
const REFERENCE = new URL("docs/reference/options-and-limits.md", ROOT);

/** The groups of limits: their interface and their defaults, by name and as they are. */
const LIMITS = [
  ["Limits", "DEFAULT_LIMITS", DEFAULT_LIMITS, "Every connection: `serve`, `accept`, `connect`, `serveNode`"],
  ["ServerLimits", "DEFAULT_SERVER_LIMITS", DEFAULT_SERVER_LIMITS, "A server: `serve`, `serveNode`, `serveHttp2`"],
  ["ReconnectLimits", "DEFAULT_RECONNECT_LIMITS", DEFAULT_RECONNECT_LIMITS, "A client that reconnects: `reconnecting`"],
  ["HubLimits", "DEFAULT_HUB_LIMITS", DEFAULT_HUB_LIMITS, "A hub: `createHub`"],
  ["JsonLimits", "DEFAULT_JSON_LIMITS", DEFAULT_JSON_LIMITS, "JSON messages: `json` and `requests` of `./typed`"],
  ["RequestLimits", "DEFAULT_REQUEST_LIMITS", DEFAULT_REQUEST_LIMITS, "Requests: `requests` of `./typed`"],
  ["ReconnectLimits", "DEFAULT_RECONNECT_LIMITS", DEFAULT_RECONNECT_LIMITS, "A client that reconnects: `reconnecting`"],
  ["HubLimits", "DEFAULT_HUB_LIMITS", DEFAULT_HUB_LIMITS, "A hub: `createHub`, `createRecoverableHub`"],
  [
    "RecoveryLimits",
    "DEFAULT_RECOVERY_LIMITS",
    DEFAULT_RECOVERY_LIMITS,
    "Topics that catch up: `createRecoverableHub`",
  ],
  ["PresenceLimits", "DEFAULT_PRESENCE_LIMITS", DEFAULT_PRESENCE_LIMITS, "Members of topics: `createPresence`"],
  [
    "BrokerLimits",
    "DEFAULT_BROKER_LIMITS",
    DEFAULT_BROKER_LIMITS,
    "A broker: `natsBroker`, `redisBroker`, `broadcastBroker`",
  ],
] as const;

/** What each option takes, by the interface that has it. */
const KINDS: Readonly<Record<string, object>> = {
  Limits: LIMIT_KINDS,
  ServerLimits: SERVER_LIMIT_KINDS,
  ReconnectLimits: RECONNECT_LIMIT_KINDS,
  HubLimits: HUB_LIMIT_KINDS,
  JsonLimits: JSON_LIMIT_KINDS,
  RequestLimits: REQUEST_LIMIT_KINDS,
  BrokerLimits: BROKER_LIMIT_KINDS,
  RecoveryLimits: RECOVERY_LIMIT_KINDS,
  PresenceLimits: PRESENCE_LIMIT_KINDS,
  PresenceOptions: PRESENCE_OPTION_KINDS,
  PresenceMember: PRESENCE_MEMBER_KINDS,
  RecoverableHubOptions: RECOVERABLE_HUB_OPTION_KINDS,
  RecoverablePublishOptions: RECOVERABLE_PUBLISH_OPTION_KINDS,
  RecoverableSubscribeOptions: RECOVERABLE_SUBSCRIBE_OPTION_KINDS,
  RecoveryClientOptions: RECOVERY_CLIENT_OPTION_KINDS,
  MemoryLogOptions: MEMORY_LOG_OPTION_KINDS,
  LinkedLogOptions: LINKED_LOG_OPTION_KINDS,
  LogRetention: LINKED_LOG_OPTION_KINDS,
  AcceptOptions: ACCEPT_OPTION_KINDS,
  GroupOptions: GROUP_OPTION_KINDS,
  ListenOptions: SERVE_OPTION_KINDS,
  ServeOptions: SERVE_OPTION_KINDS,
  ShutdownOptions: SHUTDOWN_OPTION_KINDS,
  ServeNodeOptions: SERVE_NODE_OPTION_KINDS,
  ServeHttp2Options: SERVE_HTTP2_OPTION_KINDS,
  UpgradeRequestOptions: UPGRADE_REQUEST_OPTION_KINDS,
  ConnectOptions: CONNECT_OPTION_KINDS,
  TlsOptions: CONNECT_OPTION_KINDS,
  ProxyOptions: PROXY_OPTION_KINDS,
  ReconnectingOptions: RECONNECTING_OPTION_KINDS,
  ReconnectingHooks: RECONNECTING_OPTION_KINDS,
  ReconnectDelayOptions: RECONNECT_DELAY_OPTION_KINDS,
  ConnectHttp2Options: CONNECT_HTTP2_OPTION_KINDS,
  PerMessageDeflateOptions: PER_MESSAGE_DEFLATE_OPTION_KINDS,
  SendOptions: SEND_OPTION_KINDS,
  TapOptions: TAP_OPTION_KINDS,
  HubOptions: HUB_OPTION_KINDS,
  HistoryOptions: HISTORY_OPTION_KINDS,
  SubscribeOptions: SUBSCRIBE_OPTION_KINDS,
  PublishOptions: PUBLISH_OPTION_KINDS,
  BrokerOptions: BROKER_OPTION_KINDS,
  // Their modules load the brokers' packages.
  NatsBrokerOptions: { servers: TEXT_OR_TEXTS, prefix: TEXT, connect: CALLBACK },
  RedisBrokerOptions: { url: TEXT, prefix: TEXT, create: CALLBACK },
  RedisLogOptions: { url: TEXT, prefix: TEXT, create: CALLBACK },
  JetStreamLogOptions: { servers: TEXT_OR_TEXTS, prefix: TEXT, user: TEXT, pass: TEXT, token: TEXT },
  ServeWorkersOptions: SERVE_WORKERS_OPTION_KINDS,
  JsonOptions: JSON_OPTION_KINDS,
  RequestsOptions: REQUESTS_OPTION_KINDS,
  RequestOptions: REQUEST_OPTION_KINDS,
  BrowserReconnectingOptions: BROWSER_RECONNECTING_OPTION_KINDS,
  RateLimitOptions: RATE_LIMIT_OPTION_KINDS,
  LoadHandlersOptions: LOAD_HANDLERS_OPTION_KINDS,
  LegacyDraftsOptions: LEGACY_DRAFTS_OPTION_KINDS,
  ReplayOptions: REPLAY_OPTION_KINDS,
};

/** What an option takes, in words for a table. */
function takes(type: string, name: string): string {
  const kind: Kind | undefined = Object.entries<Kind>({ ...KINDS[type] }).find(([known]) => known === name)?.[1];
  if (kind === undefined) throw new Error(`Nothing says what ${name} of ${type} takes`);
  return cell(
    kind.takes.replaceAll(String(Number.MAX_SAFE_INTEGER), "2^53 - 1").replaceAll(String(LONGEST_TIME), "2^31 - 1"),
  );
}

/** The options that are no limits: where each interface stands, and what it is for. */
const OPTIONS = [
  [
    "lib/server/server_options.ts",
    "AcceptOptions",
    "A server's connections: `serve`, `accept`, `serveNode`, `serveHttp2`",
  ],
  ["lib/server/server_options.ts", "GroupOptions", "A server: `serve`, and, except for `http`, `serveNode`"],
  ["lib/server/listen.ts", "ListenOptions", "Address and TLS: `serve`"],
  ["lib/server/server_options.ts", "ServeOptions", "Start and shutdown: `serve`"],
  ["lib/server/server_options.ts", "ShutdownOptions", "`server.shutdown`"],
  ["lib/node/serve_node.ts", "ServeNodeOptions", "`serveNode` of `./node`"],
  ["lib/http2/serve_http2.ts", "ServeHttp2Options", "`serveHttp2` of `./http2`"],
  ["lib/server/upgrade_request_options.ts", "UpgradeRequestOptions", "`upgradeRequest` of `./deno-serve`"],
  ["lib/client/client_options.ts", "ConnectOptions", "A client: `connect`, `reconnecting`"],
  ["lib/client/dialer.ts", "TlsOptions", "TLS of a client: `connect`, `reconnecting`"],
  ["lib/client/proxy/proxy.ts", "ProxyOptions", "The option `proxy` of a client"],
  ["lib/client/client_options.ts", "ReconnectingOptions", "`reconnecting`"],
  ["lib/client/reconnecting_connection.ts", "ReconnectingHooks", "Hooks of `reconnecting`"],
  ["lib/backoff.ts", "ReconnectDelayOptions", "The option `delay` of `reconnecting`"],
  ["lib/http2/connect_http2.ts", "ConnectHttp2Options", "`connectHttp2` of `./http2`"],
  ["lib/extensions/permessage_deflate/permessage_deflate.ts", "PerMessageDeflateOptions", "`perMessageDeflate`"],
  ["lib/connection/socket_options.ts", "SendOptions", "`socket.send`"],
  ["lib/connection/socket_options.ts", "TapOptions", "`socket.tap`"],
  ["lib/hub/hub_options.ts", "HubOptions", "`createHub` of `./hub`"],
  ["lib/hub/history.ts", "HistoryOptions", "The option `history` of `createHub`"],
  ["lib/connection/socket_options.ts", "SubscribeOptions", "`socket.subscribe`"],
  ["lib/hub/hub_options.ts", "PublishOptions", "`hub.publish`"],
  ["lib/hub/linked_broker.ts", "BrokerOptions", "Every broker"],
  ["lib/hub/nats.ts", "NatsBrokerOptions", "`natsBroker` of `./hub/nats`"],
  ["lib/hub/redis.ts", "RedisBrokerOptions", "`redisBroker` of `./hub/redis`"],
  ["lib/presence/presence_options.ts", "PresenceOptions", "`createPresence` of `./presence`"],
  ["lib/presence/presence_options.ts", "PresenceMember", "Its `join`"],
  ["lib/recovery/recoverable_options.ts", "RecoverableHubOptions", "`createRecoverableHub` of `./recovery`"],
  ["lib/recovery/recoverable_options.ts", "RecoverablePublishOptions", "Its `publish`"],
  ["lib/recovery/recoverable_options.ts", "RecoverableSubscribeOptions", "Its `subscribe`"],
  ["lib/recovery/memory_log.ts", "MemoryLogOptions", "`memoryLog` of `./recovery`"],
  ["lib/recovery/linked_log.ts", "LinkedLogOptions", "Every log at a broker, which takes what a broker takes too"],
  ["lib/recovery/log_link.ts", "LogRetention", "How much a log at a broker keeps"],
  ["lib/recovery/redis.ts", "RedisLogOptions", "`redisLog` of `./recovery/redis`"],
  ["lib/recovery/nats.ts", "JetStreamLogOptions", "`jetStreamLog` of `./recovery/nats`"],
  [
    "lib/recovery/recovering_connection.ts",
    "RecoveryClientOptions",
    "`recovering` of `./recovery/client` and `./browser`",
  ],
  ["lib/workers/serve_workers.ts", "ServeWorkersOptions", "`serveWorkers` of `./workers`"],
  ["lib/typed/json.ts", "JsonOptions", "`json` of `./typed`"],
  ["lib/typed/requests.ts", "RequestsOptions", "`requests` of `./typed`"],
  ["lib/typed/requests.ts", "RequestOptions", "`request` of what `requests` gives"],
  ["lib/browser/reconnecting.ts", "BrowserReconnectingOptions", "`reconnecting` of `./browser`"],
  ["lib/rate_limit/rate_limit.ts", "RateLimitOptions", "`rateLimited`, `rateLimitedHandler` of `./rate-limit`"],
  ["lib/handlers/handler_directory.ts", "LoadHandlersOptions", "`loadHandlers` of `./handlers`"],
  ["lib/legacy/legacy_drafts.ts", "LegacyDraftsOptions", "`legacyDrafts` of `./legacy`"],
  ["lib/telemetry/replay.ts", "ReplayOptions", "`replay` of `./telemetry`"],
] as const;

const HEAD = `<!-- deno-fmt-ignore-file -->
<!-- Written from the source by \`deno task docs:reference\`; a test keeps it true. -->

# Options and limits

Sizes are in bytes and times in milliseconds. \`Infinity\` removes a limit; \`0\` also disables a timeout. A number out of range
throws a \`RangeError\` at the call; a wrong type or an unknown option throws a \`TypeError\`. [Errors](errors.md) describes what
happens when a limit is exceeded.

`;

/** `docs/reference/options-and-limits.md` as the source has it today. */
export function referencePage(): string {
  const source = read("lib/limits.ts");
  const limits = LIMITS.map(([type, constant, defaults, title]) => {
    const amounts = new Map<string, number>(Object.entries(defaults));
    const reasons = reasonsOf(source, constant);
    const rows = membersOf(source, type).map((
      { name, text },
    ) => [code(name), amount(name, amounts.get(name)), text, takes(type, name), reasons.get(name) ?? ""]);
    return table(title, ["limit", "default", "meaning", "type", "reason for the default"], rows);
  });
  const options = OPTIONS.map(([path, type, title]) => {
    const rows = membersOf(read(path), type).map((
      { name, text, byDefault },
    ) => [code(name), byDefault ?? "", text, takes(type, name)]);
    return table(title, ["option", "default", "meaning", "type"], rows);
  });
  return `${[`${HEAD}## Limits`, ...limits, "## Options", ...options].join("\n\n")}\n`;
}

/** The interfaces whose comments have a table of all options, those of the interfaces that they extend included. */
const TABLES = [
  ["lib/server/server_options.ts", "ServeOptions", ["ListenOptions", "ServeOptions", "GroupOptions", "AcceptOptions"], [
    "ServerLimits",
    "Limits",
  ]],
  ["lib/client/client_options.ts", "ConnectOptions", ["ConnectOptions", "TlsOptions"], ["Limits"]],
] as const;

/** The sources whose comments have a table of all options, with the tables as the options are today. */
export function tabledSources(): [path: string, text: string][] {
  return TABLES.map(([path, type, options, limits]) => {
    const rows = options.flatMap((name) => {
      const [source] = OPTIONS.find(([, known]) => known === name)!;
      return membersOf(read(source), name);
    });
    const caps = limits.flatMap((name) => membersOf(read("lib/limits.ts"), name));
    const all = new Map([...rows, ...caps].toReversed().map((member) => [member.name, member])); // the first of a name stays
    if (type === "ServeOptions") { for (const name of ["maxErrorBodyBytes", "maxRedirects"]) all.delete(name); // of a client
     }
    const lines = [...all.values()].toReversed().map(({ name, text, byDefault = "" }) =>
      ` * | ${code(name)} | ${byDefault} | ${text.split(/(?<=\.) (?=[A-Z`])/)[0]} |`
    );
    const wanted = [" * | option | default | meaning |", " * | --- | --- | --- |", ...lines].join("\n");
    const source = read(path);
    const start = source.lastIndexOf(" * | option | default |", source.indexOf(`export interface ${type}`));
    if (start === -1) throw new Error(`The comment of ${type} has no table`);
    const end = start + source.slice(start).search(/\n \*(?! \|)/);
    return [path, `${source.slice(0, start)}${wanted}${source.slice(end)}`];
  });
}

function table(title: string, names: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [names, names.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  return [`### ${title}`, "", ...lines].join("\n");
}

function code(text: string): string {
  return `\`${text}\``;
}

/** A member of an interface, as its comment describes it. */
interface Member {
  readonly name: string;
  readonly text: string;
  readonly byDefault: string | undefined;
}

/** The members of an interface with their comments, in the order of the source. */
function membersOf(source: string, type: string): Member[] {
  const start = source.search(new RegExp(`^export interface ${type}\\b`, "m"));
  if (start === -1) throw new Error(`There is no interface ${type}`);
  const body = source.slice(start, source.indexOf("\n}", start));
  return Array.from(
    body.matchAll(/^ {2}\/\*\*((?:[^*]|\*(?!\/))*)\*\/\n {2}(?:readonly )?(\w+)\??[(:]/gm),
    ([, comment, name]) => {
      const text = comment!.split("\n").map((line) => line.replace(/^\s*\*? ?/, "").trimEnd()).join("\n");
      const [what = "", ...tags] = text.split(/(?:^|\s)@(?=[a-z])/);
      const byDefault = tags.find((tag) => tag.startsWith("default"))?.slice("default".length);
      return { name: name!, text: cell(what), byDefault: byDefault === undefined ? undefined : defaultOf(byDefault) };
    },
  );
}

/** `{10}` is code, `{the client's own}` is words, as is what stands outside of braces. */
function defaultOf(tag: string): string {
  const isProse = (text: string) => text.includes("`") || /^[a-z']+ [a-z]/.test(text);
  return cell(tag).replace(/\{(\{.*?\}|[^{}]*)\}/g, (_, value: string) => isProse(value) ? value : code(value));
}

/** The default that each limit's comment names, and the one that it has. They are the same. */
export function limitDefaults(): [name: string, named: string | undefined, is: string][] {
  const source = read("lib/limits.ts");
  return LIMITS.flatMap(([type, , defaults]) => {
    const amounts = new Map<string, number>(Object.entries(defaults));
    return membersOf(source, type).map(({ name, byDefault }): [string, string | undefined, string] => {
      return [`${type}.${name}`, byDefault, amount(name, amounts.get(name))];
    });
  });
}

/** The comment before each default; those that follow without one have the same. */
function reasonsOf(source: string, constant: string): Map<string, string> {
  const start = source.indexOf(`export const ${constant}:`);
  const reasons = new Map<string, string>();
  let reason: string[] = [];
  let named = false;
  for (const line of source.slice(start, source.indexOf("\n});", start)).split("\n").slice(1)) {
    const [, comment] = /^\s*\/\/ (.*)$/.exec(line) ?? [];
    if (comment !== undefined) {
      if (named) reason = [];
      named = false;
      reason.push(comment);
    } else {
      reasons.set(line.trim().split(":")[0]!, cell(reason.join(" ")));
      named = true;
    }
  }
  return reasons;
}

/** A comment's text in a table's cell. */
function cell(text: string): string {
  return text.trim().replace(/\n\s*\n/g, " ").replace(/\n- /g, " – ").replaceAll("\n", " ")
    .replace(/\{@linkcode ([^}]+)\}/g, "`$1`").replaceAll("|", "\\|");
}

/** A default as a person writes it. */
function amount(name: string, value: number | undefined): string {
  if (value === undefined) throw new Error(`${name} has no default`);
  if (value === Infinity) return "none";
  if (/(?:Timeout|Interval)$/.test(name)) return `${value / 1000} s`;
  if (name.endsWith("Bytes") || name === "highWaterMark") {
    return value % 1024 ** 2 === 0
      ? `${value / 1024 ** 2} MiB`
      : value % 1024 === 0
      ? `${value / 1024} KiB`
      : `${value}`;
  }
  return String(value).replace(/\B(?=(\d{3})+$)/g, " ");
}

/** A fenced block of a page. */
export interface Block {
  /** The page, below the root. */
  readonly page: string;
  /** Its number among the page's lines, from 1. */
  readonly line: number;
  /** The words behind the fence: `["ts", "ignore", "file:chat.ts"]`. */
  readonly words: readonly string[];
  /** What is in it. */
  readonly text: string;
}

/** The pages of the documentation, below the root. */
export function pages(folder = "docs/"): string[] {
  const entries = [...Deno.readDirSync(new URL(folder, ROOT))].toSorted((a, b) => a.name < b.name ? -1 : 1);
  return entries.flatMap(({ name, isDirectory }) => {
    if (isDirectory) return name === "site" ? [] : pages(`${folder}${name}/`);
    return name.endsWith(".md") ? [`${folder}${name}`] : [];
  });
}

/** The fenced blocks of a page. */
export function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  let open: { line: number; words: string[]; lines: string[] } | undefined;
  read(page).split("\n").forEach((text, index) => {
    if (open === undefined) {
      if (text.startsWith("```")) open = { line: index + 1, words: text.slice(3).trim().split(/\s+/), lines: [] };
    } else if (text === "```") {
      blocks.push({ page, line: open.line, words: open.words, text: `${open.lines.join("\n")}\n` });
      open = undefined;
    } else {
      open.lines.push(text);
    }
  });
  return blocks;
}

/** The files that a page has the reader write: `file:NAME` behind a fence. */
export function filesOf(page: string): Map<string, string> {
  return new Map(
    blocksOf(page).flatMap(({ words, text }) => {
      const name = words.find((word) => word.startsWith("file:"))?.slice("file:".length);
      return name === undefined ? [] : [[name, text]];
    }),
  );
}

/** The text of a file of this repository. */
export function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

/**
 * Writes the API's reference for every entry point. What a package's types lack is no fault of ours and is not shown.
 *
 * @param folder Where to, below the root or absolute.
 */
export async function buildApi(folder: string): Promise<void> {
  const { name, exports }: { name: string; exports: Record<string, string> } = JSON.parse(read("deno.json"));
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--html", "--name=Sluice", `--output=${folder}`, ...Object.values(exports)],
    cwd: ROOT,
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const output = new URL(`${folder}/`, ROOT);
  await nameEntries(output, name, Object.keys(exports));
  const start = new URL("index.html", output);
  let html = await Deno.readTextFile(start);
  for (const entry of Object.keys(exports)) {
    html = html.replaceAll(`<code>${entry}</code>`, `<a href="${entry}/index.html"><code>${entry}</code></a>`);
  }
  await Deno.writeTextFile(start, html);
}

/** `deno doc` shows an import of `./hub` as one from `"hub"`. */
async function nameEntries(folder: URL, name: string, entries: readonly string[]): Promise<void> {
  for await (const { name: file, isDirectory } of Deno.readDir(folder)) {
    const url = new URL(isDirectory ? `${file}/` : file, folder);
    if (isDirectory) await nameEntries(url, name, entries);
    if (!file.endsWith(".html")) continue;
    const html = await Deno.readTextFile(url);
    const named = entries.reduce(
      (text, entry) =>
        text.replaceAll(`from &quot;${entry.replace("./", "")}&quot;`, `from &quot;${name}${entry.slice(1)}&quot;`),
      html,
    );
    if (named !== html) await Deno.writeTextFile(url, named);
  }
}

if (import.meta.main) {
  Deno.writeTextFileSync(REFERENCE, referencePage());
  for (const [path, text] of tabledSources()) Deno.writeTextFileSync(new URL(path, ROOT), text);
}
