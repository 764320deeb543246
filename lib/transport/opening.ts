/**
 * What the opening handshake needs of a transport, on either side: a head, a deadline, and an end that the peer gets to read.
 *
 * @module
 */
import { defer } from "../async.ts";
import { ConnectionError } from "../errors.ts";
import { type Transport, writeAll } from "./transport.ts";

/** Reads a head from bytes. `lib/handshake/http_head.ts` has one for each side. */
export interface HeadReader<Head> {
  /** Takes bytes; gives the head once it is complete. */
  push(bytes: Uint8Array): Head | undefined;
  /** What came behind the head. */
  readonly rest: Uint8Array<ArrayBuffer>;
}

/** A refused peer may take this long, and send this much, before the transport is closed under it. */
const LINGER_TIME = 2_000;
const LINGER_BYTES = 256 * 1024;

/**
 * Reads a head.
 *
 * @param transport Where from.
 * @param reader What reads it, with its limits.
 * @param early What was read of the transport already.
 * @returns The head. What came behind it is the reader's `rest`.
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
 * Reads what comes next.
 *
 * @param transport Where from.
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
 * Writes a head: a request, or the answer that opens the connection.
 *
 * @param transport Where to.
 * @param bytes The head.
 * @throws {ConnectionError} If the transport fails.
 */
export function writeHead(transport: Transport, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  return writeAll(transport, bytes).catch((cause) => {
    throw lost(cause);
  });
}

/** What a transport that fails means for a handshake. */
export function lost(cause: unknown): ConnectionError {
  return new ConnectionError("The connection was lost during the handshake", { cause });
}

function endedEarly(): ConnectionError {
  return new ConnectionError("The connection ended before the end of the handshake");
}

/**
 * Gives work a deadline and a signal, and lets neither outlive it.
 *
 * @param work What is to be done.
 * @param options The time in milliseconds (0: none), the error at its end, and a signal that ends it sooner.
 * @returns What the work resolves to.
 */
export async function withDeadline<T>(
  work: Promise<T>,
  options: { time: number; late: () => unknown; signal?: AbortSignal | undefined },
): Promise<T> {
  const { time, late, signal } = options;
  const stop = defer<never>();
  const onAbort = () => stop.reject(signal?.reason);
  const timer = time === 0 ? undefined : setTimeout(() => stop.reject(late()), time);
  if (signal?.aborted) onAbort();
  signal?.addEventListener("abort", onAbort);
  try {
    return await Promise.race([work, stop.promise]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

/**
 * Writes a last answer and ends the transport. What the peer still sends is read and dropped for a moment: to close over unread
 * bytes would reset the connection, and the peer might never read the answer.
 *
 * @param transport The transport, which is closed afterwards.
 * @param bytes The answer, unless it is written already.
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
    // The peer is gone, or does not go: nothing more can be sent to it.
  } finally {
    transport.close();
  }
}
