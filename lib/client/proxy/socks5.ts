/**
 * The client's side of SOCKS5, RFC 1928 and RFC 1929, with no network: bytes in, bytes out.
 *
 * @module
 */
import { ConnectionError, invalidState } from "../../errors.ts";
import { parseAddress } from "../../handshake/ip_address.ts";
import type { HostAndPort } from "../target.ts";

/** What SOCKS proxies check, RFC 1929: at most 255 bytes of UTF-8 each. */
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
 * Asks a SOCKS5 proxy for a connection. What was pushed may be reused: nothing of it is kept as a view.
 */
export class Socks5Handshake {
  readonly #request: Uint8Array<ArrayBuffer>;
  readonly #credentials: Socks5Credentials | undefined;
  /** The answer that has begun. The longest has a name in it: 4 + 1 + 255 + 2 bytes. */
  readonly #answer = new Uint8Array(262);
  #length = 0;
  #expected: "method" | "login" | "reply" | "nothing" = "method";
  #rest = new Uint8Array(0);

  /**
   * Makes it.
   *
   * @param to Where the proxy shall connect to. It looks up a name itself.
   * @param credentials Who we are, where the proxy may want to know.
   * @throws {RangeError} If the host's name is longer than 255 bytes.
   */
  constructor(to: HostAndPort, credentials?: Socks5Credentials) {
    const { port } = to;
    this.#request = Uint8Array.of(VERSION, CONNECT, 0, ...addressBytes(to.hostname), port >> 8, port & 255);
    this.#credentials = credentials;
  }

  /** What to send first: the ways in which we can log in. */
  greeting(): Uint8Array<ArrayBuffer> {
    const methods = this.#credentials === undefined ? [Method.NONE] : [Method.NONE, Method.PASSWORD];
    return Uint8Array.of(VERSION, methods.length, ...methods);
  }

  /** Whether the proxy has connected. */
  get complete(): boolean {
    return this.#expected === "nothing";
  }

  /** A copy of the bytes that came behind the proxy's last answer. Empty until that is complete. */
  get rest(): Uint8Array<ArrayBuffer> {
    return this.#rest;
  }

  /**
   * Takes the next bytes.
   *
   * @param bytes What was read.
   * @returns What to send, often nothing.
   * @throws {ConnectionError} If the proxy refuses, or its answer is not SOCKS5.
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

  /** The size of the answer that has begun, as far as its bytes tell it. A refusal need not have an address behind it. */
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

  /** Judges a complete answer; the return value is what it asks for. */
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
