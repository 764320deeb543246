/**
 * Tools for the tests of an application: both ends of a connection in memory, a peer that violates the protocol on request, and a
 * fake clock. They need no port, no permissions and no sleeps, and work with any test runner and runtime.
 *
 * | | |
 * | ------------------------------------------ | -------------------------------------------------------------------- |
 * | {@linkcode connectedPair} | a client and a server, or a handler, that talk to each other |
 * | {@linkcode rawClient}, {@linkcode rawServer} | one end, and a raw peer that violates the protocol on request |
 * | {@linkcode rawPeer} | such a peer over any connection, before the handshake |
 * | {@linkcode fakeTime} | keepalive, timeouts and delays without waiting |
 * | {@linkcode faultyLog} | a log for topics that catch up, which fails on demand |
 * | {@linkcode memoryPair} | a bounded connection in memory, for `accept` and `connect` |
 * | {@linkcode soon}, {@linkcode until}, {@linkcode settle} | functions that wait, fail with a clear name and never hang |
 *
 * @example The tests of a handler
 * ```ts
 * import { connectedPair, fakeTime, ping, pong, rawClient, text } from "@sluice/websocket/testing";
 * import type { WebSocketHandler } from "@sluice/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * const shout: WebSocketHandler = { message: (socket, data) => void socket.send(String(data).toUpperCase()) };
 *
 * // The handler answers in upper case.
 * {
 *   await using pair = await connectedPair({ handler: shout });
 *   await pair.client.send("hello");
 *   assertEquals((await pair.client[Symbol.asyncIterator]().next()).value, "HELLO");
 * }
 *
 * // A client that does not mask gets close code 1002.
 * {
 *   await using raw = await rawClient({ handler: shout });
 *   await raw.peer.send(ping("there?"), text("hello", { masked: false }));
 *   await raw.peer.expect(pong("there?"));
 *   await raw.peer.expectClose(1002);
 * }
 *
 * // A client that vanishes is detected.
 * {
 *   using time = fakeTime();
 *   await using raw = await rawClient({ handler: shout, server: { pingInterval: 20_000, pongTimeout: 20_000 } });
 *   await time.advance(40_000);
 *   assertEquals((await raw.server.closed).closeCode, 1006);
 * }
 * ```
 *
 * @module
 */
export { type ConnectedPair, connectedPair } from "./connected_pair.ts";
export {
  type ConnectedPairOptions,
  type UpgradedClientOptions,
  type UpgradedPairOptions,
  type UpgradedServer,
} from "./testing_options.ts";
export { ExpectationError } from "./wait.ts";
export { type FaultyLog, faultyLog } from "./faulty_log.ts";
export { type FakeTime, fakeTime } from "./fake_time.ts";
export { type FakeTimeOptions } from "./testing_options.ts";
export type { HandledOptions } from "./handled.ts";
export { type MemoryEnd, memoryPair } from "./memory_pair.ts";
export { type MemoryPairOptions } from "./testing_options.ts";
export {
  binary,
  closeFrame,
  continuation,
  ping,
  pong,
  type RawFrame,
  rawFrame,
  type RawFrameOptions,
  type RawPayload,
  text,
} from "./raw_frame.ts";
export { fieldOf, type HeadFields, requestText, responseText } from "./raw_handshake.ts";
export { type RawClient, rawClient, type RawServer, rawServer } from "./raw_pair.ts";
export { type RawClientOptions, type RawPairOptions, type RawServerOptions } from "./testing_options.ts";
export { type RawPart, type RawPeer, rawPeer } from "./raw_peer.ts";
export { type RawPeerOptions } from "./testing_options.ts";
export { settle, soon, until } from "./wait.ts";
