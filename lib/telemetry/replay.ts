/**
 * Runs a recording of `socket.tap()` through the parser again. It shows what a connection read from its peer's bytes, as often as
 * you like and without a connection.
 *
 * @module
 */
import { listOf, oneOf, type OptionKinds } from "../option_kinds.ts";
import { checkOptions, pick } from "../options.ts";
import { EXTENSION, type Extension } from "../extensions/extension.ts";
import { acceptExtensions, confirmExtensions, type ExtensionChain, openExtensions } from "../extensions/negotiation.ts";
import { permessageDeflate } from "../extensions/permessage_deflate/permessage_deflate.ts";
import { parseExtensions } from "../handshake/extension_header.ts";
import { LIMIT_KINDS, type Limits, resolveLimits } from "../limits.ts";
import type { Frame, Role } from "../pipeline/frames/frame.ts";
import { FrameParser } from "../pipeline/frames/frame_parser.ts";
import type { Message } from "../pipeline/messages/message.ts";
import { MessageAssembler } from "../pipeline/messages/message_assembler.ts";
import type { Direction } from "../connection/watch/observer.ts";
import { parserOptions } from "../connection/incoming.ts";
import { readLine, type Recording, type RecordingFacts } from "./recording.ts";

/** Options for replaying. By default the limits are those of the recording. */
export interface ReplayOptions extends Partial<Pick<Limits, "maxMessageBytes" | "maxFragments" | "maxEmptyFragments">> {
  /** The direction to read: `"in"` for what the connection received, `"out"` for what it sent. @default {"in"} */
  way?: Direction;
  /** Extensions that the connection may have used, besides permessage-deflate. */
  extensions?: readonly Extension[];
}

/** The types of these options. */
export const REPLAY_OPTION_KINDS: OptionKinds<ReplayOptions> = {
  maxMessageBytes: LIMIT_KINDS.maxMessageBytes,
  maxFragments: LIMIT_KINDS.maxFragments,
  maxEmptyFragments: LIMIT_KINDS.maxEmptyFragments,
  way: oneOf("in", "out"),
  extensions: listOf("extensions", EXTENSION),
};

/** The result of a read, with its time in milliseconds from the start of the recording. */
export type ReplayEvent =
  /** The parser read a frame. Large frames come in parts, as fragments that RFC 6455 §5.4 allows. */
  | { readonly ms: number; readonly frame: Frame }
  /** A message was complete. */
  | { readonly ms: number; readonly message: Message }
  /** The peer broke a rule or exceeded a limit, or the connection ended too early. This is the last event. */
  | { readonly ms: number; readonly error: unknown };

/**
 * Replays a recording. Limits that need a clock (`messageTimeout`, `maxPingsPerSecond`) are not checked again. If compression
 * kept a context from before the recording, that context is missing: start the tap in an observer's `opened`.
 *
 * @example Show the received messages
 * ```ts
 * import { connect, serve } from "@sluice/websocket";
 * import { replay } from "@sluice/websocket/telemetry";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve({ port: 0, hostname: "127.0.0.1" }, { message: (socket, data) => void socket.send(data) });
 * const socket = await connect(server.url);
 * const recording = Array.fromAsync(socket.tap());
 * await socket.send("hello");
 * await socket[Symbol.asyncIterator]().next();
 * await socket.close();
 *
 * const messages = [...replay(await recording)].flatMap((event) => "message" in event ? [event.message] : []);
 * assertEquals(messages, ["hello"]);
 * ```
 *
 * @param lines The lines, with or without line ends. Empty lines are skipped.
 * @param options The direction, the extensions and the limits.
 * @returns The events of each read: its frames, the messages that they completed, and any error.
 * @throws {RangeError} If a number is out of range.
 * @throws {TypeError} If an option is unknown or has the wrong type, if a line is not part of a recording, if lines were lost, or
 *    if the recording has no `bytes`.
 * @throws {Error} If the connection used an extension that is not given.
 */
export function replay(lines: Iterable<string>, options: ReplayOptions = {}): Generator<ReplayEvent> {
  checkOptions("replay()", options, REPLAY_OPTION_KINDS);
  return eventsOf(lines, options);
}

function* eventsOf(lines: Iterable<string>, options: ReplayOptions): Generator<ReplayEvent> {
  const { way = "in" } = options;
  let pipeline: Pipeline | undefined;
  let number = 0;
  let reads = 0;
  let frames = 0;
  try {
    for (const text of lines) {
      number++;
      if (text.trim() === "") continue;
      const line: Recording = readLine(text, number);
      if ("facts" in line) {
        pipeline = openPipeline(line.facts, options);
        continue;
      }
      if (pipeline === undefined) throw new TypeError(`Line ${number} is not the start of a recording`);
      if ("lost" in line) {
        const lost = line.lost === 1 ? "1 line was" : `${line.lost} lines were`;
        throw new TypeError(
          `Cannot replay past line ${number}: ${lost} lost there. Record with a larger tap({ highWaterMark }), or read faster`,
        );
      }
      if ("closed" in line) {
        const wrong = attempt(pipeline.end);
        if (wrong !== undefined) yield { ms: line.ms, ...wrong };
      } else if (line.bytes === undefined) {
        frames++;
      } else {
        reads++;
        const events = line.way === way ? pipeline.push(line.ms, line.bytes) : [];
        yield* events;
        if (events.some((event) => "error" in event)) return;
      }
    }
    if (frames > 0 && reads === 0) throw new TypeError("Cannot replay: the bytes were not recorded");
  } finally {
    pipeline?.release();
  }
}

interface Pipeline {
  /** Reads bytes. */
  push(ms: number, bytes: Uint8Array<ArrayBuffer>): ReplayEvent[];
  /** Says that the connection ended. */
  end(): void;
  release(): void;
}

/** Returns the error that a step throws. */
function attempt(step: () => void): { readonly error: unknown } | undefined {
  try {
    step();
    return undefined;
  } catch (error) {
    return { error };
  }
}

/** The stages of `Incoming`, with the frames between them. */
function openPipeline(facts: RecordingFacts, options: ReplayOptions): Pipeline {
  const { way = "in", extensions = [] } = options;
  const limits = resolveLimits({ ...facts.limits, ...pick<Partial<Limits>>(options, LIMIT_KINDS) });
  const role: Role = way === "in" ? facts.role : facts.role === "server" ? "client" : "server";
  const chain = openChain(facts.extensions, { role, limits, extensions });
  const parser = new FrameParser(parserOptions(role, limits, chain));
  const assembler = new MessageAssembler(limits);
  const assemble = (frames: readonly Frame[], messages: Message[]) => {
    if (chain === undefined) return assembler.push(frames, messages);
    const decoded: Frame[] = [];
    try {
      chain.decode.push(frames, decoded);
    } finally {
      assembler.push(decoded, messages);
    }
  };
  return {
    push(ms, bytes) {
      const frames: Frame[] = [];
      const messages: Message[] = [];
      // As in a connection, an error does not remove what came before it.
      const bad = attempt(() => parser.push(bytes, frames));
      const wrong = attempt(() => assemble(frames, messages)) ?? bad;
      return [
        ...frames.map((frame) => ({ ms, frame })),
        ...messages.map((message) => ({ ms, message })),
        ...wrong === undefined ? [] : [{ ms, ...wrong }],
      ];
    },
    end() {
      parser.end();
      assembler.end();
    },
    release: () => chain?.release(),
  };
}

/** Opens the extensions that were negotiated. */
function openChain(
  answer: string,
  { role, limits, extensions }: { role: Role; limits: Limits; extensions: readonly Extension[] },
): ExtensionChain | undefined {
  if (answer === "") return undefined;
  // Accepts any parameters: those of the response are the result of what both sides requested.
  const deflate = permessageDeflate({
    serverContextTakeover: true,
    clientContextTakeover: true,
    contextBudget: Infinity,
  });
  const all = [...extensions, deflate];
  const agreed = parseExtensions([answer]);
  const missing = agreed.find(({ name }) => !all.some((extension) => extension.name === name));
  if (missing !== undefined) throw new Error(`Cannot replay: extension "${missing.name}" is not given`);
  const processors = role === "client" ? confirmExtensions(agreed, all) : acceptExtensions(agreed, all);
  return openExtensions(processors, {
    role,
    maxMessageBytes: limits.maxMessageBytes,
    now: () => 0,
    send: () => {},
  });
}
