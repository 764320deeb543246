/**
 * The subprotocol `sluice.v1`: the messages between server and client about topics and their numbers.
 *
 * Every message is one JSON object. A message with text is a text message. A message with binary data is a binary message:
 *
 * ```text
 *  byte  0                       2
 *       ┌───────────────────────┬──────────────────────────┬──────┐
 *       │ bytes of the object   │ the object, UTF-8        │ data │
 *       │ highest first         │ the same, without `data` │      │
 *       └───────────────────────┴──────────────────────────┴──────┘
 * ```
 *
 * Messages of a client:
 *
 * ```text
 * {"type":"subscribe","topic":"news"}                             from now on
 * {"type":"subscribe","topic":"news","epoch":"8f2c","offset":41}  with what came after 41
 * {"type":"unsubscribe","topic":"news"}
 * {"type":"session","session":"5ad1…"}                            what follows is numbered, and acknowledged
 * {"type":"message","data":"hello"}                               to the server's application
 * {"type":"message","number":7,"data":"hello"}                    the same, in a session
 * ```
 *
 * Messages of a server:
 *
 * ```text
 * {"type":"subscribed","topic":"news","epoch":"8f2c","offset":41}                   41 is the last one there is
 * {"type":"subscribed",…,"recovered":true}                                          what came after 41 follows
 * {"type":"subscribed",…,"recovered":false,"reason":"epoch-changed"}                it goes on behind this number; some are missing
 * {"type":"refused","topic":"news","reason":"not-allowed"}
 * {"type":"message","topic":"news","offset":42,"data":"It rains"}
 * {"type":"message","data":"hello"}                                                 from the server's application
 * {"type":"session","session":"5ad1…","number":6}                                   it has those up to 6
 * {"type":"acknowledged","number":7}                                                and now those up to 7
 * ```
 *
 * @module
 */
import { cannotUse, isObject, type Kind, kind } from "../option_kinds.ts";
import type { Message } from "../pipeline/messages/message.ts";
import type { LogEntry, Position } from "./log.ts";

/** The name of the subprotocol. */
export const RECOVERY_PROTOCOL = "sluice.v1";

/**
 * Why a subscription does not continue where it was: the log was lost, or it no longer contains the missed messages.
 */
export type UnrecoveredReason = "epoch-changed" | "too-far-behind";

/** Why there is no subscription: `authorize` refused, there are too many, or the topic is invalid. */
export type RefusedReason = "not-allowed" | "too-many-topics" | "no-topic";

/** A message of a client. */
export type FromClient =
  | { readonly type: "subscribe"; readonly topic: string; readonly position: Position | undefined }
  | { readonly type: "unsubscribe"; readonly topic: string }
  | { readonly type: "session"; readonly session: string }
  | { readonly type: "message"; readonly data: Message; readonly number: number | undefined };

/** A message of a server. */
export type FromServer =
  | {
    readonly type: "subscribed";
    readonly topic: string;
    readonly position: Position;
    readonly recovered: boolean | undefined;
    readonly reason: UnrecoveredReason | undefined;
  }
  | { readonly type: "refused"; readonly topic: string; readonly reason: RefusedReason }
  | {
    readonly type: "message";
    readonly topic: string | undefined;
    readonly offset: number | undefined;
    readonly data: Message;
  }
  | { readonly type: "session"; readonly session: string; readonly number: number }
  | { readonly type: "acknowledged"; readonly number: number };

/**
 * The longest topic, in bytes. The object in front of binary data has at most 65 535 bytes, and a byte of a topic takes up to six of
 * them (`\\u001f`).
 */
export const MAX_TOPIC_BYTES = 10_000;

/** The name of a session, in characters that no broker has to escape. A UUID has 36 of them. */
const SESSION = /^[\x21-\x7e]{1,64}$/;

const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Encodes a message of either side without data. */
export function encodeFact(
  fact: Exclude<FromClient, { type: "message" }> | Exclude<FromServer, { type: "message" }>,
): string {
  // The order of the fields is that of the documentation; `undefined` is left out.
  if (!("position" in fact)) return JSON.stringify(fact);
  const { type, topic, position, ...rest } = fact;
  return JSON.stringify({ type, topic, ...position, ...rest });
}

/** Encodes a message of either side. */
export function encodeMessage(
  head: { topic?: string; offset?: number; number?: number | undefined },
  data: Message,
): Message {
  const object = { type: "message", ...head };
  if (typeof data === "string") return JSON.stringify({ ...object, data });
  const json = encoder.encode(JSON.stringify(object));
  const bytes = new Uint8Array(2 + json.byteLength + data.byteLength);
  new DataView(bytes.buffer).setUint16(0, json.byteLength);
  bytes.set(json, 2);
  bytes.set(data, 2 + json.byteLength);
  return bytes;
}

/** Encodes a message of a topic. */
export function encodeEntry(topic: string, { offset, data }: LogEntry): Message {
  return encodeMessage({ topic, offset }, data);
}

/** Decodes a message of a client; `undefined` if it does not belong to the protocol. */
export function decodeFromClient(message: Message): FromClient | undefined {
  const object = objectOf(message);
  if (object === undefined) return undefined;
  const { type, topic, session, number } = object;
  switch (type) {
    case "subscribe": {
      if (typeof topic !== "string") return undefined;
      if (object.epoch === undefined && object.offset === undefined) return { type, topic, position: undefined };
      const position = positionOf(object);
      return position && { type, topic, position };
    }
    case "unsubscribe":
      return typeof topic === "string" ? { type, topic } : undefined;
    case "session":
      return isSession(session) ? { type, session } : undefined;
    case "message": {
      if (!isData(object.data) || !(number === undefined || (isCount(number) && number > 0))) return undefined;
      return { type, data: object.data, number };
    }
    default:
      return undefined;
  }
}

/** Decodes a message of a server; `undefined` if it does not belong to the protocol. */
export function decodeFromServer(message: Message): FromServer | undefined {
  const object = objectOf(message);
  if (object === undefined) return undefined;
  const { type, topic, reason, number, offset, recovered, session } = object;
  switch (type) {
    case "subscribed": {
      const position = positionOf(object);
      if (position === undefined || typeof topic !== "string") return undefined;
      if (recovered !== undefined && typeof recovered !== "boolean") return undefined;
      return { type, topic, position, recovered, reason: oneOf(UNRECOVERED, reason) };
    }
    case "refused": {
      const why = oneOf(REFUSED, reason);
      return typeof topic === "string" && why !== undefined ? { type, topic, reason: why } : undefined;
    }
    case "message": {
      const numbered = typeof topic === "string" && isCount(offset);
      if (!isData(object.data) || !(numbered || (topic === undefined && offset === undefined))) return undefined;
      return { type, topic: numbered ? topic : undefined, offset: numbered ? offset : undefined, data: object.data };
    }
    case "session":
      return isSession(session) && isCount(number) ? { type, session, number } : undefined;
    case "acknowledged":
      return isCount(number) ? { type, number } : undefined;
    default:
      return undefined;
  }
}

const UNRECOVERED: readonly UnrecoveredReason[] = ["epoch-changed", "too-far-behind"];
const REFUSED: readonly RefusedReason[] = ["not-allowed", "too-many-topics", "no-topic"];

/** Returns the fields of a message, with `data` if it is binary. */
function objectOf(message: Message): Record<string, unknown> | undefined {
  try {
    if (typeof message === "string") return fieldsOf(JSON.parse(message));
    if (message.byteLength < 2) return undefined;
    const end = 2 + new DataView(message.buffer, message.byteOffset, 2).getUint16(0);
    if (end > message.byteLength) return undefined;
    const fields = fieldsOf(JSON.parse(strict.decode(message.subarray(2, end))));
    return fields && { ...fields, data: message.subarray(end) };
  } catch {
    return undefined; // not JSON, or not UTF-8
  }
}

function fieldsOf(value: unknown): Record<string, unknown> | undefined {
  return isObject(value) && !Array.isArray(value) ? { ...value } : undefined;
}

function positionOf({ epoch, offset }: Record<string, unknown>): Position | undefined {
  return typeof epoch === "string" && isCount(offset) ? { epoch, offset } : undefined;
}

/** The kind of options that are a position. */
export const POSITION: Kind = kind(
  "a position: { epoch, offset }",
  (value) => isObject(value) && positionOf({ ...value }) !== undefined,
);

/** Checks the positions of an object, some of which may be `undefined`. */
export const POSITIONS: Kind = {
  takes: "an object of topics and their positions",
  check(value, name) {
    if (!isObject(value) || Array.isArray(value)) throw new TypeError(cannotUse(value, name, POSITIONS.takes));
    for (const [topic, position] of Object.entries(value)) {
      if (position !== undefined) POSITION.check(position, `${name}[${JSON.stringify(topic)}]`);
    }
  },
};

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** Whether a value can be a session's name. */
export function isSession(value: unknown): value is string {
  return typeof value === "string" && SESSION.test(value);
}

function isData(value: unknown): value is Message {
  return typeof value === "string" || (value instanceof Uint8Array && value.buffer instanceof ArrayBuffer);
}

function oneOf<Text extends string>(texts: readonly Text[], value: unknown): Text | undefined {
  return texts.find((text) => text === value);
}
