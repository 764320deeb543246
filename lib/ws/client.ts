/**
 * Connects a client of `./ws`: with the dialing and handshake of Sluice, and the events of `ws`.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { EventEmitter } from "node:events";
import type { Connection } from "../connection/connection.ts";
import { openConnection } from "../client/connect.ts";
import { pickTlsOptions } from "../client/dial.ts";
import { type Hop, isRedirect, redirected } from "../client/redirect.ts";
import { hostAndPort, parseTarget } from "../client/target.ts";
import type { ConnectOptions } from "../client/client_options.ts";
import { HandshakeError } from "../errors.ts";
import { isToken } from "../handshake/http_fields.ts";
import { nodeConnection } from "../transport/node_connection.ts";
import { eventError } from "./event_error.ts";
import { type ClientOptions, connectOptionsOf } from "./options.ts";
import { PlannedRequest, ServerResponse } from "./stand_ins.ts";
import type { WebSocketEvents } from "./events.ts";

/** An attempt to connect. */
export interface ClientAttempt {
  /** The URL to connect to. */
  readonly url: string;
  /** Aborts the attempt, if it is still under way. */
  giveUp(error: Error): void;
}

/** Callbacks for the outcome. Exactly one of `opened` and `failed` is called, once, after the constructor has returned. */
export interface ClientOutcome {
  /** The connection is open. */
  opened(connection: Connection): void;
  /** The connection did not open. */
  failed(error: Error): void;
  /** The emitter of the events. */
  readonly emitter: EventEmitter<WebSocketEvents>;
}

/**
 * Starts to connect.
 *
 * @throws {SyntaxError} If the URL or a subprotocol is invalid.
 * @throws {TypeError} If an option is not supported.
 */
export function connectSocket(
  address: string | URL,
  protocols: string | readonly string[] | undefined,
  options: ClientOptions,
  outcome: ClientOutcome,
): ClientAttempt {
  return new Attempt(address, subprotocols(protocols ?? options.protocols ?? []), options, outcome);
}

class Attempt implements ClientAttempt {
  url: string;
  readonly #protocols: readonly string[];
  readonly #options: ClientOptions;
  readonly #connectOptions: ConnectOptions;
  readonly #outcome: ClientOutcome;
  readonly #stop = new AbortController();
  #over = false;

  constructor(
    address: string | URL,
    protocols: readonly string[],
    options: ClientOptions,
    outcome: ClientOutcome,
  ) {
    this.#protocols = protocols;
    this.#options = options;
    this.#outcome = outcome;
    const target = targetOf(address);
    this.url = target.href;
    const { caCerts, cert, key, serverName, ...rest } = connectOptionsOf(options);
    this.#connectOptions = rest;
    const tls = pickTlsOptions({
      ...(caCerts && { caCerts }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(serverName !== undefined && { serverName }),
    });
    void this.#run({ target, headers: headersOf(options), tls });
  }

  giveUp(error: Error): void {
    this.#stop.abort(error);
    queueMicrotask(() => this.#fail(error));
  }

  async #run(first: Hop): Promise<void> {
    const { emitter } = this.#outcome;
    const { signal } = this.#stop;
    const { followRedirects = false, maxRedirects = 10 } = this.#options;
    await null; // the constructor returns first
    let hop = first;
    for (let redirects = 0; !signal.aborted; redirects++) {
      try {
        const connection = await this.#open(hop);
        emitter.emit("upgrade", new ServerResponse(101, connection.headers));
        // A listener may have closed the socket.
        if (signal.aborted) connection.abort(signal.reason);
        else this.#succeed(connection);
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof HandshakeError) || error.status === 101) return this.#fail(eventError(error));
        const head = { status: error.status, fields: [...error.headers] };
        if (!followRedirects || !isRedirect(head)) return this.#refused(hop, error);
        if (redirects === maxRedirects) return this.#fail(eventError(error, "Maximum redirects exceeded"));
        try {
          hop = redirected(hop, head);
        } catch (cause) {
          return this.#fail(eventError(cause));
        }
        this.url = hop.target.href;
        emitter.emit("redirect", this.url, this.#planned(hop));
      }
    }
  }

  #open({ target, headers, tls }: Hop): Promise<Connection> {
    const { createConnection } = this.#options;
    const { hostname: host, port } = hostAndPort(target.url);
    const secure = target.url.protocol === "wss:";
    const conn = createConnection === undefined ? undefined : nodeConnection(
      createConnection({ host, port, ...(secure && { servername: this.#options.servername ?? host }) }),
    );
    return openConnection(target.url, {
      ...this.#connectOptions,
      ...(conn === undefined ? { ...tls, ...(target.path !== undefined && { path: target.path }) } : { conn }),
      protocols: this.#protocols,
      headers,
      signal: this.#stop.signal,
    });
  }

  /** Handles a response other than 101. If a listener takes it, the socket waits until the listener aborts. */
  #refused(hop: Hop, error: HandshakeError): void {
    const response = new ServerResponse(error.status, error.headers, error.body);
    if (this.#outcome.emitter.emit("unexpected-response", this.#planned(hop), response)) return;
    this.#fail(eventError(error, `Unexpected server response: ${error.status}`));
  }

  #planned({ target, headers }: Hop): PlannedRequest {
    return new PlannedRequest(
      target.url,
      headers,
      (error) => this.giveUp(error ?? new Error("The request was given up")),
    );
  }

  #succeed(connection: Connection): void {
    this.#over = true;
    this.#outcome.opened(connection);
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#outcome.failed(error);
  }
}

function targetOf(address: string | URL): ReturnType<typeof parseTarget> {
  try {
    return parseTarget(address);
  } catch (cause) {
    const message = URL.canParse(address) && cause instanceof Error ? cause.message : `Invalid URL: ${address}`;
    throw new SyntaxError(message, { cause });
  }
}

function subprotocols(given: string | readonly string[]): readonly string[] {
  const names = typeof given === "string" ? [given] : given;
  if (names.every((name) => typeof name === "string" && isToken(name)) && new Set(names).size === names.length) {
    return names;
  }
  throw new SyntaxError("An invalid or duplicated subprotocol was specified");
}

/** The header fields of the handshake itself, which an application cannot set. `ws` overwrites them too. */
const OURS = /^(connection|upgrade|sec-websocket-(version|key|extensions|protocol))$/i;

function headersOf({ headers = {}, origin, auth }: ClientOptions): Headers {
  const fields = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || OURS.test(name)) continue;
    for (const one of Array.isArray(value) ? value : [value]) fields.append(name, String(one));
  }
  if (origin !== undefined) fields.set("origin", origin);
  if (auth !== undefined && !fields.has("authorization")) {
    fields.set("authorization", `Basic ${Buffer.from(auth).toString("base64")}`);
  }
  return fields;
}
