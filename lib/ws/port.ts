/**
 * The port that a `WebSocketServer` opens itself: in Deno with a listener of Sluice, elsewhere with a `node:http` server.
 *
 * @module
 */
import { createServer, type IncomingMessage, type Server, STATUS_CODES } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { Connection } from "../connection/connection.ts";
import type { Observer } from "../connection/watch/observer.ts";
import { HandshakeError } from "../errors.ts";
import type { UpgradeRequest } from "../handshake/server_handshake.ts";
import { AcceptLoop, listen, type Listener } from "../server/listen.ts";
import { ConnectionGroup } from "../server/connection_group.ts";
import type { AcceptOptions, UpgradeAnswer, UpgradeInfo } from "../server/server_options.ts";
import type { ServerLimits } from "../limits.ts";
import { eventError } from "./event_error.ts";
import { ClosedSocket, familyOf, UpgradeMessage } from "./stand_ins.ts";

/** The callbacks of a port. */
export interface PortOwner {
  /** Called when it listens. */
  onListening(): void;
  /** Called when it cannot listen, or fails. */
  onError(error: Error): void;
  /** Called when it has stopped and every connection has ended. */
  onClose(): void;
}

/** Further callbacks of a listener of Sluice. */
export interface ListenerOwner extends PortOwner {
  /** Decides about a request. */
  decide(request: UpgradeRequest, message: UpgradeMessage): Promise<UpgradeAnswer<UpgradeMessage> | Response>;
  /** Called when a connection is open. */
  onConnection(connection: Connection<UpgradeMessage>, message: UpgradeMessage): void;
  /** Called when a handshake failed before any hook was called. */
  onRefused(error: Error, socket: ClosedSocket, message: UpgradeMessage | undefined): void;
  /** Gets errors of the application. */
  readonly onFault?: ((error: unknown) => unknown) | undefined;
}

/** Further callbacks of a `node:http` server. */
export interface HttpOwner extends PortOwner {
  /** Called when a request asks for an upgrade. */
  onUpgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void;
}

/** A port that is open or being opened. */
export interface Port {
  /** Returns its address; `null` while it does not listen. */
  address(): AddressInfo | string | null;
  /** Accepts no more connections. Existing ones continue. */
  close(): void;
}

/** The options of a port. */
export interface PortOptions {
  /** The port; 0 picks a free one. */
  readonly port: number;
  /** The address. By default all addresses, including IPv6. */
  readonly host?: string | undefined;
  /** The maximum number of connections that may wait for their turn. */
  readonly backlog?: number | undefined;
}

/** Whether a listener of Sluice is available. */
export const OWN_LISTENER: boolean = "Deno" in globalThis;

/** Opens a port with a listener of Sluice. */
export function openListener(
  where: PortOptions,
  options: AcceptOptions & Partial<ServerLimits>,
  owner: ListenerOwner,
): Port {
  return new ListenerPort(where, options, owner);
}

class ListenerPort implements Port {
  readonly #owner: ListenerOwner;
  readonly #group: ConnectionGroup<UpgradeMessage>;
  readonly #listener: Listener | undefined;
  readonly #accepting: AcceptLoop | undefined;
  /** The requests for which a hook was called. */
  readonly #judged = new WeakSet<object>();

  constructor(
    where: PortOptions,
    options: AcceptOptions & Partial<ServerLimits>,
    owner: ListenerOwner,
  ) {
    this.#owner = owner;
    this.#group = new ConnectionGroup<UpgradeMessage>({
      ...options,
      upgrade: (request, info) => this.#decide(request, info),
      observer: this.#observer(options.observer),
      ...(owner.onFault && { onError: owner.onFault }),
    }, (socket) => {
      if (socket instanceof Connection && socket.data !== undefined) owner.onConnection(socket, socket.data);
      return socket.closed;
    });
    try {
      this.#listener = listenAnywhere(where, (error) => this.#group.report(error));
    } catch (error) {
      queueMicrotask(() => owner.onError(eventError(error)));
      return;
    }
    this.#accepting = new AcceptLoop(this.#listener, {
      take: (conn) => this.#group.take(conn),
      report: (error) => this.#group.report(error),
      onLost: () => owner.onError(new Error("The listener was closed by others")),
      stopping: this.#group.stopping,
    });
    queueMicrotask(() => owner.onListening());
  }

  address(): AddressInfo | null {
    const addr = this.#listener?.addr;
    if (addr === undefined || !("hostname" in addr)) return null;
    return { address: addr.hostname, family: familyOf(addr.hostname), port: addr.port };
  }

  close(): void {
    this.#accepting?.close();
    void Promise.all([this.#accepting?.released(), this.#group.idle()]).then(() => this.#owner.onClose());
  }

  #decide(request: UpgradeRequest, info: UpgradeInfo): Promise<UpgradeAnswer<UpgradeMessage> | Response> {
    this.#judged.add(info);
    const socket = new ClosedSocket(info.remoteAddr, info.localAddr, request.secure);
    return this.#owner.decide(request, new UpgradeMessage(request, socket));
  }

  #observer(given: Observer | undefined): Observer {
    return {
      opened: (socket) => given?.opened?.(socket),
      refused: (error, info) => {
        given?.refused?.(error, info);
        if (!(error instanceof HandshakeError) || this.#judged.has(info)) return;
        const socket = new ClosedSocket(info.remoteAddr, info.localAddr, info.request?.secure ?? false);
        this.#owner.onRefused(error, socket, info.request && new UpgradeMessage(info.request, socket));
      },
    };
  }
}

/** Listens on IPv6 and IPv4 if no host is given, as Node does, or on IPv4 if there is no IPv6. */
function listenAnywhere({ port, host }: PortOptions, report: (error: unknown) => void): Listener {
  if (host !== undefined) return listen({ port, hostname: host }, report);
  try {
    return listen({ port, hostname: "::" }, report);
  } catch (error) {
    if (error instanceof Error && error.name === "AddrInUse") throw error;
    return listen({ port, hostname: "0.0.0.0" }, report);
  }
}

/** Opens a port with a `node:http` server, which responds to ordinary requests with 426. */
export function openHttp({ port, host, backlog }: PortOptions, owner: HttpOwner): Port {
  const server = createServer((_, response) => {
    const body = STATUS_CODES[426];
    response.writeHead(426, { "Content-Type": "text/plain", Upgrade: "websocket", Connection: "Upgrade" });
    response.end(body);
  });
  const detach = attach(server, owner);
  server.listen({ port, ...(host !== undefined && { host }), ...(backlog !== undefined && { backlog }) });
  return {
    address: () => server.address(),
    close() {
      detach();
      server.close(() => owner.onClose());
    },
  };
}

/** Handles the upgrades of an existing server, until the port is closed. */
export function attachTo(server: Server, owner: HttpOwner): Port {
  const detach = attach(server, owner);
  return {
    address: () => server.address(),
    close: () => detach(),
  };
}

function attach(server: Server, owner: HttpOwner): () => void {
  const onListening = () => owner.onListening();
  const onError = (error: Error) => owner.onError(error);
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Uint8Array) =>
    owner.onUpgrade(request, socket, head);
  server.on("listening", onListening);
  server.on("error", onError);
  server.on("upgrade", onUpgrade);
  return () => {
    server.off("listening", onListening);
    server.off("error", onError);
    server.off("upgrade", onUpgrade);
  };
}
