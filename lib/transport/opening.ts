/**
 * What both sides need from a transport for the opening handshake: reading a head, a timeout, and a last response that the peer
 * can still read.
 *
 * @module
 */
import { defer } from "../async.ts";
import { ConnectionError } from "../errors.ts";
import { type Transport, writeAll } from "./transport.ts";

/** Reads a head from bytes. `lib/handshake/http_head.ts` has one for each side. */
export interface HeadReader<Head> {
  /** Takes bytes. Returns the head once it is complete. */
  push(bytes: Uint8Array): Head | undefined;
}

/** A refused peer may take this many milliseconds, and send this many bytes, before the transport is closed. */
const LINGER_TIME = 2_000;
const LINGER_BYTES = 256 * 1024;

/**
 * Reads a head.
 *
 * @param transport The transport.
 * @param reader The parser, with its limits.
 * @param early Bytes that were already read from the transport.
 * @returns The head. The reader has the bytes behind it.
 * @throws {ConnectionError} If the transport ends first or fails.
 */
export async function readHead<Head>(
  transport: Transport,
  reader: HeadReader<Head>,
  early?: Uint8Array<ArrayBuffer>,
): Promise<Head> {
  let head = early === undefined ? undefined : reader.push(early);
  const { direct } = transport;
  while (head === undefined) {
    if (direct === undefined) {
      head = reader.push(await readOn(transport));
      continue;
    }
    let count: number | null;
    try {
      count = await direct.readInto(direct.buffer.writableView);
    } catch (cause) {
      throw lost(cause);
    }
    if (count === null) throw endedEarly();
    head = reader.push(direct.buffer.take(count));
    direct.buffer.advance(count, { kept: false }); // the reader keeps no view of it
  }
  return head;
}

/**
 * Reads the next bytes.
 *
 * @param transport The transport.
 * @returns Some bytes of the handshake.
 * @throws {ConnectionError} If the transport ends or fails.
 */
export async function readOn(transport: Transport): Promise<Uint8Array<ArrayBuffer>> {
  let bytes: Uint8Array<ArrayBuffer> | null;
  try {
    bytes = await transport.read();
  } catch (cause) {
    throw lost(cause);
  }
  if (bytes === null) throw endedEarly();
  return bytes;
}

/**
 * Writes a head: a request, or the response that opens the connection.
 *
 * @param transport The transport.
 * @param bytes The head.
 * @throws {ConnectionError} If the transport fails.
 */
export function writeHead(transport: Transport, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  return writeAll(transport, bytes).catch((cause) => {
    throw lost(cause);
  });
}

/** The error for a transport that fails during the handshake. */
export function lost(cause: unknown): ConnectionError {
  return new ConnectionError("The connection was lost during the handshake", { cause });
}

function endedEarly(): ConnectionError {
  return new ConnectionError("The connection ended before the end of the handshake");
}

/**
 * Runs work with a timeout and a signal. Neither outlives the work.
 *
 * @param work The work.
 * @param options The time in milliseconds (0: none), the error after that time, and a signal that aborts the work earlier. If the
 *    work was given up and still has a result, that is passed to `discard`.
 * @returns The result of the work.
 */
export async function withDeadline<T>(
  work: Promise<T>,
  options: {
    time: number;
    late: () => unknown;
    signal?: AbortSignal | undefined;
    discard?: (result: T, reason: unknown) => void;
  },
): Promise<T> {
  const { time, late, signal, discard } = options;
  const stop = defer<never>();
  const onAbort = () => stop.reject(signal?.reason);
  const timer = time === 0 ? undefined : setTimeout(() => stop.reject(late()), time);
  if (signal?.aborted) onAbort();
  signal?.addEventListener("abort", onAbort);
  try {
    return await Promise.race([work, stop.promise]);
  } catch (error) {
    if (discard !== undefined) work.then((result) => discard(result, error), () => {});
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

/**
 * Writes a last response and closes the transport. For a moment, it still reads and discards what the peer sends: closing with
 * unread bytes would reset the connection, and the peer might never read the response.
 *
 * @param transport The transport, which is closed afterwards.
 * @param bytes The response, unless it was written already.
 */
export async function answerAndEnd(transport: Transport, bytes?: Uint8Array<ArrayBuffer>): Promise<void> {
  const say = async () => {
    if (bytes !== undefined) await writeAll(transport, bytes);
    await transport.closeWrite();
    let dropped = 0;
    for (let rest = await transport.read(); rest !== null; rest = await transport.read()) {
      dropped += rest.length;
      if (dropped > LINGER_BYTES) break;
    }
  };
  try {
    await withDeadline(say(), { time: LINGER_TIME, late: () => new ConnectionError("The peer did not end") });
  } catch {
    // The peer is gone, or does not close. Nothing more can be sent to it.
  } finally {
    transport.close();
  }
}
