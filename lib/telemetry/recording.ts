/**
 * Reads and checks the lines of a recording that `socket.tap()` wrote. A recording may come from an untrusted source.
 *
 * @module
 */
import { decodeBase64 } from "../pipeline/bytes/base64.ts";
import type { Limits } from "../limits.ts";
import type { Role } from "../pipeline/frames/frame.ts";
import type { Direction } from "../connection/watch/observer.ts";
import { TAP_VERSION } from "../connection/watch/tap.ts";

/** The facts in the first line that are needed for reading. */
export interface RecordingFacts {
  /** The role of the recorded end. */
  readonly role: Role;
  /** The negotiated extensions, as in the header of the response. */
  readonly extensions: string;
  /** The limits that applied to what was read. */
  readonly limits: Pick<Limits, "maxMessageBytes" | "maxFragments" | "maxEmptyFragments">;
}

/** A line. */
export type Recording =
  /** The first line. */
  | { readonly facts: RecordingFacts }
  /** A read or a write; without bytes, a frame in it. */
  | { readonly ms: number; readonly way: Direction; readonly bytes: Uint8Array<ArrayBuffer> | undefined }
  /** Lines are missing here. */
  | { readonly ms: number; readonly lost: number }
  /** The last line. */
  | { readonly ms: number; readonly closed: true };

/**
 * Reads a line.
 *
 * @param text The line.
 * @param number The number of the line, for the error.
 * @throws {TypeError} If the line is not part of a recording.
 */
export function readLine(text: string, number: number): Recording {
  const line = parse(text);
  if (line !== undefined && "tap" in line) return { facts: readFacts(line, number) };
  const { ms, way, bytes, lost, closed } = line ?? {};
  if (typeof ms === "number") {
    if (typeof lost === "number") return { ms, lost };
    if (closed !== undefined) return { ms, closed: true };
    if (way === "in" || way === "out") {
      if (bytes === undefined) return { ms, way, bytes: undefined };
      const read = typeof bytes === "string" ? decodeBase64(bytes) : undefined;
      if (read !== undefined) return { ms, way, bytes: read };
    }
  }
  throw new TypeError(`Line ${number} is not part of a recording`);
}

function readFacts(line: Readonly<Record<string, unknown>>, number: number): RecordingFacts {
  const { tap, role, extensions, standard, limits } = line;
  if (tap !== TAP_VERSION) {
    throw new TypeError(`Line ${number} is of version ${tap}, but only version ${TAP_VERSION} is supported`);
  }
  if (standard === false) throw new TypeError("Cannot replay: the frames are of a draft, not of RFC 6455");
  if ((role !== "client" && role !== "server") || typeof extensions !== "string" || !isRecord(limits)) {
    throw new TypeError(`Line ${number} is not the start of a recording`);
  }
  // JSON has no `Infinity`.
  const limit = (name: keyof RecordingFacts["limits"]) => typeof limits[name] === "number" ? limits[name] : Infinity;
  return {
    role,
    extensions,
    limits: {
      maxMessageBytes: limit("maxMessageBytes"),
      maxFragments: limit("maxFragments"),
      maxEmptyFragments: limit("maxEmptyFragments"),
    },
  };
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
