/**
 * Our server as it is measured, by itself or as one of several workers.
 *
 * @module
 */
import { type Broker, createHub } from "../lib/hub/mod.ts";
import { serve, type ServeOptions, type WebSocketHandler, type WebSocketServer } from "../mod.ts";

/** What the server does. */
export interface EchoOptions {
  /** How messages are read and sent: `callbacks`, `iterate` or `streams`. */
  readonly api: string;
  /** Whether it compresses. */
  readonly deflate: boolean;
  /** Whether both ends keep their contexts then. */
  readonly takeover: boolean;
  /** Whether payloads are lent for the length of the callback. */
  readonly lend: boolean;
  /** Whether every message goes to every connection, whatever the API. */
  readonly fanout: boolean;
  /** To how many topics a connection subscribes, and messages are published in turn; 0 for none. */
  readonly topics: number;
  /** `maxMessageBytes`, if it is not the default. */
  readonly max: number | undefined;
}

const HANDLERS: Readonly<Record<string, WebSocketHandler>> = {
  callbacks: { message: (socket, data) => void socket.send(data) },
  async iterate(socket) {
    for await (const message of socket) await socket.send(message);
  },
  streams: (socket) => socket.readable.pipeTo(socket.writable),
};

/** Starts it; `broker` is what joins it to other workers. */
export function serveEcho(
  { api, deflate, takeover, lend, fanout, topics, max }: EchoOptions,
  listen: Pick<ServeOptions, "port" | "hostname" | "reusePort" | "onListen">,
  broker?: Broker,
): WebSocketServer {
  const handler = HANDLERS[api];
  if (handler === undefined) throw new Error(`Unknown --api ${api}: ${Object.keys(HANDLERS).join(", ")}`);
  const hub = createHub({ maxTopicsPerConnection: Infinity, ...broker === undefined ? {} : { broker } });
  const fanOut: WebSocketHandler = {
    open: (socket) => void socket.subscribe("all"),
    message: (_, data) => void hub.publish("all", data),
  };
  let published = 0;
  const inTurn: WebSocketHandler = {
    open(socket) {
      for (let topic = 0; topic < topics; topic++) void socket.subscribe(`topic ${topic}`);
    },
    message: (_, data) => void hub.publish(`topic ${published++ % topics}`, data),
  };
  return serve({
    ...listen,
    hub,
    ...max === undefined ? {} : { maxMessageBytes: max, maxQueuedBytes: 4 * max },
    perMessageDeflate: deflate &&
      { threshold: 0, serverContextTakeover: takeover, clientContextTakeover: takeover },
    lendPayloads: lend,
    onError: () => {}, // the load generator leaves without a close frame
  }, topics > 0 ? inTurn : fanout ? fanOut : handler);
}
