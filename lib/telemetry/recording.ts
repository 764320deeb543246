/**
 * The lines of a recording, as `socket.tap()` writes them, read back and checked: they may come from anybody.
 *
 * @module
 */
import { decodeBase64 } from "../pipeline/bytes/base64.ts";
import type { Limits } from "../limits.ts";
import type { Role } from "../pipeline/frames/frame.ts";
import type { Direction } from "../connection/watch/observer.ts";
import { TAP_VERSION } from "../connection/watch/tap.ts";

/** What the first line says, as far as reading back needs it. */
export interface RecordingFacts {
  /** Which end was recorded. */
  readonly role: Role;
  /** The extensions that were agreed on, as in the answer's header. */
  readonly extensions: string;
  /** The limits that decided about what was read. */
  readonly limits: Pick<Limits, "maxMessageBytes" | "maxFragments" | "maxEmptyFragments">;
}

/** One line. */
export type Recording =
  /** The first. */
  | { readonly facts: RecordingFacts }
  /** A read or a write, or with no bytes a frame in it. */
  | { readonly ms: number; readonly way: Direction; readonly bytes: Uint8Array<ArrayBuffer> | undefined }
  /** Lines that are missing here. */
  | { readonly ms: number; readonly lost: number }
  /** The last. */
  | { readonly ms: number; readonly closed: true };

/**
 * Reads a line.
 *
 * @param text The line.
 * @param number Its number, for the error.
 * @throws {TypeError} If it is none of a recording.
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
  throw new TypeError(`Line ${number} is not one of a recording`);
}

function readFacts(line: Readonly<Record<string, unknown>>, number: number): RecordingFacts {
  const { tap, role, extensions, standard, limits } = line;
  if (tap !== TAP_VERSION) throw new TypeError(`Line ${number} is of version ${tap}, and ${TAP_VERSION} is read here`);
  if (standard === false) throw new TypeError("Cannot replay: the frames are of a draft, not of RFC 6455");
  if ((role !== "client" && role !== "server") || typeof extensions !== "string" || !isRecord(limits)) {
    throw new TypeError(`Line ${number} is not the start of a recording`);
  }
  // JSON has no Infinity.
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
