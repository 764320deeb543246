/**
 * Negotiates the extensions of a connection (RFC 6455 §9.1), and combines them.
 *
 * @module
 */
import { type ExtensionOffer, serializeExtensions } from "../handshake/extension_header.ts";
import type { Frame, OutgoingFrame } from "../pipeline/frames/frame.ts";
import type { ReservedBits } from "../pipeline/frames/frame_parser.ts";
import { composeStages, type Stage } from "../pipeline/stage.ts";
import type { CodecContext, Extension, ExtensionCodec, ExtensionProcessor } from "./extension.ts";

/** The active extensions of a connection. */
export interface ExtensionChain {
  /** All reserved bits that the extensions use. */
  readonly reservedBits: ReservedBits;
  /** All opcodes that the extensions use. */
  readonly reservedOpcodes: readonly number[];
  /** Whether all extensions accept frames in parts. */
  readonly splittable: boolean;
  /** The combined key of their encodings; `undefined` if one has none. See {@linkcode ExtensionProcessor.encoding}. */
  readonly encoding: string | undefined;
  /** Decodes frames from the peer, through the extensions from the last to the first. */
  readonly decode: Stage<readonly Frame[], Frame>;
  /** Encodes frames to the peer, through the extensions from the first to the last. */
  readonly encode: Stage<readonly OutgoingFrame[], OutgoingFrame>;
  /** Says that messages are now delivered in parts, so that a message need not fit into memory. */
  stream(): void;
  /** Called when the connection has ended. */
  release(): void;
}

/**
 * Chooses from the client's offers, in the client's order. Each extension is used at most once, and none that conflicts with
 * another.
 *
 * @example Both ends agree
 * ```ts
 * import { acceptExtensions, confirmExtensions, describeExtensions, offerExtensions } from "@sluice/websocket/extensions";
 * import { parseExtensions } from "@sluice/websocket/handshake";
 * import { permessageDeflate } from "@sluice/websocket/permessage-deflate";
 * import { assertEquals } from "@std/assert";
 *
 * const extensions = [permessageDeflate()];
 * const offers = parseExtensions([offerExtensions(extensions)]);
 * const accepted = acceptExtensions(offers, extensions); // the server
 * const answer = describeExtensions(accepted);
 * const confirmed = confirmExtensions(parseExtensions([answer]), extensions); // the client
 * assertEquals(confirmed.map(({ name }) => name), ["permessage-deflate"]);
 * ```
 *
 * @param offers The client's offers.
 * @param extensions The server's extensions.
 * @returns The processors in the order of the answer.
 */
export function acceptExtensions(
  offers: readonly ExtensionOffer[],
  extensions: readonly Extension[],
): ExtensionProcessor[] {
  const accepted: ExtensionProcessor[] = [];
  for (const { name, params } of offers) {
    if (accepted.some((processor) => processor.name === name)) continue;
    const processor = extensions.find((extension) => extension.name === name)?.accept(params);
    if (processor === undefined) continue;
    if (accepted.some((other) => conflict(other, processor))) processor.release?.();
    else accepted.push(processor);
  }
  return accepted;
}

/** Returns a client's offers as the value of the header field; empty for none. */
export function offerExtensions(extensions: readonly Extension[]): string {
  return serializeExtensions(
    extensions.flatMap((extension) => extension.offer().map((params) => ({ name: extension.name, params }))),
  );
}

/**
 * Checks the server's choice on the client.
 *
 * @param answer The extensions that the server accepted; each name was offered.
 * @param extensions The extensions that the client offered.
 * @returns The processors in the order of the answer.
 * @throws {Error} If an extension is repeated, two use the same bit or opcode, or one rejects its parameters.
 */
export function confirmExtensions(
  answer: readonly ExtensionOffer[],
  extensions: readonly Extension[],
): ExtensionProcessor[] {
  const confirmed: ExtensionProcessor[] = [];
  try {
    for (const { name, params } of answer) {
      const processor = extensions.find((extension) => extension.name === name)?.confirm(params);
      if (processor === undefined) throw new Error(`Server chose extension "${name}", which was not offered`);
      const other = confirmed.find((other) => other.name === name || conflict(other, processor));
      confirmed.push(processor);
      if (other !== undefined) {
        throw new Error(`Server chose extension "${name}", which conflicts with "${other.name}"`);
      }
    }
  } catch (error) {
    for (const processor of confirmed) processor.release?.();
    throw error;
  }
  return confirmed;
}

/** Returns the negotiated extensions as the value of the header field; empty for none. */
export function describeExtensions(processors: readonly ExtensionProcessor[]): string {
  return serializeExtensions(processors);
}

/**
 * Opens the extensions of a connection. The peer's frames passed through them in the order of the answer (§9.1), so they are
 * decoded in the opposite order.
 *
 * @param processors The processors in the order of the answer.
 * @param context What the codecs need to know.
 * @returns The chain, or `undefined` if there are no extensions.
 */
export function openExtensions(
  processors: readonly ExtensionProcessor[],
  context: Omit<CodecContext, "split">,
): ExtensionChain | undefined {
  const splittable = processors.every(({ splittable = false }) => splittable);
  // All codecs share this object, which `stream` changes.
  const shared = { ...context, split: splittable };
  const codecs: ExtensionCodec[] = [];
  try {
    for (const processor of processors) codecs.push(processor.open(shared));
  } catch (error) {
    for (const codec of codecs) codec.release?.();
    throw error;
  }
  const [first, ...more] = codecs;
  if (first === undefined) return undefined;
  return {
    reservedBits: {
      first: union(processors, "first"),
      continuation: union(processors, "continuation"),
      control: union(processors, "control"),
    },
    reservedOpcodes: processors.flatMap(({ reservedOpcodes = [] }) => reservedOpcodes),
    splittable,
    encoding: encodingOf(processors),
    decode: more.reduce<Stage<readonly Frame[], Frame>>(
      (chain, codec) => composeStages(codec.decode, chain),
      first.decode,
    ),
    encode: more.reduce<Stage<readonly OutgoingFrame[], OutgoingFrame>>(
      (chain, codec) => composeStages(chain, codec.encode),
      first.encode,
    ),
    stream: () => shared.maxMessageBytes = Infinity,
    release: () => codecs.forEach((codec) => codec.release?.()),
  };
}

/** The one place where bits and opcodes are assigned: the first extension that asks gets them. */
function conflict(one: ExtensionProcessor, other: ExtensionProcessor): boolean {
  const kinds = ["first", "continuation", "control"] as const;
  return kinds.some((kind) => ((one.reservedBits?.[kind] ?? 0) & (other.reservedBits?.[kind] ?? 0)) !== 0) ||
    (one.reservedOpcodes ?? []).some((opcode) => other.reservedOpcodes?.includes(opcode));
}

function encodingOf(processors: readonly ExtensionProcessor[]): string | undefined {
  const encodings = processors.map(({ name, encoding }) => encoding === undefined ? undefined : [name, encoding]);
  return encodings.includes(undefined) ? undefined : JSON.stringify(encodings);
}

function union(processors: readonly ExtensionProcessor[], kind: keyof ReservedBits): number {
  return processors.reduce((bits, { reservedBits }) => bits | (reservedBits?.[kind] ?? 0), 0);
}
