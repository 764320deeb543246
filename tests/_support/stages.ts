/**
 * Runs stages and streams to their end, and says what came out and what was thrown.
 *
 * @module
 */
import { WebSocketError } from "../../lib/errors.ts";
import type { Stage } from "../../lib/pipeline/stage.ts";

/** What came out before the end, and the error where there was one. */
export interface Outcome<T> {
  /** Everything that came out. */
  output: T[];
  /** What was thrown, or `undefined`. */
  error: unknown;
}

/** Feeds a stage all chunks and ends it. */
export function runStage<In, Out>(stage: Stage<In, Out>, chunks: Iterable<In>): Outcome<Out> {
  const output: Out[] = [];
  try {
    for (const chunk of chunks) stage.push(chunk, output);
    stage.end?.(output);
  } catch (error) {
    return { output, error };
  }
  return { output, error: undefined };
}

/** Reads a stream to its end. */
export async function runStream<T>(stream: ReadableStream<T>): Promise<Outcome<T>> {
  const output: T[] = [];
  try {
    for await (const chunk of stream) output.push(chunk);
  } catch (error) {
    return { output, error };
  }
  return { output, error: undefined };
}

/** The same with the error's close code in its place; anything but a `WebSocketError` is thrown again. */
export function withCloseCode<T>({ output, error }: Outcome<T>): { output: T[]; closeCode: number | undefined } {
  if (error === undefined) return { output, closeCode: undefined };
  if (!(error instanceof WebSocketError)) throw error;
  return { output, closeCode: error.closeCode ?? undefined };
}
