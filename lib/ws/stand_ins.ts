/**
 * Stand-ins for objects of `node:http`, for a server that listens itself and for the client.
 *
 * @module
 */
import type { IncomingHttpHeaders } from "node:http";
import { Readable } from "node:stream";
import { Buffer } from "node:buffer";
import type { UpgradeRequest } from "../handshake/server_handshake.ts";
import { type HeaderFields, isFieldValue, isToken } from "../handshake/http_fields.ts";
import type { Address } from "../transport/transport.ts";

/** The socket of a request, for its properties only. Its methods do nothing. */
export class ClosedSocket {
  /** The peer's IP address. */
  readonly remoteAddress: string | undefined;
  /** The peer's port. */
  readonly remotePort: number | undefined;
  /** `"IPv4"` or `"IPv6"`. */
  readonly remoteFamily: string | undefined;
  /** Our IP address. */
  readonly localAddress: string | undefined;
  /** Our port. */
  readonly localPort: number | undefined;
  /** Whether the connection is encrypted. */
  readonly encrypted: boolean;
  /** Nothing can be written here. */
  readonly writable = false;
  /** It is the connection's. */
  readonly destroyed = true;

  /**
   * Creates the object.
   *
   * @param remoteAddr The peer's address.
   * @param localAddr Ours.
   * @param encrypted Whether the connection is encrypted.
   */
  constructor(remoteAddr: Address | undefined, localAddr: Address | undefined, encrypted: boolean) {
    const remote = remoteAddr !== undefined && "hostname" in remoteAddr ? remoteAddr : undefined;
    const local = localAddr !== undefined && "hostname" in localAddr ? localAddr : undefined;
    this.remoteAddress = remote?.hostname;
    this.remotePort = remote?.port;
    this.remoteFamily = remote === undefined ? undefined : familyOf(remote.hostname);
    this.localAddress = local?.hostname;
    this.localPort = local?.port;
    this.encrypted = encrypted;
  }

  /** Does nothing. */
  end(): this {
    return this;
  }

  /** Does nothing. */
  destroy(): this {
    return this;
  }

  /** Does nothing: the connection sets this itself. */
  setNoDelay(): this {
    return this;
  }

  /** Does nothing: the connection has its own timeouts. */
  setTimeout(): this {
    return this;
  }
}

/** `"IPv4"` or `"IPv6"`. */
export function familyOf(hostname: string): "IPv4" | "IPv6" {
  return hostname.includes(":") ? "IPv6" : "IPv4";
}

/** The request of a client to a server that listens itself, with the properties of `http.IncomingMessage` that a head has. */
export class UpgradeMessage {
  /** The method: `GET`. */
  readonly method: string;
  /** The request target, such as `/chat?room=1`. */
  readonly url: string;
  /** The version of HTTP. */
  readonly httpVersion = "1.1";
  /** Names and values in turn, as they came. */
  readonly rawHeaders: string[];
  /** The connection's addresses. */
  readonly socket: ClosedSocket;
  #headers: IncomingHttpHeaders | undefined;

  /**
   * Creates the object.
   *
   * @param request The request, as the handshake has it.
   * @param socket The connection's addresses.
   */
  constructor({ method, target, fields }: UpgradeRequest, socket: ClosedSocket) {
    this.method = method;
    this.url = target;
    this.rawHeaders = fields.flat();
    this.socket = socket;
  }

  /** The header fields by their names in lower case. */
  get headers(): IncomingHttpHeaders {
    return this.#headers ??= headersOf(this.rawHeaders);
  }

  /** The same as `socket`. */
  get connection(): ClosedSocket {
    return this.socket;
  }
}

/** Joins header fields as `node:http` does. The last three of these names have their own rules. */
export function headersOf(raw: readonly string[]): IncomingHttpHeaders {
  const headers: Record<string, string | string[]> = Object.create(null);
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at]!.toLowerCase();
    const value = raw[at + 1]!;
    const before = headers[name];
    if (name === "set-cookie") headers[name] = [...(Array.isArray(before) ? before : []), value];
    else if (before === undefined) headers[name] = value;
    else if (!ONLY_FIRST.has(name)) headers[name] = `${before}${name === "cookie" ? "; " : ", "}${value}`;
  }
  return headers;
}

/** Fields of which only the first one counts in `node:http`. */
const ONLY_FIRST: ReadonlySet<string> = new Set([
  "age",
  "authorization",
  "content-length",
  "content-type",
  "from",
  "host",
  "location",
  "max-forwards",
  "proxy-authorization",
  "referer",
  "retry-after",
  "server",
  "user-agent",
]);

/** A server's response for listeners of a client: the head, and the start of the body as a stream. */
export class ServerResponse extends Readable {
  /** The status. */
  readonly statusCode: number;
  /** The version of HTTP. */
  readonly httpVersion = "1.1";
  /** Names and values in turn. */
  readonly rawHeaders: string[];
  /** The header fields by their names in lower case. */
  readonly headers: IncomingHttpHeaders;

  /**
   * Creates the object.
   *
   * @param status The status.
   * @param fields The header fields.
   * @param body The part of the body that has been read.
   */
  constructor(status: number, fields: Headers, body: Uint8Array = new Uint8Array(0)) {
    super({ read() {} });
    this.statusCode = status;
    this.rawHeaders = [...fields].flat();
    this.headers = headersOf(this.rawHeaders);
    if (body.length > 0) this.push(Buffer.from(body));
    this.push(null);
  }
}

/** A client's request. Before a redirect is followed, you can change its header fields or abort it. */
export class PlannedRequest {
  /** The path and the query of the request. */
  readonly path: string;
  /** The host that the request is sent to. */
  readonly host: string;
  /** The header fields of the application. */
  readonly #headers: Headers;
  readonly #giveUp: (error?: Error) => void;

  /**
   * Creates the object.
   *
   * @param url Where the request goes.
   * @param headers The header fields of the application.
   * @param giveUp Gives up connecting.
   */
  constructor(url: URL, headers: Headers, giveUp: (error?: Error) => void) {
    this.path = url.pathname + url.search;
    this.host = url.host;
    this.#headers = headers;
    this.#giveUp = giveUp;
  }

  /** The value of a header field. */
  getHeader(name: string): string | undefined {
    return this.#headers.get(name) ?? undefined;
  }

  /** Sets a header field. */
  setHeader(name: string, value: string | number | readonly string[]): this {
    this.#headers.set(name, String(value));
    return this;
  }

  /** Removes a header field. */
  removeHeader(name: string): void {
    this.#headers.delete(name);
  }

  /** Aborts connecting. An `error` and a `close` event follow. */
  destroy(error?: Error): this {
    this.#giveUp(error);
    return this;
  }

  /** The same. */
  abort(): void {
    this.#giveUp();
  }
}

/**
 * The header fields in lines that a listener of `headers` has added to an answer.
 *
 * @param lines `Name: value`, one each.
 * @throws {TypeError} If a line is no header field.
 */
export function fieldsIn(lines: readonly string[]): HeaderFields {
  return lines.map((line) => {
    const colon = line.indexOf(":");
    const [name, value] = [line.slice(0, colon), line.slice(colon + 1).trim()];
    if (colon <= 0 || !isToken(name) || !isFieldValue(value)) {
      throw new TypeError(`Cannot answer with the line ${JSON.stringify(line)}: it must be "Name: value"`);
    }
    return [name, value];
  });
}
