/**
 * The client's side of SOCKS5 (RFC 1928 and RFC 1929) without the network: it takes bytes and returns bytes.
 *
 * @module
 */
import { ConnectionError, invalidState } from "../../errors.ts";
import { parseAddress } from "../../handshake/ip_address.ts";
import type { HostAndPort } from "../target.ts";

/** The credentials for a SOCKS proxy (RFC 1929), at most 255 bytes of UTF-8 each. */
export interface Socks5Credentials {
  readonly username: string;
  readonly password: string;
}

const VERSION = 5;
/** RFC 1929 §2: the version of that exchange. */
const LOGIN_VERSION = 1;
const CONNECT = 1;

/** RFC 1928 §3. */
const Method = { NONE: 0x00, PASSWORD: 0x02, NOT_ACCEPTABLE: 0xff } as const;
/** RFC 1928 §5. */
const AddressType = { IPV4: 1, NAME: 3, IPV6: 4 } as const;
/** RFC 1928 §6. */
const REPLIES: readonly string[] = [
  "succeeded",
  "general failure",
  "connection not allowed",
  "network unreachable",
  "host unreachable",
  "connection refused",
  "TTL expired",
  "command not supported",
  "address type not supported",
];

/**
 * Asks a SOCKS5 proxy for a connection. Buffers that were pushed may be reused, because no view of them is kept.
 */
export class Socks5Handshake {
  readonly #request: Uint8Array<ArrayBuffer>;
  readonly #credentials: Socks5Credentials | undefined;
  /** The reply that is being read. The longest contains a name: 4 + 1 + 255 + 2 bytes. */
  readonly #answer = new Uint8Array(262);
  #length = 0;
  #expected: "method" | "login" | "reply" | "nothing" = "method";
  #rest = new Uint8Array(0);

  /**
   * Creates the handshake.
   *
   * @param to The host and port to connect to. The proxy resolves the name.
   * @param credentials The credentials, if the proxy requires them.
   * @throws {RangeError} If the host's name is longer than 255 bytes.
   */
  constructor(to: HostAndPort, credentials?: Socks5Credentials) {
    const { port } = to;
    this.#request = Uint8Array.of(VERSION, CONNECT, 0, ...addressBytes(to.hostname), port >> 8, port & 255);
    this.#credentials = credentials;
  }

  /** The first message to send, with the authentication methods that we support. */
  greeting(): Uint8Array<ArrayBuffer> {
    const methods = this.#credentials === undefined ? [Method.NONE] : [Method.NONE, Method.PASSWORD];
    return Uint8Array.of(VERSION, methods.length, ...methods);
  }

  /** Whether the proxy has connected. */
  get complete(): boolean {
    return this.#expected === "nothing";
  }

  /** A copy of the bytes after the proxy's last reply. It is empty until that reply is complete. */
  get rest(): Uint8Array<ArrayBuffer> {
    return this.#rest;
  }

  /**
   * Takes the next bytes.
   *
   * @param bytes The bytes that were read.
   * @returns The bytes to send, often none.
   * @throws {ConnectionError} If the proxy refuses, or its reply is not SOCKS5.
   * @throws {DOMException} `InvalidStateError` if it was complete already.
   */
  push(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    if (this.complete) throw invalidState("Cannot push: the proxy has connected");
    const sent: number[] = [];
    for (const [at, byte] of bytes.entries()) {
      this.#answer[this.#length++] = byte;
      if (this.#length < this.#size()) continue;
      sent.push(...this.#take());
      this.#length = 0;
      if (!this.complete) continue;
      this.#rest = bytes.slice(at + 1);
      break;
    }
    return Uint8Array.from(sent);
  }

  /** The size of the current reply, as far as its bytes show it. A refusal may lack the address. */
  #size(): number {
    const answer = this.#answer;
    if (this.#expected !== "reply" || this.#length < 2 || answer[0] !== VERSION || answer[1] !== 0) return 2;
    if (this.#length < 4) return 4;
    const type = answer[3];
    if (type === AddressType.IPV4) return 4 + 4 + 2;
    if (type === AddressType.IPV6) return 4 + 16 + 2;
    if (type === AddressType.NAME) return this.#length < 5 ? 5 : 4 + 1 + answer[4]! + 2;
    throw new ConnectionError(`SOCKS proxy answered with address type ${type}`);
  }

  /** Handles a complete reply, and returns the bytes to send next. */
  #take(): Iterable<number> {
    const [version = 0, value = 0] = this.#answer;
    if (version !== (this.#expected === "login" ? LOGIN_VERSION : VERSION)) {
      throw new ConnectionError(`SOCKS proxy answered with version ${version}`);
    }
    if (this.#expected === "method") return this.#logIn(value);
    if (value !== 0) {
      const what = this.#expected === "login" ? "user name and password refused" : REPLIES[value] ?? "unknown";
      throw new ConnectionError(`SOCKS proxy answered ${value}: ${what}`);
    }
    const loggedIn = this.#expected === "login";
    this.#expected = loggedIn ? "reply" : "nothing";
    return loggedIn ? this.#request : [];
  }

  /** RFC 1928 §3, RFC 1929 §2. */
  #logIn(method: number): Iterable<number> {
    if (method === Method.NONE) {
      this.#expected = "reply";
      return this.#request;
    }
    const credentials = this.#credentials;
    if (method === Method.NOT_ACCEPTABLE) {
      const offered = credentials === undefined ? "no credentials" : "a user name and password";
      throw new ConnectionError(`SOCKS proxy takes no client with ${offered}`);
    }
    if (method !== Method.PASSWORD || credentials === undefined) {
      throw new ConnectionError(`SOCKS proxy chose method ${method}, which was not offered`);
    }
    this.#expected = "login";
    const [username, password] = [credentials.username, credentials.password].map(withLength);
    return [LOGIN_VERSION, ...username!, ...password!];
  }
}

/** RFC 1928 §5: type and address. */
function addressBytes(hostname: string): number[] {
  const address = parseAddress(hostname);
  if (address !== undefined) {
    return [address.bytes.length === 4 ? AddressType.IPV4 : AddressType.IPV6, ...address.bytes];
  }
  return [AddressType.NAME, ...withLength(hostname)];
}

function withLength(text: string): number[] {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > 255) {
    throw new RangeError(`Cannot send a text of ${bytes.length} bytes by SOCKS: the limit is 255`);
  }
  return [bytes.length, ...bytes];
}
