/**
 * The options of `ws`, and the options of Sluice for them.
 *
 * @module
 */
import type { Duplex } from "node:stream";
import type { ConnectOptions } from "../client/client_options.ts";
import type { PerMessageDeflateOptions } from "../extensions/permessage_deflate/permessage_deflate.ts";
import { LIMIT_KINDS, type Limits, SERVER_LIMIT_KINDS, type ServerLimits } from "../limits.ts";
import { pick, without } from "../options.ts";
import { ACCEPT_OPTION_KINDS, type AcceptOptions } from "../server/server_options.ts";

/** The options of permessage-deflate in `ws`. */
export interface DeflateOptions {
  /** Whether the server resets its context after each message. On a server the default is `true`. */
  serverNoContextTakeover?: boolean;
  /** Whether the client does. */
  clientNoContextTakeover?: boolean;
  /** The maximum number of bits of the server's window, 8 to 15. */
  serverMaxWindowBits?: number;
  /** The maximum number of bits of the client's window, 8 to 15. `true` leaves it to the server. */
  clientMaxWindowBits?: number | boolean;
  /** Messages below this number of bytes are not compressed. @default {1024} */
  threshold?: number;
  /** The level and memory of zlib. Other properties have no effect. */
  zlibDeflateOptions?: { readonly level?: number; readonly memLevel?: number };
  /** Has no effect. */
  zlibInflateOptions?: object;
  /** Has no effect: zlib runs in the call stack of the read or the send. */
  concurrencyLimit?: number;
}

/** The options of both ends of a connection. */
export interface SocketOptions {
  /** Whether pings are answered automatically. @default {true} */
  autoPong?: boolean;
  /** Whether several messages may be emitted in one turn of the event loop. @default {true} */
  allowSynchronousEvents?: boolean;
  /** The maximum number of bytes of one message; 0 for no limit. @default {104857600} */
  maxPayload?: number;
  /** The maximum number of frames of one message; 0 for no limit. @default {131072} */
  maxFragments?: number;
  /** The longest time for the closing handshake, in milliseconds. @default {30000} */
  closeTimeout?: number;
  /** Compression. By default a client offers it, and a server does not accept it. */
  perMessageDeflate?: boolean | DeflateOptions;
  /** Has no effect: text that is not UTF-8 always ends the connection. */
  skipUTF8Validation?: boolean;
  /**
   * Gets errors that a listener throws. By default they are printed to the console. In both cases the connection closes with code
   * 1011.
   */
  onError?(error: unknown): unknown;
}

/** The options of a client. The limits of {@linkcode ConnectOptions} are accepted too. */
export interface ClientOptions
  extends SocketOptions, Partial<Omit<Limits, "maxFragments" | "closeTimeout" | "maxRedirects">> {
  /** The subprotocols, if the second argument is the options. */
  protocols?: string | readonly string[];
  /** More header fields of the request. */
  headers?: Readonly<Record<string, string | number | readonly string[] | undefined>>;
  /** The `Origin` field. */
  origin?: string;
  /** `user:password` for the header field `Authorization`. */
  auth?: string;
  /** Whether to follow redirects. @default {false} */
  followRedirects?: boolean;
  /** The maximum number of redirects to follow. @default {10} */
  maxRedirects?: number;
  /** Certificates to trust, in addition to the system's. */
  ca?: PemText | readonly PemText[];
  /** The client's certificate chain. */
  cert?: PemText;
  /** Its private key. */
  key?: PemText;
  /** The host name to verify the server's certificate against. */
  servername?: string;
  /** Creates the connection, including TLS. */
  createConnection?(target: ConnectionTarget): Duplex;
  /** A proxy to connect through, as for `connect`. Use it instead of an `agent`. */
  proxy?: NonNullable<ConnectOptions["proxy"]>;
  /** 13. */
  protocolVersion?: number;
}

/** A certificate or a key in PEM. */
export type PemText = string | Uint8Array;

/** The target for `createConnection`. */
export interface ConnectionTarget {
  /** The host. */
  readonly host: string;
  /** The port. */
  readonly port: number;
  /** The host name for TLS, for a wss URL. */
  readonly servername?: string;
}

/** The options of Sluice that a server takes too: limits, origins, proxies and an observer. */
export type OwnServerOptions =
  & Partial<Omit<Limits, "maxFragments" | "closeTimeout">>
  & Partial<ServerLimits>
  & Pick<AcceptOptions, "origins" | "proxies" | "observer">;

/** Converts limits of `ws` to those of Sluice, with the defaults of its documentation. `0` removes a limit of `ws`. */
function limitsOf(options: SocketOptions): Partial<Limits> {
  const { maxPayload = 100 * 1024 * 1024, maxFragments, closeTimeout = 30_000 } = options;
  return {
    maxMessageBytes: maxPayload || Infinity,
    ...(maxFragments !== undefined && { maxFragments: maxFragments || Infinity }),
    closeTimeout,
  };
}

/** The limits that only Sluice has, or that mean the same in both. */
const OWN_LIMIT_KINDS = without(LIMIT_KINDS, "maxFragments", "closeTimeout", "maxRedirects");
const { origins, proxies, observer } = ACCEPT_OPTION_KINDS;
const OWN_SERVER_KINDS = { ...OWN_LIMIT_KINDS, ...SERVER_LIMIT_KINDS, origins, proxies, observer };

/**
 * Converts the options of a server.
 *
 * @param options The options of `ws`.
 * @param judged Whether the application decides about each request itself, which replaces the default check of origins.
 */
export function acceptOptionsOf(options: SocketOptions & OwnServerOptions, judged: boolean): AcceptOptions {
  const { perMessageDeflate = false } = options;
  return {
    ...limitsOf(options),
    ...pick<Omit<OwnServerOptions, "maxRedirects">>(options, OWN_SERVER_KINDS),
    ...(judged && options.origins === undefined && { origins: "any" }),
    perMessageDeflate: deflateOptionsOf(perMessageDeflate),
  };
}

/**
 * Converts the options of a client.
 *
 * @param options The options of `ws`.
 * @throws {TypeError} If an option is not supported.
 */
export function connectOptionsOf(options: ClientOptions): Omit<ConnectOptions, "protocols" | "headers"> {
  refuse(options);
  const { perMessageDeflate = true, ca, cert, key, servername, proxy } = options;
  return {
    ...limitsOf(options),
    ...pick<Partial<Omit<Limits, "maxFragments" | "closeTimeout" | "maxRedirects">>>(options, OWN_LIMIT_KINDS),
    ...(options.handshakeTimeout !== undefined && { handshakeTimeout: options.handshakeTimeout }),
    maxRedirects: 0, // `client.ts` follows them, and emits an event for each
    perMessageDeflate: deflateOptionsOf(perMessageDeflate),
    ...(ca !== undefined && { caCerts: (isMany(ca) ? ca : [ca]).map(pemText) }),
    ...(cert !== undefined && { cert: pemText(cert) }),
    ...(key !== undefined && { key: pemText(key) }),
    ...(servername !== undefined && { serverName: servername }),
    ...(proxy !== undefined && { proxy }),
  };
}

/** Options that would not do what callers expect, and what to use instead. */
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

/** Whether a constructor's argument is a list of subprotocols. */
export function isList(value: unknown): value is readonly string[] {
  return Array.isArray(value);
}
