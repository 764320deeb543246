/**
 * A stage of the pipeline: pure, fed one chunk at a time, with no streams, no clock and no I/O.
 *
 * @module
 */

/**
 * Reads chunks and appends what they complete to the caller's array. A stage never writes to the peer.
 *
 * Where a chunk holds something illegal, `push` first appends all that came before it, then throws: the result is the same
 * however the input was cut. A stage that has thrown must not be pushed again.
 */
export interface Stage<In, Out> {
  /** Takes a chunk and appends what it completes to `output`. */
  push(input: In, output: Out[]): void;
  /** Says that the input ended. Throws where it ended too early. */
  end?(output: Out[]): void;
}

/**
 * Two stages as one: each chunk runs through both before the next.
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
 * @param first The stage that is fed.
 * @param second The stage that is fed with the first one's batches.
 * @returns The stage that does both.
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
      // What came before an error is delivered before it.
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
