/**
 * An adapter for crossws, which h3, Nitro and Nuxt use. Its hooks run on Sluice connections. crossws itself is not loaded.
 *
 * @example h3 on a Sluice server
 * ```ts ignore
 * import { defineWebSocketHandler, H3 } from "npm:h3@^2";
 * import { serve } from "@sluice/websocket";
 * import crossws from "@sluice/websocket/crossws";
 * import { fromFetch } from "@sluice/websocket/fetch";
 *
 * const app = new H3()
 *   .get("/", () => "Hello\n")
 *   .get("/chat", defineWebSocketHandler({ message: (peer, message) => peer.send(message.text()) }));
 *
 * const { handler, ...fromH3 } = fromFetch(crossws({ fetch: app.fetch }).fetch);
 * serve({ port: 8000, ...fromH3 }, handler);
 * ```
 *
 * There are three differences from the adapters of crossws. If a hook returns a promise, the next message waits for it, so a slow
 * hook slows down its client. Topics belong to a hub (`./hub`), which encodes each message once and disconnects slow subscribers
 * with code 1013. Servers share topics with a broker of that hub, not with `sync`.
 *
 * @module
 */
import { hasToken, listValues } from "../handshake/http_fields.ts";
import { createHub } from "../hub/hub.ts";
import type { Hub } from "../hub/hub_options.ts";
import { CALLBACK, isObject, like, type OptionKinds } from "../option_kinds.ts";
import { bag, checkOptions, without } from "../options.ts";
import type { Address } from "../transport/transport.ts";
import type { UpgradeInfo } from "../server/server_options.ts";
import { platformInfo } from "../server/upgrade_request.ts";
import { UPGRADE_REQUEST_OPTION_KINDS, type UpgradeRequestOptions } from "../server/upgrade_request_options.ts";
import { type CrosswsHook, type CrosswsHooks, HookCaller, hooksIn } from "./crossws_hooks.ts";
import { CrosswsMessage } from "./crossws_message.ts";
import { CrosswsPeer, type PeerContext, toMessageData, topicsOf } from "./crossws_peer.ts";
import { upgradeWebSocket } from "./fetch.ts";

export type { CrosswsHook, CrosswsHooks, CrosswsMessage, CrosswsPeer, PeerContext };

/** The options of the adapter: those of crossws, and those of Sluice. */
export interface CrosswsOptions {
  /** The hooks of all connections. `defineHooks` of crossws gives them their types. */
  hooks?: CrosswsHooks;
  /** Returns further hooks for one request. */
  resolve?(request: Request): CrosswsHooks | undefined | Promise<CrosswsHooks | undefined>;
  /**
   * The application, such as `app.fetch` of h3. It answers ordinary requests. Without `resolve`, its response to a handshake
   * provides the hooks. An error response without hooks refuses the handshake.
   */
  fetch?(request: Request, info: UpgradeInfo): Response | Promise<Response>;
  /** The namespace of a request. By default its path. */
  getNamespace?(request: Request): string;
  /** Chooses the subprotocol if the hook `upgrade` does not. By default none. */
  handleProtocols?(
    protocols: Set<string>,
    request: Request,
  ): string | false | null | undefined | Promise<string | false | null | undefined>;
  /** The hub of the topics. By default the adapter has its own. */
  hub?: Hub;
  /** Further options for requests of `Deno.serve`; see `FetchUpgradeOptions` of `./fetch`. */
  platform?: Omit<UpgradeRequestOptions, "protocols" | "headers" | "data" | "hub" | "remoteAddr">;
}

const OPTION_KINDS: OptionKinds<CrosswsOptions> = {
  hooks: like("an object of hooks", {}),
  resolve: CALLBACK,
  fetch: CALLBACK,
  getNamespace: CALLBACK,
  handleProtocols: CALLBACK,
  hub: like("a hub, as createHub of ./hub makes one", { methods: ["subscribe", "unsubscribe", "publish"] }),
  platform: bag(without(UPGRADE_REQUEST_OPTION_KINDS, "protocols", "headers", "data", "hub", "remoteAddr")),
};

/** Information about a request. */
export interface CrosswsInfo {
  /** The client's address. */
  readonly remoteAddr?: Address | undefined;
}

/** An adapter, like those of crossws. */
export interface CrosswsAdapter {
  /** The open connections by their namespace. */
  readonly peers: ReadonlyMap<string, ReadonlySet<CrosswsPeer>>;
  /** The hub of the topics. */
  readonly hub: Hub;
  /** Publishes a message to all subscribers of a topic, in one namespace or in all. */
  publish(topic: string, data: unknown, options?: { compress?: boolean; namespace?: string }): void;
  /** Closes every connection. The server keeps running. */
  close(code?: number, reason?: string): Promise<void>;
  /**
   * Answers a request for a WebSocket that arrived through `fromFetch` of `./fetch` or `Deno.serve`.
   *
   * @param request The request.
   * @param info Information about it.
   * @returns The response.
   */
  handleUpgrade(request: Request, info?: CrosswsInfo): Promise<Response>;
  /**
   * Answers any request: WebSocket requests with the adapter, others with the application.
   *
   * @param request The request.
   * @param info Information about it.
   * @returns The response.
   */
  fetch(request: Request, info: UpgradeInfo): Promise<Response>;
}

/**
 * Creates the adapter.
 *
 * @param options The hooks, or how to find them.
 * @returns The adapter.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 * @throws {RangeError} If a number is out of range.
 */
export default function crossws(options: CrosswsOptions = {}): CrosswsAdapter {
  if ("sync" in options && options.sync !== undefined) {
    throw new TypeError(
      'crossws() has no option "sync": pass a hub with a broker, as in createHub({ broker: redisBroker() })',
    );
  }
  checkOptions("crossws()", options, OPTION_KINDS);
  return new Adapter(options);
}

class Adapter implements CrosswsAdapter {
  readonly peers = new Map<string, Set<CrosswsPeer>>();
  readonly hub: Hub;
  readonly #options: CrosswsOptions;

  constructor(options: CrosswsOptions) {
    this.#options = options;
    this.hub = options.hub ?? createHub();
    this.handleUpgrade = this.handleUpgrade.bind(this); // the adapters of crossws need no `this`
    this.fetch = this.fetch.bind(this);
    this.publish = this.publish.bind(this);
    this.close = this.close.bind(this);
  }

  publish(
    topic: string,
    data: unknown,
    { compress, namespace }: { compress?: boolean; namespace?: string } = {},
  ): void {
    const [own, everywhere] = topicsOf(namespace ?? "", topic);
    const options = compress === undefined ? {} : { compress };
    this.hub.publish(namespace === undefined ? everywhere : own, toMessageData(data), options);
  }

  async close(code?: number, reason?: string): Promise<void> {
    const peers = [...this.peers.values()].flatMap((peers) => [...peers]);
    await Promise.all(peers.map(({ connection }) => connection.close(code, reason)));
  }

  async fetch(request: Request, info: UpgradeInfo): Promise<Response> {
    if (asksForWebSocket(request)) return await this.handleUpgrade(request, info);
    return await this.#options.fetch?.(request, info) ?? new Response("Not found\n", { status: 404 });
  }

  async handleUpgrade(request: Request, info: CrosswsInfo = {}): Promise<Response> {
    const { hooks, getNamespace, handleProtocols, platform } = this.#options;
    // The platform's information about a request is no longer available after the upgrade.
    const asked = new Request(request.url, { headers: request.headers });
    const caller = new HookCaller(hooks, await this.#resolve(request, info));
    if (caller.empty) return new Response("There is no WebSocket here\n", { status: 404 });
    const choice = await caller.upgrade(request);
    if (choice instanceof Response) return choice;
    const headers = new Headers(choice.headers);
    const protocol = choice.protocol ?? headers.get("sec-websocket-protocol") ??
      (await handleProtocols?.(offeredBy(request), request) || undefined);
    headers.delete("sec-websocket-protocol");
    const namespace = choice.namespace ?? getNamespace?.(request) ?? new URL(request.url).pathname;
    const context = Object.assign(contextOf(request), choice.context);
    const { remoteAddr } = info;
    const remoteAddress = remoteAddr !== undefined && "hostname" in remoteAddr ? remoteAddr.hostname : undefined;
    let peer: CrosswsPeer;
    return upgradeWebSocket(request, {
      ...(protocol === undefined ? {} : { protocols: protocol }),
      headers,
      platform: { ...platform, ...(remoteAddr === undefined ? {} : { remoteAddr }) },
    }, {
      open: (connection) => {
        const peers = this.#peersOf(namespace);
        const { hub } = this;
        peer = new CrosswsPeer({ connection, request: asked, namespace, context, peers, hub, remoteAddress });
        peers.add(peer);
        return caller.call("open", peer);
      },
      message: (_, data) => caller.call("message", peer, new CrosswsMessage(data, peer)),
      drain: () => caller.call("drain", peer),
      error: (_, error) => caller.call("error", peer, error),
      close: (_, { closeCode: code, reason }) => {
        peer.peers.delete(peer);
        if (peer.peers.size === 0) this.peers.delete(namespace);
        return caller.call("close", peer, { code, reason });
      },
    });
  }
  /** Returns the hooks of one request. */
  async #resolve(request: Request, info: CrosswsInfo): Promise<CrosswsHooks | undefined> {
    const { hooks, resolve, fetch } = this.#options;
    if (resolve !== undefined) return await resolve(request);
    if (hooks !== undefined || fetch === undefined) return undefined;
    return hooksIn(request, await fetch(request, platformInfo(request, info.remoteAddr)));
  }

  #peersOf(namespace: string): Set<CrosswsPeer> {
    let peers = this.peers.get(namespace);
    if (peers === undefined) this.peers.set(namespace, peers = new Set());
    return peers;
  }
}

function asksForWebSocket({ headers }: Request): boolean {
  return hasToken([["upgrade", headers.get("upgrade") ?? ""]], "upgrade", "websocket");
}

/** Returns the subprotocols that a client offers. */
function offeredBy({ headers }: Request): Set<string> {
  return new Set(listValues([["offered", headers.get("sec-websocket-protocol") ?? ""]], "offered"));
}

/** Returns the context that the server or the application keeps with a request, as srvx and h3 do. */
function contextOf(request: Request): PeerContext {
  return "context" in request && isContext(request.context) ? request.context : {};
}

function isContext(value: unknown): value is PeerContext {
  return isObject(value);
}
