/**
 * Frames as a raw peer writes and reads them, valid or not, byte by byte as in RFC 6455 §5.2. This module does not use the
 * library's own parser and serializer, so that a fault in them cannot hide in a test.
 *
 * @module
 */
import { type Frame, Opcode, type Role } from "../pipeline/frames/frame.ts";

/** A frame, with settings that make its header invalid. */
export interface RawFrame extends Frame {
  /** Whether the frame is masked. By default as the sender's role requires (RFC 6455 §5.1). */
  readonly masked?: boolean;
  /** The length in the header. By default the payload's length. */
  readonly length?: number | bigint;
  /** The bytes that the length takes after its first 7 bits: 0, 2 or 8. By default as few as possible (RFC 6455 §5.2). */
  readonly lengthBytes?: 0 | 2 | 8;
}

/** The settings of a frame that differ from the default. */
export type RawFrameOptions = Partial<Omit<RawFrame, "opcode" | "payload">>;

/** The masking key of a raw peer, from RFC 6455 §5.7. Tests are easier to read if the key is always the same. */
const MASK = [0x37, 0xfa, 0x21, 0x3d] as const;

/** The payload of a frame: bytes, or a text that is sent as UTF-8. */
export type RawPayload = string | Uint8Array<ArrayBuffer>;

const bytesOf = (payload: RawPayload) => typeof payload === "string" ? new TextEncoder().encode(payload) : payload;

/** Makes a frame with any opcode. The payload of a text frame may be bytes that are not UTF-8. */
export function rawFrame(opcode: number, payload: RawPayload = "", options: RawFrameOptions = {}): RawFrame {
  return { fin: true, rsv: 0, opcode, payload: bytesOf(payload), ...options };
}

/**
 * Makes a text frame.
 *
 * @example In fragments, and not in UTF-8
 * ```ts
 * import { continuation, rawClient, text } from "@sluice/websocket/testing";
 *
 * await using raw = await rawClient();
 * await raw.peer.send(text("hello", { fin: false }), continuation(Uint8Array.of(0xff)));
 * await raw.peer.expectClose(1007);
 * ```
 *
 * @param payload The text, or bytes that need not be UTF-8.
 * @param options The settings that differ from the default.
 */
export function text(payload: RawPayload, options?: RawFrameOptions): RawFrame {
  return rawFrame(Opcode.TEXT, payload, options);
}

/** Makes a binary frame. */
export function binary(payload: Uint8Array<ArrayBuffer>, options?: RawFrameOptions): RawFrame {
  return rawFrame(Opcode.BINARY, payload, options);
}

/** Makes a continuation frame. It is the last fragment unless `fin` is `false`. */
export function continuation(payload: RawPayload, options?: RawFrameOptions): RawFrame {
  return rawFrame(Opcode.CONTINUATION, payload, options);
}

/** Makes a ping. */
export function ping(payload: RawPayload = "", options?: RawFrameOptions): RawFrame {
  return rawFrame(Opcode.PING, payload, options);
}

/** Makes a pong. */
export function pong(payload: RawPayload = "", options?: RawFrameOptions): RawFrame {
  return rawFrame(Opcode.PONG, payload, options);
}

/** Makes a close frame with any code, including codes that must not be sent. Without a code it is empty. */
export function closeFrame(code?: number, reason: RawPayload = "", options?: RawFrameOptions): RawFrame {
  const payload = code === undefined ? "" : Uint8Array.of(code >> 8, code & 255, ...bytesOf(reason));
  return rawFrame(Opcode.CLOSE, payload, options);
}

/**
 * Writes a frame.
 *
 * @param frame The frame, valid or not.
 * @param role The role of the sender: a client masks.
 * @returns The bytes of the frame.
 */
export function encodeRawFrame(frame: RawFrame, role: Role): Uint8Array<ArrayBuffer> {
  const { fin, rsv, opcode, payload } = frame;
  const { masked = role === "client", length = payload.length, lengthBytes = fewestBytes(BigInt(length)) } = frame;
  const key = masked ? MASK : [];
  const size = BigInt(length);
  const bytes = new Uint8Array(2 + lengthBytes + key.length + payload.length);
  bytes[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  bytes[1] = (masked ? 0x80 : 0) | (lengthBytes === 0 ? Number(size) : lengthBytes === 2 ? 126 : 127);
  for (let i = 0; i < lengthBytes; i++) bytes[2 + i] = Number((size >> BigInt(8 * (lengthBytes - 1 - i))) & 255n);
  bytes.set(key, 2 + lengthBytes);
  const start = 2 + lengthBytes + key.length;
  for (let i = 0; i < payload.length; i++) bytes[start + i] = payload[i]! ^ (key[i % 4] ?? 0);
  return bytes;
}

/** A frame that was read, with details of its encoding. */
export interface ReceivedFrame {
  /** The frame. */
  readonly frame: Frame;
  /** Whether the frame was masked. */
  readonly masked: boolean;
  /** The bytes that the length took after its first 7 bits. */
  readonly lengthBytes: 0 | 2 | 8;
  /** The size of the whole frame in bytes. */
  readonly size: number;
}

/** Reads the frame at the start of `bytes`, valid or not. Returns `undefined` if it is incomplete. */
export function decodeRawFrame(bytes: Uint8Array): ReceivedFrame | undefined {
  const [first, second] = bytes;
  if (first === undefined || second === undefined) return undefined;
  const masked = second >= 0x80;
  const code = second & 127;
  const lengthBytes = code < 126 ? 0 : code === 126 ? 2 : 8;
  const start = 2 + lengthBytes + (masked ? 4 : 0);
  if (bytes.length < start) return undefined;
  const length = lengthBytes === 0
    ? code
    : bytes.subarray(2, 2 + lengthBytes).reduce((sum, byte) => sum * 256 + byte, 0);
  const size = start + length;
  if (bytes.length < size) return undefined;
  const key = bytes.subarray(start - 4, start);
  const payload = bytes.slice(start, size);
  if (masked) payload.forEach((byte, i) => payload[i] = byte ^ key[i % 4]!);
  return {
    frame: { fin: first >= 0x80, rsv: (first >> 4) & 7, opcode: first & 15, payload },
    masked,
    lengthBytes,
    size,
  };
}

/**
 * Checks one frame, without regard to the frames before it.
 *
 * @param received The frame.
 * @param sender The role of the sender.
 * @param extended Whether an extension may use its reserved bits and its opcode.
 * @returns The rule that the frame breaks; `undefined` if it breaks none.
 */
export function violation(received: ReceivedFrame, sender: Role, extended: boolean): string | undefined {
  const { frame: { fin, rsv, opcode, payload }, masked, lengthBytes } = received;
  if (masked !== (sender === "client")) return `a ${sender}'s frame is ${masked ? "" : "not "}masked (§5.1)`;
  if (!extended && rsv !== 0) return `reserved bits ${rsv} that no extension owns (§5.2)`;
  if (!extended && ![0, 1, 2, 8, 9, 10].includes(opcode)) return `opcode ${opcode} that no extension owns (§5.2)`;
  if (lengthBytes !== fewestBytes(BigInt(payload.length))) {
    return `length ${payload.length} in ${lengthBytes} bytes (§5.2)`;
  }
  if (opcode >= 8 && !fin) return `a fragmented control frame (§5.5)`;
  if (opcode >= 8 && payload.length > 125) return `a control frame of ${payload.length} bytes (§5.5)`;
  return opcode === Opcode.CLOSE ? closeViolation(payload) : undefined;
}

function closeViolation(payload: Uint8Array): string | undefined {
  if (payload.length === 0) return undefined;
  if (payload.length === 1) return "a close frame of one byte (§5.5.1)";
  const code = codeOf(payload);
  const allowed = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
  if (!allowed) return `close code ${code} (§7.4)`;
  return textOf(payload.subarray(2)) === undefined ? "a reason that is not UTF-8 (§5.5.1)" : undefined;
}

/** Returns the code in a close frame's payload; 1005 if there is none (RFC 6455 §7.1.5). */
export function codeOf(payload: Uint8Array): number {
  return payload.length < 2 ? 1005 : payload[0]! * 256 + payload[1]!;
}

/** Decodes a text. Returns `undefined` if the bytes are not UTF-8. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** How many bytes of a payload are shown. */
const SHOWN = 64;
const NAMES = new Map(Object.entries(Opcode).map(([name, opcode]) => [opcode as number, name.toLowerCase()]));

/**
 * Describes a frame in one line, such as `text "Hello"` or `close 1002 "Bad frame"`. The payload is shown as text if it is text.
 */
export function describeFrame({ fin, rsv, opcode, payload }: Frame): string {
  const closing = opcode === Opcode.CLOSE && payload.length >= 2;
  const shown = payload.subarray(closing ? 2 : 0).subarray(0, SHOWN);
  const string = opcode === Opcode.BINARY ? undefined : textOf(shown);
  const hex = Array.from(shown, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [
    NAMES.get(opcode) ?? `opcode ${opcode}`,
    ...(fin ? [] : ["not final"]),
    ...(rsv === 0 ? [] : [`rsv ${rsv}`]),
    ...(closing ? [`${codeOf(payload)}`] : []),
    string === undefined ? `<${hex}>` : JSON.stringify(string),
    ...(payload.length > SHOWN ? [`and more, ${payload.length} bytes in all`] : []),
  ].join(" ");
}

/** Whether two frames are equal. */
export function sameFrame(a: Frame, b: Frame): boolean {
  return a.fin === b.fin && a.rsv === b.rsv && a.opcode === b.opcode && a.payload.length === b.payload.length &&
    a.payload.every((byte, i) => byte === b.payload[i]);
}

function fewestBytes(length: bigint): 0 | 2 | 8 {
  return length < 126n ? 0 : length < 65_536n ? 2 : 8;
}
