/**
 * Every entry point throws at the call for an invalid argument: unknown options, values of another kind, no handler.
 *
 * @module
 */
import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { connect, reconnecting, serve, WebSocket, WebSocketStream } from "../../mod.ts";
import { reconnectDelay } from "../../lib/client/mod.ts";
import {
  CONNECT_OPTION_KINDS,
  RECONNECTING_OPTION_KINDS,
  WEB_SOCKET_OPTION_KINDS,
  WEB_SOCKET_STREAM_OPTION_KINDS,
} from "../../lib/client/client_options.ts";
import { RECONNECT_DELAY_OPTION_KINDS } from "../../lib/backoff.ts";
import { DEFLATE_FRAME_OPTION_KINDS, deflateFrame } from "../../lib/extensions/deflate_frame.ts";
import {
  PER_MESSAGE_DEFLATE_OPTION_KINDS,
  permessageDeflate,
} from "../../lib/extensions/permessage_deflate/permessage_deflate.ts";
import { LOAD_HANDLERS_OPTION_KINDS, loadHandlers } from "../../lib/handlers/handler_directory.ts";
import { ACCEPT_HTTP2_OPTION_KINDS, acceptHttp2 } from "../../lib/http2/accept_http2.ts";
import { CONNECT_HTTP2_OPTION_KINDS, connectHttp2 } from "../../lib/http2/connect_http2.ts";
import { SERVE_HTTP2_OPTION_KINDS, serveHttp2 } from "../../lib/http2/serve_http2.ts";
import { broadcastBroker } from "../../lib/hub/broadcast_broker.ts";
import { createHub } from "../../lib/hub/hub.ts";
import { HUB_OPTION_KINDS, PUBLISH_OPTION_KINDS } from "../../lib/hub/hub_options.ts";
import { BROKER_OPTION_KINDS } from "../../lib/hub/linked_broker.ts";
import { LEGACY_DRAFTS_OPTION_KINDS, legacyDrafts } from "../../lib/legacy/legacy_drafts.ts";
import { acceptNode } from "../../lib/node/accept_node.ts";
import { SERVE_NODE_OPTION_KINDS, serveNode } from "../../lib/node/serve_node.ts";
import { SEND_OPTION_KINDS, SUBSCRIBE_OPTION_KINDS, TAP_OPTION_KINDS } from "../../lib/connection/socket_options.ts";
import { accept } from "../../lib/server/accept.ts";
import { ACCEPT_OPTION_KINDS, SERVE_OPTION_KINDS, SHUTDOWN_OPTION_KINDS } from "../../lib/server/server_options.ts";
import { upgradeRequest } from "../../lib/server/deno_serve.ts";
import { UPGRADE_REQUEST_OPTION_KINDS } from "../../lib/server/upgrade_request_options.ts";
import { replay, REPLAY_OPTION_KINDS } from "../../lib/telemetry/replay.ts";
import { connectedPair } from "../../lib/testing/connected_pair.ts";
import { fakeTime } from "../../lib/testing/fake_time.ts";
import { memoryPair } from "../../lib/testing/memory_pair.ts";
import { rawClient, rawServer } from "../../lib/testing/raw_pair.ts";
import { rawPeer } from "../../lib/testing/raw_peer.ts";
import {
  CONNECTED_PAIR_OPTION_KINDS,
  FAKE_TIME_OPTION_KINDS,
  MEMORY_PAIR_OPTION_KINDS,
  RAW_CLIENT_OPTION_KINDS,
  RAW_PEER_OPTION_KINDS,
  RAW_SERVER_OPTION_KINDS,
} from "../../lib/testing/testing_options.ts";
import { SERVE_WORKERS_OPTION_KINDS, serveWorkers } from "../../lib/workers/serve_workers.ts";
import { nodeConnection } from "../../lib/transport/node_connection.ts";
import { assertMistakes, type Taking } from "../_support/mistakes.ts";
import { ORIGIN_REFUSED, overlook } from "../_support/printed.ts";

overlook(ORIGIN_REFUSED);

const URL_HERE = "ws://127.0.0.1:1/";
const HERE = { hostname: "127.0.0.1", port: 0 };
const REQUEST = new Request("http://127.0.0.1:1/");

/** What takes options and a handler. */
const SERVING: readonly (Taking & { serve(options: unknown, handler: unknown): unknown })[] = [
  {
    call: "serve()",
    kinds: SERVE_OPTION_KINDS,
    needed: HERE,
    serve: (...given: unknown[]) => Reflect.apply(serve, undefined, given),
  },
  {
    call: "serveNode()",
    kinds: SERVE_NODE_OPTION_KINDS,
    serve: (...given: unknown[]) => Reflect.apply(serveNode, undefined, [createServer(), ...given]),
  },
  {
    call: "serveHttp2()",
    kinds: SERVE_HTTP2_OPTION_KINDS,
    serve: (...given: unknown[]) => Reflect.apply(serveHttp2, undefined, [createHttp2Server(), ...given]),
  },
  {
    call: "upgradeRequest()",
    kinds: UPGRADE_REQUEST_OPTION_KINDS,
    serve: (...given: unknown[]) => Reflect.apply(upgradeRequest, undefined, [REQUEST, ...given]),
  },
].map((taking) => ({ ...taking, invoke: (options: unknown) => taking.serve(options, {}) }));

/** What takes options only. */
const TAKING: readonly Taking[] = [
  { call: "accept()", kinds: ACCEPT_OPTION_KINDS, invoke: (options) => accept(memoryPair()[0], options) },
  {
    call: "acceptNode()",
    kinds: ACCEPT_OPTION_KINDS,
    invoke: (options) => Reflect.apply(acceptNode, undefined, [{}, options]),
  },
  {
    call: "acceptHttp2()",
    kinds: ACCEPT_HTTP2_OPTION_KINDS,
    invoke: (options) => Reflect.apply(acceptHttp2, undefined, [{}, options]),
  },
  { call: "connect()", kinds: CONNECT_OPTION_KINDS, invoke: (options) => connect(URL_HERE, options) },
  { call: "connectHttp2()", kinds: CONNECT_HTTP2_OPTION_KINDS, invoke: (options) => connectHttp2(URL_HERE, options) },
  { call: "reconnecting()", kinds: RECONNECTING_OPTION_KINDS, invoke: (options) => reconnecting(URL_HERE, options) },
  { call: "reconnectDelay()", kinds: RECONNECT_DELAY_OPTION_KINDS, invoke: (options) => reconnectDelay(0, options) },
  { call: "createHub()", kinds: HUB_OPTION_KINDS, invoke: (options) => createHub(options) },
  { call: "publish()", kinds: PUBLISH_OPTION_KINDS, invoke: (options) => createHub().publish("a", "b", options) },
  { call: "broadcastBroker()", kinds: BROKER_OPTION_KINDS, invoke: (options) => broadcastBroker("a", options) },
  { call: "permessageDeflate()", kinds: PER_MESSAGE_DEFLATE_OPTION_KINDS, invoke: (given) => permessageDeflate(given) },
  { call: "deflateFrame()", kinds: DEFLATE_FRAME_OPTION_KINDS, invoke: (options) => deflateFrame(options) },
  { call: "legacyDrafts()", kinds: LEGACY_DRAFTS_OPTION_KINDS, invoke: (options) => legacyDrafts(options) },
  {
    call: "loadHandlers()",
    kinds: LOAD_HANDLERS_OPTION_KINDS,
    needed: { root: "." },
    invoke: (options) => loadHandlers(options),
  },
  {
    call: "serveWorkers()",
    kinds: SERVE_WORKERS_OPTION_KINDS,
    invoke: (options) => serveWorkers("file:///no", options),
  },
  { call: "replay()", kinds: REPLAY_OPTION_KINDS, invoke: (options) => replay([], options) },
  { call: "memoryPair()", kinds: MEMORY_PAIR_OPTION_KINDS, invoke: (options) => memoryPair(options) },
  { call: "rawPeer()", kinds: RAW_PEER_OPTION_KINDS, invoke: (options) => rawPeer(memoryPair()[0], "client", options) },
  { call: "rawClient()", kinds: RAW_CLIENT_OPTION_KINDS, invoke: (options) => rawClient(options) },
  { call: "rawServer()", kinds: RAW_SERVER_OPTION_KINDS, invoke: (options) => rawServer(options) },
  { call: "connectedPair()", kinds: CONNECTED_PAIR_OPTION_KINDS, invoke: (options) => connectedPair(options) },
  { call: "fakeTime()", kinds: FAKE_TIME_OPTION_KINDS, invoke: (options) => fakeTime(options) },
];

for (const taking of [...SERVING, ...TAKING]) {
  Deno.test(`${taking.call} throws at the call for an unknown option, and for a value of the wrong type, and names it`, () =>
    assertMistakes(taking));
}

Deno.test("the web-compatible classes throw for an unknown option, and for a value of the wrong type", async () => {
  for (const [name, { takes }] of Object.entries(WEB_SOCKET_OPTION_KINDS)) {
    const given = { [name]: takes.includes("number") ? NaN : Symbol("wrong") };
    assertThrows(() => Reflect.construct(WebSocket, [URL_HERE, given]), Error, name);
  }
  for (const [name, { takes }] of Object.entries(WEB_SOCKET_STREAM_OPTION_KINDS)) {
    const given = { [name]: takes.includes("number") ? NaN : Symbol("wrong") };
    assertThrows(() => Reflect.construct(WebSocketStream, [URL_HERE, given]), Error, name);
  }
  await assertRejects(
    async () => await Reflect.construct(WebSocket, [URL_HERE, { header: {} }]),
    TypeError,
    '"headers"',
  );
  await assertRejects(
    async () => await Reflect.construct(WebSocketStream, [URL_HERE, { header: {} }]),
    TypeError,
    '"headers"',
  );
});

Deno.test("the calls of a connection, of a server and of a hub check their options", async () => {
  const hub = createHub();
  const server = serve({ ...HERE, hub }, {});
  const socket = await connect(server.url);
  await assertMistakes({ call: "send()", kinds: SEND_OPTION_KINDS, invoke: (options) => socket.send("a", options) });
  await assertMistakes({ call: "tap()", kinds: TAP_OPTION_KINDS, invoke: (options) => socket.tap(options) });
  await assertMistakes({
    call: "subscribe()",
    kinds: SUBSCRIBE_OPTION_KINDS,
    invoke: (options) => hub.subscribe(socket, "a", options),
  });
  await assertMistakes({
    call: "publish()",
    kinds: SEND_OPTION_KINDS,
    invoke: (options) => hub.publishFrom(socket, "a", "b", options),
  });
  assertThrows(() => Reflect.apply(hub.subscribe, hub, [socket, 1]), TypeError, "Cannot use topic 1");
  assertThrows(() => Reflect.apply(socket.close, socket, [1000, 1]), TypeError, "close reason");
  await socket.close();
  for (const [name, { takes }] of Object.entries(SHUTDOWN_OPTION_KINDS)) {
    const given = { [name]: takes.includes("number") ? NaN : Symbol("wrong") };
    assertThrows(() => Reflect.apply(server.shutdown, server, [given]), Error, name);
  }
  await server.shutdown();
});

for (const { call, needed = {}, serve } of SERVING) {
  Deno.test(`${call} without a handler, or with an invalid one, throws before anything listens`, () => {
    for (const handler of [undefined, null, "echo", [], 1, new Map()]) {
      const error = assertThrows(() => serve({ ...needed }, handler), TypeError);
      assertStringIncludes(error.message, `${call} needs a handler: a function, or an object with callbacks`);
    }
    assertThrows(() => serve({ ...needed }, { onMessage() {} }), TypeError, 'did you mean "message"?');
    assertThrows(() => serve({ ...needed }, { message: 1 }), TypeError, "it must be a function");
    assertThrows(() => serve({ ...needed, message() {} }, undefined), TypeError, "an argument of its own");
    assertThrows(() => serve(() => {}, needed), TypeError, "options before the handler");
  });
}

Deno.test("serveNode and serveHttp2 throw for an argument that is not a server", () => {
  for (const call of [serveNode, serveHttp2]) {
    assertThrows(() => Reflect.apply(call, undefined, [{}, {}, {}]), TypeError, "it must be a node:http");
  }
});

Deno.test("functions that take a connection, an event or a request throw for any other argument", async () => {
  for (const given of [undefined, null, {}, "socket", { read() {} }, { readable: {} }, { socket: {} }]) {
    for (const call of [accept, acceptNode, acceptHttp2]) {
      const says = `Cannot use the first argument of ${call.name}() `;
      await assertRejects(async () => void await Reflect.apply(call, undefined, [given]), TypeError, says);
    }
    assertThrows(() => Reflect.apply(upgradeRequest, undefined, [given, {}, {}]), TypeError, "it must be a Request");
    assertThrows(() => Reflect.apply(nodeConnection, undefined, [given]), TypeError, "it must be a socket of node:net");
  }
  for (const conn of [null, {}, { readable: {} }, { read() {} }]) {
    await assertRejects(() => Reflect.apply(connect, undefined, [URL_HERE, { conn }]), TypeError, "Cannot use conn ");
  }
});

Deno.test("no number given to reconnecting, a hub or a broker makes a timer spin", () => {
  assertThrows(() => reconnecting(URL_HERE, { delay: { first: NaN } }), RangeError, "delay.first NaN");
  assertThrows(() => reconnecting(URL_HERE, { delay: { most: -1 } }), RangeError, "delay.most -1");
  assertThrows(() => createHub({ unsubscribeDelay: Infinity }), RangeError, "unsubscribeDelay Infinity");
  assertThrows(() => createHub({ history: { messages: NaN } }), RangeError, "history.messages NaN");
  assertThrows(() => Reflect.apply(createHub, undefined, [{ history: {} }]), TypeError, "history.messages is missing");
  assertThrows(() => broadcastBroker("a", { reconnect: { first: NaN } }), RangeError, "reconnect.first NaN");
  assertThrows(() => permessageDeflate({ level: 10 }), RangeError, "level 10");
});

Deno.test("a server and a client accept one subprotocol and one origin as a string", async () => {
  await using server = serve({ ...HERE, protocols: "chat", origins: "https://a.example" }, {});
  await using socket = await connect(server.url, { protocols: "chat", headers: { Origin: "https://a.example" } });
  assertEquals(socket.protocol, "chat");
  await assertRejects(() => connect(server.url, { headers: { Origin: "https://b.example" } }), Error, "403");
  assertThrows(() => serve({ ...HERE, origins: "*" }, {}), TypeError, 'write origins: "any"');
  assertThrows(() => serve({ ...HERE, origins: ["*"] }, {}), TypeError, 'write origins: "any"');
  assertThrows(() => serve({ ...HERE, protocols: "no token" }, {}), DOMException, "not a token");
});

Deno.test("an unknown property in upgrade's return value is the server's error: 500, and reported", async () => {
  const told: unknown[] = [];
  const upgrade = () => Reflect.apply(Object, undefined, [{ protocl: "chat" }]);
  await using server = serve({ ...HERE, upgrade, onError: (error) => void told.push(error) }, {});
  await assertRejects(() => connect(server.url), Error, "500");
  await server.shutdown();
  assertEquals(told.map(String), [
    'TypeError: The answer of upgrade has no option "protocl": did you mean "protocol"?',
  ]);
});
