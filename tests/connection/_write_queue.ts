/**
 * A write queue over a connection in memory.
 *
 * @module
 */
import { transportOf } from "../../lib/transport/transport.ts";
import { WriteQueue, type WriteQueueOptions } from "../../lib/connection/write_queue.ts";
import { connPair, type MemoryConn } from "../_support/pair.ts";
import { RawPeer } from "../_support/raw_peer.ts";

/** The queue, and both ends of its connection. */
export interface Setup {
  queue: WriteQueue;
  conn: MemoryConn;
  peer: RawPeer;
  /** What the queue called, in order. */
  events: unknown[];
}

/** A queue over a connection in memory that holds `capacity` bytes. */
export function setup(options: Partial<WriteQueueOptions> & { capacity?: number } = {}): Setup {
  const [conn, far] = connPair(options.capacity);
  const events: unknown[] = [];
  const queue: WriteQueue = new WriteQueue(transportOf(conn), {
    highWaterMark: 1000,
    maxQueuedBytes: 10_000,
    maskKey: undefined,
    failed(error) {
      events.push(error);
      queue.end(error);
    },
    drained: () => void events.push("drained"),
    ...options,
  });
  return { queue, conn, events, peer: new RawPeer(far, options.maskKey === undefined ? "client" : "server") };
}

/** A masking key. */
export const KEY = 0x37fa213d;
