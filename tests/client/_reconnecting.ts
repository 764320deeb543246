/**
 * A client that comes back, over servers in memory and with a clock that stands still.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import type { ConnectOptions } from "../../lib/client/client_options.ts";
import type { ReconnectingState } from "../../lib/client/reconnecting_connection.ts";
import { Reconnector, type ReconnectorInit } from "../../lib/client/reconnector.ts";
import { ConnectionError } from "../../lib/errors.ts";
import { type ReconnectLimits, resolveReconnectLimits } from "../../lib/limits.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { accept } from "../../lib/server/accept.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { connPair } from "../_support/pair.ts";
import { settle, soon } from "../_support/wait.ts";

/** An attempt to connect, which a test answers. */
export interface Attempt {
  /** Accepts it: the server's end. */
  accept(): Promise<WebSocketConnection>;
  /** Lets it fail. */
  fail(error: unknown): void;
}

/** Limits with no timer. */
export const QUIET = { pingInterval: 0, handshakeTimeout: 0, messageTimeout: 0 };

/** What a test plays with. */
export interface Play extends Disposable {
  /** The clock. */
  readonly time: FakeTime;
  /** What is tested. */
  readonly connection: Reconnector<unknown>;
  /** Each change of state. */
  readonly states: ReconnectingState[];
  /** How many attempts were made. */
  readonly attempts: number;
  /** The next attempt, which must have begun. */
  attempt(): Attempt;
  /** The server's end of the next attempt, which is accepted. */
  accepted(): Promise<WebSocketConnection>;
}

/**
 * A connection over servers in memory, a clock that stands still, and waits at the end of their range.
 *
 * @param options What it is made of.
 * @param each Options of each connection, and the bytes that its transport holds each way.
 */
export function play(
  options: Partial<Omit<ReconnectorInit<unknown>, "limits">> & { limits?: Partial<ReconnectLimits> } = {},
  each: ConnectOptions & { capacity?: number } = {},
): Play {
  const time = new FakeTime();
  const attempts: Attempt[] = [];
  const states: ReconnectingState[] = [];
  let taken = 0;
  const connection = new Reconnector<unknown>({
    open(signal) {
      const opened = Promise.withResolvers<WebSocketConnection>();
      signal.addEventListener("abort", () => opened.reject(signal.reason));
      if (signal.aborted) opened.reject(signal.reason);
      attempts.push({
        async accept() {
          const { capacity, ...more } = each;
          const [here, there] = connPair(capacity);
          const accepting = accept(there, QUIET);
          opened.resolve(connect("ws://example.com/", { ...QUIET, ...more, conn: here }));
          const socket = await soon(accepting, "The handshake");
          await settle();
          return socket;
        },
        fail: opened.reject,
      });
      return opened.promise;
    },
    highWaterMark: 1024,
    closeTimeout: 10_000,
    delay: { first: 1_000, most: 8_000, random: () => 1 },
    signal: undefined,
    ...options,
    limits: resolveReconnectLimits(options.limits),
    onState(connection) {
      states.push(connection.state);
      return options.onState?.(connection);
    },
  });
  const attempt = () => {
    assert(attempts.length > taken, "No attempt was made");
    return attempts[taken++]!;
  };
  return {
    time,
    connection,
    states,
    get attempts() {
      return attempts.length;
    },
    attempt,
    accepted: () => attempt().accept(),
    [Symbol.dispose]() {
      time[Symbol.dispose]();
    },
  };
}

/** Reads as many messages. */
export async function read(messages: AsyncIterable<unknown>, count: number): Promise<unknown[]> {
  const iterator = messages[Symbol.asyncIterator]();
  const all: unknown[] = [];
  while (all.length < count) all.push((await soon(iterator.next(), "A message")).value);
  return all;
}

/** Why an attempt fails. */
export const AWAY: Error = new ConnectionError("Cannot connect");

/** Ends a play, and sees that nothing is left of it. */
export async function end({ connection, time }: Play): Promise<void> {
  const closing = connection.close();
  await time.advance(10_000);
  await soon(closing, "The end");
  assertEquals([connection.state, time.timers], ["closed", 0]);
}
