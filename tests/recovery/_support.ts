/**
 * What the tests of recovery share: entries, a log in the test's hands, and clients of a hub in memory.
 *
 * @module
 */
import type { LogEntry, LogPage, Position, ReadLimit } from "../../lib/recovery/log.ts";
import { decodeFromServer, encodeFact, type FromServer, RECOVERY_PROTOCOL } from "../../lib/recovery/protocol.ts";
import { createRecoverableHub } from "../../lib/recovery/recoverable_hub.ts";
import type {
  RecoverableCallbacks,
  RecoverableHub,
  RecoverableHubOptions,
} from "../../lib/recovery/recoverable_options.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { FaultyMemoryLog } from "../../lib/testing/faulty_log.ts";
import { type ConnectedPair, connectedPair } from "../../lib/testing/connected_pair.ts";
import type { ConnectedPairOptions } from "../../lib/testing/testing_options.ts";

/** Entries with these numbers, one after the other. */
export function entriesOf(from: number, offsets: readonly number[]): LogEntry[] {
  return offsets.map((offset, i) => ({ offset, previous: offsets[i - 1] ?? from, data: `message ${offset}` }));
}

/** A log in memory that a test can hold, lose and count. */
export class TestLog extends FaultyMemoryLog {
  /** Is waited for before each read. */
  gate: Promise<void> | undefined;
  /** Reads after a smaller number fail. */
  failsBefore = 0;
  /** What is read instead. */
  answer: Promise<LogPage> | undefined;

  override async read(topic: string, after: number, limit: ReadLimit): Promise<LogPage> {
    const { answer } = this;
    await this.gate;
    if (after < this.failsBefore) throw new Error("gone");
    return await (answer ?? super.read(topic, after, limit));
  }
}

/** A hub whose mistakes fail the test, unless it notes them. */
export function recoverableHub(options: RecoverableHubOptions): RecoverableHub {
  return createRecoverableHub({
    onError: (error) =>
      queueMicrotask(() => {
        throw error;
      }),
    ...options,
  });
}

/** A client that speaks the subprotocol by hand. */
export interface Speaker extends AsyncDisposable {
  readonly client: WebSocketConnection;
  readonly server: WebSocketConnection;
  /** Subscribes. */
  subscribe(topic: string, position?: Position): void;
  /** What the server says next. */
  next(): Promise<FromServer>;
  /** The data of so many messages. */
  data(count: number): Promise<Message[]>;
}

/** Connects a client to a hub. */
export async function speaker(
  hub: RecoverableHub,
  callbacks: RecoverableCallbacks = {},
  options: ConnectedPairOptions = {},
): Promise<Speaker> {
  const pair: ConnectedPair = await connectedPair({
    ...options,
    client: { protocols: RECOVERY_PROTOCOL },
    server: { protocols: RECOVERY_PROTOCOL, ...options.server },
    handler: hub.handlers(callbacks),
  });
  const messages = pair.client[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await messages.next();
    if (done) throw new Error("The server closed the connection");
    const said = decodeFromServer(value);
    if (said === undefined) throw new Error(`The server said ${value}`);
    return said;
  };
  return {
    client: pair.client,
    server: pair.server,
    subscribe: (topic, position) => void pair.client.send(encodeFact({ type: "subscribe", topic, position })),
    next,
    async data(count) {
      const data: Message[] = [];
      while (data.length < count) {
        const said = await next();
        if (said.type !== "message") throw new Error(`The server said ${JSON.stringify(said)} after ${data}`);
        data.push(said.data);
      }
      return data;
    },
    [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose](),
  };
}
