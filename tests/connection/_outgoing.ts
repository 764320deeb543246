/**
 * The way out by itself, and what its writes are.
 *
 * @module
 */
import { DEFAULT_LIMITS, type Limits } from "../../lib/limits.ts";
import { Outgoing, type OutgoingOptions, type Write } from "../../lib/connection/outgoing.ts";
import type { Frame, Role } from "../../lib/pipeline/frames/frame.ts";
import { concat } from "../_support/bytes.ts";
import { lines } from "../_support/frames.ts";
import { naiveFrames } from "../_support/naive_frames.ts";

/** A masking key. */
export const KEY = 0x37fa213d;

/** How it is made. */
export type OutgoingSetup = Partial<Omit<OutgoingOptions, "limits"> & Limits>;

/** The way out, of a server unless something else is said, with low limits. */
export function outgoing({ role = "server", ...options }: OutgoingSetup = {}): Outgoing {
  const limits = { ...DEFAULT_LIMITS, highWaterMark: 1000, maxQueuedBytes: 10_000, ...options };
  return new Outgoing({ maskKey: () => KEY, ...options, role, limits });
}

/** All writes that are left. None is done before all are taken, so that their bytes stay as they are. */
export function takeAll(under: Outgoing): Write[] {
  const writes: Write[] = [];
  for (let write = under.take(); write !== undefined; write = under.take()) writes.push(write);
  return writes;
}

/** The bytes of writes, copied. */
export function bytesOf(writes: readonly Write[]): Uint8Array<ArrayBuffer> {
  return concat(writes.map(({ bytes }) => bytes));
}

/** The frames of writes, as lines, read by the naive reader. */
export function framesOf(writes: readonly Write[], sender: Role = "server"): string[] {
  const receiver = sender === "server" ? "client" : "server";
  return lines(naiveFrames(bytesOf(writes), receiver).frames);
}

/** Takes all, says that it is written, and gives its frames as lines. */
export function sendAll(under: Outgoing, sender: Role = "server"): string[] {
  const writes = takeAll(under);
  const frames = framesOf(writes, sender);
  for (const write of writes) under.written(write);
  return frames;
}

/** Queues a frame of a message as it is, which always has room in these tests. */
export function queue(under: Outgoing, ...frames: Frame[]): void {
  for (const frame of frames) under.frame(frame);
}
