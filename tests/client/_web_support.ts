/**
 * What the tests of the web's classes share: an object of theirs in memory, with a raw peer as its server.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import type { ConnectOptions, WebSocketStreamOptions } from "../../lib/client/client_options.ts";
import { WebSocketStream } from "../../lib/client/websocket_stream.ts";
import { type WebSocketCloseInfo, WebSocketError } from "../../lib/errors.ts";
import { connPair, type MemoryConn } from "../_support/pair.ts";
import { close, RawPeer } from "../_support/raw_peer.ts";
import { soon } from "../_support/wait.ts";

/** The URL of whatever is opened in memory. */
export const URL_HERE = "ws://example.com/chat?x=1";

/** Options that every class takes in the same way. */
export type CommonOptions = Omit<ConnectOptions, "protocols" | "data">;

/** Options to be opened with in memory, and the ends of it. */
export interface Ends {
  options: CommonOptions;
  /** The server, which has not answered yet. */
  peer: RawPeer;
  /** The client's end of the transport. */
  conn: MemoryConn;
  /** The server's end. */
  far: MemoryConn;
}

/** Makes both ends of a transport whose ways hold `capacity` bytes each, with no keepalive. */
export function ends(options: CommonOptions = {}, capacity?: number): Ends {
  const [conn, far] = connPair(capacity);
  return { options: { pingInterval: 0, conn, ...options }, peer: new RawPeer(far, "server"), conn, far };
}

/** How a server is. */
export interface Server {
  /** Bytes that each way of the transport holds. */
  capacity?: number;
  /** More header lines of its answer. */
  fields?: string[];
}

/** Answers a close frame, which must be this one, with the same one, and ends the transport. */
export async function answerClose(peer: RawPeer, code?: number, reason = ""): Promise<void> {
  await peer.expect(close(code, reason));
  await peer.send(close(code, reason));
  await peer.closeWrite();
}

/** A stream that is open, and its server. */
export async function openStream(options: WebSocketStreamOptions = {}, { capacity, fields = [] }: Server = {}) {
  const { protocols = [], ...common } = options;
  const { options: all, peer, conn, far } = ends(common, capacity);
  const stream = new WebSocketStream(URL_HERE, { protocols, ...all });
  const head = await peer.answer(...fields);
  const { readable, writable, ...agreed } = await soon(stream.opened, "The opening");
  return { stream, readable, writable, agreed, head, peer, conn, far };
}

/** How a stream ended. */
export function closed(stream: WebSocketStream): Promise<Required<WebSocketCloseInfo>> {
  return soon(stream.closed, "The end");
}

/** With what a stream ended that did not end cleanly. */
export function unclean(stream: WebSocketStream): Promise<WebSocketError> {
  return assertRejects(() => closed(stream), WebSocketError);
}

/** Checks that an error is a `WebSocketError` and none of its subclasses, as a program sees it that knows only the draft. */
export function assertPlain(error: WebSocketError): void {
  assertEquals([error.constructor, error.name, error.code], [WebSocketError, "WebSocketError", 0]);
}

/** Calls with arguments that TypeScript would not let through. */
export function loosely(call: (...args: never[]) => unknown, ...args: unknown[]): unknown {
  return Reflect.apply(call, undefined, args);
}

/** Constructs with arguments that TypeScript would not let through. */
export function construct(Class: new (...args: never[]) => unknown, ...args: unknown[]): unknown {
  return Reflect.construct(Class, args);
}

/** The name of the error that a call throws. */
export function thrownName(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
  return "nothing";
}
