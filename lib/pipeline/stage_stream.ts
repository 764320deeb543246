/**
 * Stages as web streams.
 *
 * @module
 */
import { composeStages, type Stage } from "./stage.ts";

/**
 * A `TransformStream` that runs a stage. Each output chunk is the batch that one input chunk completed. If an input chunk
 * completes nothing, no chunk is output.
 *
 * A batch that ends in an error is output before the stream errors. The readable side's default high-water mark is 0, so a chunk
 * is transformed only when a reader waits for it, and the batch cannot be discarded with the queue.
 *
 * @example A custom stage
 * ```ts
 * import { type Stage, StageStream } from "@sluice/websocket/frames";
 * import { assertEquals } from "@std/assert";
 *
 * const upperCase: Stage<string[], string> = {
 *   push: (batch, output) => void output.push(...batch.map((message) => message.toUpperCase())),
 * };
 * const batches = ReadableStream.from([["a", "b"], [], ["c"]]).pipeThrough(new StageStream(upperCase));
 * assertEquals(await Array.fromAsync(batches), [["A", "B"], ["C"]]);
 * ```
 */
export class StageStream<In, Out> extends TransformStream<In, Out[]> {
  /**
   * Makes the stream.
   *
   * @param stage The stage to run.
   */
  constructor(stage: Stage<In, Out>) {
    const run = (step: (batch: Out[]) => void, controller: TransformStreamDefaultController<Out[]>) => {
      const batch: Out[] = [];
      try {
        step(batch);
      } finally {
        if (batch.length > 0) controller.enqueue(batch);
      }
    };
    super({
      transform: (chunk, controller) => run((batch) => stage.push(chunk, batch), controller),
      flush: (controller) => run((batch) => stage.end?.(batch), controller),
    });
  }
}

/**
 * Runs several stages in one `TransformStream`: one hop between streams instead of one for each stage. A hop costs a single small
 * request about 15 % and a connection 5 to 10 KB.
 *
 * @example From bytes to messages in one hop
 * ```ts
 * import { FrameParser } from "@sluice/websocket/frames";
 * import { MessageAssembler } from "@sluice/websocket/messages";
 * import { pipeStages } from "@sluice/websocket/pipeline";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new Blob([Uint8Array.of(0x81, 0x02, 0x68, 0x69)]).stream();
 * const messages = bytes.pipeThrough(pipeStages(new FrameParser({ role: "client" }), new MessageAssembler()));
 * assertEquals(await Array.fromAsync(messages), [["hi"]]);
 * ```
 *
 * @param stages The stages, in the order of the flow.
 * @returns A stream that takes the input of the first stage and outputs the batches of the last.
 */
export function pipeStages<A, B>(a: Stage<A, B>): TransformStream<A, B[]>;
/** Runs two stages in one `TransformStream`. */
export function pipeStages<A, B, C>(a: Stage<A, B>, b: Stage<B[], C>): TransformStream<A, C[]>;
/** Runs three stages in one `TransformStream`. */
export function pipeStages<A, B, C, D>(
  a: Stage<A, B>,
  b: Stage<B[], C>,
  c: Stage<C[], D>,
): TransformStream<A, D[]>;
export function pipeStages<A, B, C, D>(
  a: Stage<A, B>,
  b?: Stage<B[], C>,
  c?: Stage<C[], D>,
): TransformStream<A, B[]> | TransformStream<A, C[]> | TransformStream<A, D[]> {
  if (b === undefined) return new StageStream(a);
  if (c === undefined) return new StageStream(composeStages(a, b));
  return new StageStream(composeStages(composeStages(a, b), c));
}
