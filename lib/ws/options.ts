/**
 * The options of `ws`, and what they are to us.
 *
 * @module
 */
import type { Duplex } from "node:stream";
import type { ConnectOptions } from "../client/client_options.ts";
import type { PerMessageDeflateOptions } from "../extensions/permessage_deflate/permessage_deflate.ts";
import { LIMIT_KINDS, type Limits, SERVER_LIMIT_KINDS, type ServerLimits } from "../limits.ts";
import type { AcceptOptions } from "../server/server_options.ts";

/** permessage-deflate as `ws` sets it. */
export interface DeflateOptions {
  /** Whether the server forgets its context after each message. On a server by default it does. */
  serverNoContextTakeover?: boolean;
  /** Whether the client does. */
  clientNoContextTakeover?: boolean;
  /** The most bits of the server's window, 8 to 15. */
  serverMaxWindowBits?: number;
  /** The most bits of the client's window, 8 to 15. `true` leaves it to the server. */
  clientMaxWindowBits?: number | boolean;
  /** Bytes below which a message is sent as it is. @default {1024} */
  threshold?: number;
  /** zlib's effort and memory. Nothing else in it counts. */
  zlibDeflateOptions?: { readonly level?: number; readonly memLevel?: number };
  /** Has no effect. */
  zlibInflateOptions?: object;
  /** Has no effect: zlib runs in the call stack of the read or the send. */
  concurrencyLimit?: number;
}

/** What either end of a connection may be given. */
export interface SocketOptions {
  /** Whether a ping is answered at once. @default {true} */
  autoPong?: boolean;
  /** Whether several messages may be emitted in one turn of the event loop. @default {true} */
  allowSynchronousEvents?: boolean;
  /** Bytes of one message; 0 for any number. @default {104857600} */
  maxPayload?: number;
  /** Frames of one message; 0 for any number. @default {131072} */
  maxFragments?: number;
  /** Milliseconds that a closing handshake may take. @default {30000} */
  closeTimeout?: number;
  /** Compression: on a client it is offered by default, on a server it is not agreed on. */
  perMessageDeflate?: boolean | DeflateOptions;
  /** Has no effect: text that is not UTF-8 always ends the connection. */
  skipUTF8Validation?: boolean;
  /** Gets what a listener throws. By default it is printed to the console. The connection is closed with 1011 in either case. */
  onError?(error: unknown): unknown;
}

/** Options of a client. Whatever limit {@linkcode ConnectOptions} has may be given as well, under our name. */
export interface ClientOptions
  extends SocketOptions, Partial<Omit<Limits, "maxFragments" | "closeTimeout" | "maxRedirects">> {
  /** The subprotocols, where the second argument is not. */
  protocols?: string | readonly string[];
  /** More header fields of the request. */
  headers?: Readonly<Record<string, string | number | readonly string[] | undefined>>;
  /** The `Origin` field. */
  origin?: string;
  /** `user:password`, for an `Authorization` field. */
  auth?: string;
  /** Whether redirects are followed. @default {false} */
  followRedirects?: boolean;
  /** How many. @default {10} */
  maxRedirects?: number;
  /** Certificates that are trusted besides the system's. */
  ca?: PemText | readonly PemText[];
  /** The client's certificate chain. */
  cert?: PemText;
  /** Its private key. */
  key?: PemText;
  /** The name that the server's certificate must have. */
  servername?: string;
  /** Makes the connection, TLS included. */
  createConnection?(target: ConnectionTarget): Duplex;
  /** A proxy to connect through, as for `connect`: what an `agent` would be for. */
  proxy?: NonNullable<ConnectOptions["proxy"]>;
  /** 13. */
  protocolVersion?: number;
}

/** A certificate or a key in PEM. */
export type PemText = string | Uint8Array;

/** Where `createConnection` is to connect to. */
export interface ConnectionTarget {
  /** The host. */
  readonly host: string;
  /** The port. */
  readonly port: number;
  /** The name for TLS, where the URL is a wss one. */
  readonly servername?: string;
}

/** Options of ours that a server takes under our names: limits, origins, proxies and an observer. */
export type OwnServerOptions =
  & Partial<Omit<Limits, "maxFragments" | "closeTimeout">>
  & Partial<ServerLimits>
  & Pick<AcceptOptions, "origins" | "proxies" | "observer">;

/** Ours by ws' names, with the defaults that its documentation gives. `0` lifts a limit of `ws`. */
function limitsOf(options: SocketOptions): Partial<Limits> {
  const { maxPayload = 100 * 1024 * 1024, maxFragments, closeTimeout = 30_000 } = options;
  return {
    maxMessageBytes: maxPayload || Infinity,
    ...(maxFragments !== undefined && { maxFragments: maxFragments || Infinity }),
    closeTimeout,
  };
}

/** What of an object has one of these names. */
function pick(options: object, names: readonly string[]): object {
  return Object.fromEntries(
    Object.entries(options).filter(([name, value]) => names.includes(name) && value !== undefined),
  );
}

/** Names that are ours alone, or mean the same to both. */
const LIMIT_NAMES = Object.keys(LIMIT_KINDS).filter((name) =>
  !["maxFragments", "closeTimeout", "maxRedirects"].includes(name)
);
const SERVER_NAMES = [...LIMIT_NAMES, ...Object.keys(SERVER_LIMIT_KINDS), "origins", "proxies", "observer"];

/**
 * How a server accepts.
 *
 * @param options As `ws` has them.
 * @param judged Whether the application judges each request itself: then its word counts in place of our rule about origins.
 */
export function acceptOptionsOf(options: SocketOptions & OwnServerOptions, judged: boolean): AcceptOptions {
  const { perMessageDeflate = false } = options;
  return {
    ...limitsOf(options),
    ...pick(options, SERVER_NAMES),
    ...(judged && options.origins === undefined && { origins: "any" }),
    perMessageDeflate: deflateOptionsOf(perMessageDeflate),
  };
}

/**
 * How a client connects.
 *
 * @param options As `ws` has them.
 * @throws {TypeError} If one of them cannot be kept.
 */
export function connectOptionsOf(options: ClientOptions): Omit<ConnectOptions, "protocols" | "headers"> {
  refuse(options);
  const { perMessageDeflate = true, ca, cert, key, servername, proxy } = options;
  return {
    ...limitsOf(options),
    ...pick(options, LIMIT_NAMES),
    ...(options.handshakeTimeout !== undefined && { handshakeTimeout: options.handshakeTimeout }),
    maxRedirects: 0, // they are followed in `client.ts`, which emits an event for each
    perMessageDeflate: deflateOptionsOf(perMessageDeflate),
    ...(ca !== undefined && { caCerts: (isMany(ca) ? ca : [ca]).map(pemText) }),
    ...(cert !== undefined && { cert: pemText(cert) }),
    ...(key !== undefined && { key: pemText(key) }),
    ...(servername !== undefined && { serverName: servername }),
    ...(proxy !== undefined && { proxy }),
  };
}

/** Options that would mean something else here than their callers want, and what to use in their place. */
const REFUSED: Readonly<Record<string, string>> = {
  agent: "use proxy for a proxy, ca, cert and key for TLS, or createConnection",
  finishRequest: "set headers",
  generateMask: "masks are random (RFC 6455 §5.3)",
  localAddress: "use createConnection",
  lookup: "use createConnection",
  checkServerIdentity: "use servername, or createConnection",
};

function refuse(options: ClientOptions): void {
  for (const [name, instead] of Object.entries(REFUSED)) {
    const value: unknown = Reflect.get(options, name);
    if (value !== undefined && value !== null && value !== false) {
      throw new TypeError(`Cannot use the option ${name} of ws here: ${instead}`);
    }
  }
  if (Reflect.get(options, "rejectUnauthorized") === false) {
    throw new TypeError(
      "Cannot use rejectUnauthorized: false here: trust the certificate with ca, or use createConnection",
    );
  }
  const { protocolVersion = 13 } = options;
  if (protocolVersion !== 13) throw new RangeError(`Unsupported protocol version: ${protocolVersion} (supported: 13)`);
}

function deflateOptionsOf(given: boolean | DeflateOptions): boolean | PerMessageDeflateOptions {
  if (typeof given !== "object" || given === null) return Boolean(given);
  const { serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits, threshold } =
    given;
  const { level, memLevel } = given.zlibDeflateOptions ?? {};
  return {
    ...(serverNoContextTakeover !== undefined && { serverContextTakeover: !serverNoContextTakeover }),
    ...(clientNoContextTakeover !== undefined && { clientContextTakeover: !clientNoContextTakeover }),
    ...(serverMaxWindowBits !== undefined && { serverMaxWindowBits }),
    ...(typeof clientMaxWindowBits === "number" && { clientMaxWindowBits }),
    ...(threshold !== undefined && { threshold }),
    ...(level !== undefined && { level }),
    ...(memLevel !== undefined && { memLevel }),
  };
}

function isMany(value: PemText | readonly PemText[]): value is readonly PemText[] {
  return Array.isArray(value);
}

function pemText(pem: PemText): string {
  return typeof pem === "string" ? pem : new TextDecoder().decode(pem);
}
