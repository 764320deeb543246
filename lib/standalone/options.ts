/**
 * The options of the command line: one table for the parser, the help and the configuration file.
 *
 * @module
 */
import { compileProxies } from "../handshake/forwarded.ts";
import { compileOriginPolicy, type OriginPolicy } from "../handshake/origin.ts";
import {
  DEFAULT_LIMITS,
  DEFAULT_SERVER_LIMITS,
  type Limits,
  resolveLimits,
  resolveServerLimits,
  type ServerLimits,
} from "../limits.ts";
import { flag, type OptionSpec, type OptionSpecs, readNumber, readText, text } from "./command_line.ts";
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from "./log.ts";

/** The limits of a server, without those that only clients have. */
export type ServedLimits = Omit<Limits, "maxErrorBodyBytes" | "maxRedirects"> & ServerLimits;

/** The options. An option's name on the command line is its name here in kebab case: `tlsCert` is `--tls-cert`. */
export interface Options extends ServedLimits {
  port: number;
  hostname: string;
  workers: number;
  tlsCert: string | undefined;
  tlsKey: string | undefined;
  tlsClientCa: string | undefined;
  handlers: string | undefined;
  scanDir: string | undefined;
  mapFile: string | undefined;
  watch: boolean;
  documentRoot: string | undefined;
  origins: OriginPolicy | undefined;
  proxies: readonly string[];
  basicAuth: string | undefined;
  basicAuthFile: string | undefined;
  deflate: boolean;
  legacy: boolean;
  hixie75: boolean;
  metrics: boolean;
  logLevel: LogLevel;
  logFormat: LogFormat;
  logFile: string | undefined;
  config: string | undefined;
  help: boolean;
}

/** The defaults. */
export const DEFAULT_OPTIONS: Readonly<Options> = Object.freeze({
  port: 8080,
  hostname: "127.0.0.1",
  workers: 1,
  tlsCert: undefined,
  tlsKey: undefined,
  tlsClientCa: undefined,
  handlers: undefined,
  scanDir: undefined,
  mapFile: undefined,
  watch: false,
  documentRoot: undefined,
  origins: undefined,
  proxies: [],
  basicAuth: undefined,
  basicAuthFile: undefined,
  deflate: false,
  legacy: false,
  hixie75: false,
  metrics: false,
  logLevel: "info",
  logFormat: "text",
  logFile: undefined,
  config: undefined,
  help: false,
  ...DEFAULT_LIMITS,
  ...DEFAULT_SERVER_LIMITS,
});

/** Options of one kind. */
type Specs<Name extends keyof Options> = OptionSpecs<Pick<Options, Name>>;

const LISTENING: Specs<"port" | "hostname" | "workers"> = {
  port: { placeholder: "N", help: "port; 0 chooses a free one", read: readPort },
  hostname: { placeholder: "HOST", help: "address; 0.0.0.0 for all", read: readText },
  workers: { placeholder: "N", help: "threads that share the port; limits apply to each", read: readWorkers },
};

const TLS: Specs<"tlsCert" | "tlsKey" | "tlsClientCa"> = {
  tlsCert: text("FILE", "certificate chain in PEM; read again on SIGHUP"),
  tlsKey: text("FILE", "private key of the certificate in PEM"),
  tlsClientCa: text("FILE", "require client certificates signed by these CAs; read again on SIGHUP"),
};

const CONTENT: Specs<"handlers" | "scanDir" | "mapFile" | "watch" | "documentRoot"> = {
  handlers: text("DIR", "handlers as files: DIR/a/b_wsh.ts serves /a/b"),
  scanDir: text("DIR", "load handlers only from this folder inside DIR"),
  mapFile: text("FILE", "aliases: an alias and a resource on each line"),
  watch: flag("reload handlers when a file changes"),
  documentRoot: text("DIR", "files for ordinary requests"),
};

const ACCESS: Specs<"origins" | "proxies" | "basicAuth" | "basicAuthFile"> = {
  origins: {
    placeholder: "LIST",
    help: "allowed origins, comma-separated, or any (the server's own)",
    read: readOrigins,
  },
  proxies: {
    placeholder: "LIST",
    help: "addresses and ranges of trusted proxies (X-Forwarded-For)",
    read: readProxies,
  },
  basicAuth: { ...text("USER:PASSWORD", "require this login; other users can see a command line"), read: readUser },
  basicAuthFile: text("FILE", "require a login from this file, one on each line"),
};

const PROTOCOL: Specs<"deflate" | "legacy" | "hixie75"> = {
  deflate: flag("compress messages if the client supports it (RFC 7692)"),
  legacy: flag("also speak hixie-76 and HyBi 07 to 12"),
  hixie75: flag("also speak hixie-75"),
};

const WATCHING: Specs<"metrics" | "logLevel" | "logFormat" | "logFile"> = {
  metrics: flag("serve Prometheus metrics on /metrics, next to the console"),
  logLevel: { placeholder: "LEVEL", help: LOG_LEVELS.join(", "), read: (text) => readOneOf(LOG_LEVELS, text) },
  logFormat: { placeholder: "FORMAT", help: LOG_FORMATS.join(", "), read: (text) => readOneOf(LOG_FORMATS, text) },
  logFile: text("FILE", "append to this file instead of standard error"),
};

/** The type requires all limits: a limit that is added to `lib/limits.ts` needs a line here. */
const LIMITS: Specs<keyof ServedLimits> = {
  maxConnections: serverLimit("maxConnections", "connections at the same time"),
  maxConnectionsPerAddress: serverLimit("maxConnectionsPerAddress", "connections from one IP address"),
  bodyTimeout: serverLimit("bodyTimeout", "time for each 64 KiB of a body over HTTP"),
  keepAliveTimeout: serverLimit("keepAliveTimeout", "time that a connection waits for a request"),
  maxMessageBytes: limit("maxMessageBytes", "size of a message, decompressed"),
  maxStreamedMessageBytes: limit("maxStreamedMessageBytes", "size of a message that a handler reads as a stream"),
  maxFragments: limit("maxFragments", "frames in a message"),
  maxEmptyFragments: limit("maxEmptyFragments", "empty frames in a row"),
  maxPingsPerSecond: limit("maxPingsPerSecond", "pings from a client in one second"),
  maxHeaderBytes: limit("maxHeaderBytes", "size of a request's head"),
  maxHeaderCount: limit("maxHeaderCount", "header fields of a request"),
  maxStartLineBytes: limit("maxStartLineBytes", "size of a request line"),
  highWaterMark: limit("highWaterMark", "queued output at which send() waits"),
  maxQueuedBytes: limit("maxQueuedBytes", "queued output at which a client is dropped"),
  handshakeTimeout: limit("handshakeTimeout", "time for a handshake"),
  messageTimeout: limit("messageTimeout", "time from a message's first frame to its last"),
  pingInterval: limit("pingInterval", "silence before a ping"),
  pongTimeout: limit("pongTimeout", "time to wait for a pong"),
  closeTimeout: limit("closeTimeout", "time for a closing handshake"),
};

const GENERAL: Specs<"config" | "help"> = {
  config: text("FILE", 'options in JSON: { "port": 8080, "deflate": true }'),
  help: flag("show this help and exit"),
};

/** All options, by their names in camel case. */
export const OPTIONS: Specs<keyof Options> = {
  ...LISTENING,
  ...TLS,
  ...CONTENT,
  ...ACCESS,
  ...PROTOCOL,
  ...WATCHING,
  ...LIMITS,
  ...GENERAL,
};

/** The options in groups with titles, as the help shows them. */
export const OPTION_GROUPS: readonly (readonly [title: string, specs: Partial<Specs<keyof Options>>])[] = [
  ["Listening", LISTENING],
  ["TLS", TLS],
  ["Content, besides /echo and the console on /", CONTENT],
  ["Access", ACCESS],
  ["Protocol", PROTOCOL],
  ["Log and metrics", WATCHING],
  ["Limits (Infinity removes one)", LIMITS],
  ["General", GENERAL],
];

/** The limits among the options, for `serve`. */
export function limitsOf(options: Options): Partial<ServedLimits> {
  const limits: Partial<ServedLimits> = {};
  for (const name of Object.keys(LIMITS).filter(isLimit)) limits[name] = options[name];
  return limits;
}

function isLimit(name: string): name is keyof ServedLimits {
  return Object.hasOwn(LIMITS, name);
}

/** Whether an option with this name exists, in camel case. */
export function isOption(name: string): name is keyof Options {
  return Object.hasOwn(OPTIONS, name);
}

function limit(name: keyof Limits, help: string): OptionSpec<number> {
  return { placeholder: unitOf(name), help, read: (text) => resolveLimits({ [name]: readNumber(text) })[name] };
}

function serverLimit(name: keyof ServerLimits, help: string): OptionSpec<number> {
  return { placeholder: unitOf(name), help, read: (text) => resolveServerLimits({ [name]: readNumber(text) })[name] };
}

function unitOf(name: keyof Limits | keyof ServerLimits): string {
  if (/Timeout$|Interval$/.test(name)) return "MS";
  return /Bytes$|WaterMark$/.test(name) ? "BYTES" : "N";
}

function readPort(text: string): number {
  const port = readNumber(text);
  if (!(port <= 65_535)) throw new RangeError("it must be a number from 0 to 65535");
  return port;
}

function readWorkers(text: string): number {
  const workers = readNumber(text);
  // More workers than cores are useless, and no machine has more cores than this.
  if (!(workers >= 1 && workers <= 1_024)) throw new RangeError("it must be a number from 1 to 1024");
  return workers;
}

function readUser(text: string): string {
  // A mistyped password must not appear on the screen.
  if (!text.includes(":")) throw new RangeError("it must be USER:PASSWORD");
  return text;
}

function readOrigins(text: string): OriginPolicy {
  const origins = text === "any" ? text : readList(text);
  compileOriginPolicy(origins); // throws here, while the option's name is known
  return origins;
}

function readProxies(text: string): string[] {
  const proxies = readList(text);
  compileProxies(proxies);
  return proxies;
}

function readList(text: string): string[] {
  return text.split(",").map((entry) => entry.trim());
}

function readOneOf<Value extends string>(values: readonly Value[], text: string): Value {
  const value = values.find((value) => value === text);
  if (value === undefined) throw new RangeError(`it must be one of ${values.join(", ")}`);
  return value;
}
