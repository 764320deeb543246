/**
 * A stage of the pipeline: pure, fed one chunk at a time, with no streams, no clock and no I/O.
 *
 * @module
 */

/**
 * Reads chunks and appends what they complete to the caller's array. A stage never writes to the peer.
 *
 * If a chunk contains something illegal, `push` first appends everything before it, then throws. The result is the same however
 * the input was cut. Do not push to a stage that has thrown.
 */
export interface Stage<In, Out> {
  /** Takes a chunk and appends what it completes to `output`. */
  push(input: In, output: Out[]): void;
  /** Says that the input ended. Throws if it ended too early. */
  end?(output: Out[]): void;
}

/**
 * Combines two stages into one: each chunk runs through both before the next.
 *
 * @example From bytes to messages
 * ```ts
 * import { composeStages, FrameParser } from "@sluice/websocket/frames";
 * import { type Message, MessageAssembler } from "@sluice/websocket/messages";
 * import { assertEquals } from "@std/assert";
 *
 * const messages: Message[] = [];
 * const stage = composeStages(new FrameParser({ role: "client" }), new MessageAssembler());
 * stage.push(Uint8Array.of(0x81, 0x02, 0x68, 0x69), messages);
 * assertEquals(messages, ["hi"]);
 * ```
 *
 * @param first The stage that receives the input.
 * @param second The stage that receives the batches of the first.
 * @returns The combined stage.
 */
export function composeStages<In, Between, Out>(
  first: Stage<In, Between>,
  second: Stage<Between[], Out>,
): Stage<In, Out> {
  const run = (step: (batch: Between[]) => void, output: Out[]) => {
    const batch: Between[] = [];
    try {
      step(batch);
    } finally {
      // Deliver what came before an error first.
      if (batch.length > 0) second.push(batch, output);
    }
  };
  return {
    push: (input, output) => run((batch) => first.push(input, batch), output),
    end: (output) => {
      run((batch) => first.end?.(batch), output);
      second.end?.(output);
    },
  };
}
