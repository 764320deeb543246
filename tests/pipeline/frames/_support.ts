/**
 * Reading with a parser: to the end, or by one push.
 *
 * @module
 */
import type { Frame, Role } from "../../../lib/pipeline/frames/frame.ts";
import { FrameParser, type FrameParserOptions } from "../../../lib/pipeline/frames/frame_parser.ts";
import { lines } from "../../_support/frames.ts";
import { runStage, withCloseCode } from "../../_support/stages.ts";

/** Both roles. */
export const ROLES: readonly Role[] = ["server", "client"];

/** The role at the other end. */
export function other(role: Role): Role {
  return role === "server" ? "client" : "server";
}

/** Reads chunks to the end: the frames as lines, and the close code of the error. */
export function read(
  options: FrameParserOptions,
): (chunks: Uint8Array<ArrayBuffer>[]) => [string[], number | undefined] {
  return (chunks) => {
    const { output, closeCode } = withCloseCode(runStage(new FrameParser(options), chunks));
    return [lines(output), closeCode];
  };
}

/** The frames that one push completes. */
export function push(parser: FrameParser, bytes: Uint8Array<ArrayBuffer>): Frame[] {
  const frames: Frame[] = [];
  parser.push(bytes, frames);
  return frames;
}
