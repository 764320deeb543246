import { CrosswsPeer } from "../../lib/adapters/crossws_peer.ts";
import { createHub, type HubOptions } from "../../lib/hub/mod.ts";
import { connectedPair } from "../../lib/testing/mod.ts";

/** A peer over a connection in memory, whose other end is `client`. */
export async function peer(options: HubOptions = {}) {
  const hub = createHub(options);
  const pair = await connectedPair();
  const { client, server: connection } = pair;
  const request = new Request("http://127.0.0.1/chat");
  const peers = new Set<CrosswsPeer>();
  const init = { connection, request, namespace: "/chat", context: {}, peers, hub, remoteAddress: "127.0.0.1" };
  return { hub, client, peer: new CrosswsPeer(init), [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose]() };
}
