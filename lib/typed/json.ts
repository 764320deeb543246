/**
 * JSON as a codec, checked by a schema.
 *
 * @module
 */
import { LimitError, MessageError } from "../errors.ts";
import { JSON_LIMIT_KINDS, type JsonLimits, resolveJsonLimits } from "../limits.ts";
import { isObject, kind, type OptionKinds } from "../option_kinds.ts";
import { checkOptions } from "../options.ts";
import { CloseCode, isSendableCloseCode } from "../pipeline/frames/close_code.ts";
import type { Message } from "../pipeline/messages/message.ts";
import type { Codec } from "./codec.ts";
import {
  describeIssue,
  type SchemaInput,
  type SchemaOutput,
  type SchemaResult,
  STANDARD_SCHEMA,
  type StandardSchema,
} from "./standard_schema.ts";

/** The options of `json`. The size of messages is limited by `maxMessageBytes` of the connection. */
export interface JsonOptions extends Partial<JsonLimits> {
  /**
   * The schema of sent values, if it differs from that of received values. `send` then checks values, and sends the output of the
   * schema.
   */
  send?: StandardSchema;
  /** The close code for a text that is not JSON. @default {1007} */
  malformedCode?: number;
  /** The close code for a value that does not match the schema, and for the key `__proto__`. @default {1008} */
  invalidCode?: number;
}

const CLOSE_CODE = kind(
  "a close code that may be sent: 1000-1003, 1007-1014 or 3000-4999",
  (value) => typeof value === "number" && isSendableCloseCode(value),
);

/** What they take. */
export const JSON_OPTION_KINDS: OptionKinds<JsonOptions> = {
  ...JSON_LIMIT_KINDS,
  send: STANDARD_SCHEMA,
  malformedCode: CLOSE_CODE,
  invalidCode: CLOSE_CODE,
};

/**
 * Makes a codec for JSON with a schema of any library that implements Standard Schema: Zod, Valibot, ArkType and others. Received
 * values are checked by the schema and have its output type; sent values have its input type.
 *
 * A message is refused with a `MessageError` if it is binary (1003, RFC 6455 §7.4.1), if it is not JSON (1007), or if it does not
 * match the schema (1008). It is refused with a `LimitError` (1008) if it nests deeper than `maxDepth`, which is checked before
 * parsing. The key `__proto__`, and `constructor` with a `prototype` in it, are refused, because code that merges objects could
 * change the prototype of all objects with them.
 *
 * @example Messages with a schema
 * ```ts
 * import { connect, serve } from "@sluice/websocket";
 * import { json, type StandardSchema, typed } from "@sluice/websocket/typed";
 * import { assertEquals } from "@std/assert";
 *
 * // With Zod: const Chat = z.object({ text: z.string() });
 * const Chat: StandardSchema<{ text: string }> = {
 *   "~standard": {
 *     version: 1,
 *     vendor: "example",
 *     validate: (value) =>
 *       typeof value === "object" && value !== null && "text" in value && typeof value.text === "string"
 *         ? { value: { text: value.text } }
 *         : { issues: [{ message: "Expected a text", path: ["text"] }] },
 *   },
 * };
 *
 * await using server = serve({ port: 0, hostname: "127.0.0.1", onError() {} }, async (socket) => {
 *   const peer = typed(socket, json(Chat));
 *   for await (const { text } of peer) await peer.send({ text: text.toUpperCase() });
 * });
 * await using socket = await connect(server.url);
 * const peer = typed(socket, json(Chat));
 * await peer.send({ text: "hello" });
 * for await (const { text } of peer) {
 *   assertEquals(text, "HELLO");
 *   break;
 * }
 * await socket.send(`{"text":7}`);
 * const { closeCode, reason } = await socket.closed;
 * assertEquals([closeCode, reason], [1008, "Message does not match its schema: text: Expected a text"]);
 * ```
 *
 * @param schema The schema of received values, and of sent values if `send` is not given.
 * @param options The schema of sent values, the close codes and the limits.
 * @returns The codec.
 * @throws {TypeError} If the schema is invalid, or an option is unknown or has the wrong type.
 * @throws {RangeError} If a number is out of range.
 */
export function json<Schema extends StandardSchema, Sent extends StandardSchema>(
  schema: Schema,
  options: JsonOptions & { send: Sent },
): Codec<SchemaOutput<Schema>, SchemaInput<Sent>>;
/** Makes a codec for JSON with one schema for received and sent values. */
export function json<Schema extends StandardSchema>(
  schema: Schema,
  options?: JsonOptions,
): Codec<SchemaOutput<Schema>, SchemaInput<Schema>>;
/** Makes a codec for JSON without a schema, for any JSON value. */
export function json(schema?: undefined, options?: JsonOptions): Codec<unknown>;
export function json(schema?: StandardSchema, options: JsonOptions = {}): Codec<unknown> {
  if (schema !== undefined) STANDARD_SCHEMA.check(schema, "the schema of json()");
  checkOptions("json()", options, JSON_OPTION_KINDS);
  const { send, malformedCode = CloseCode.INVALID_PAYLOAD, invalidCode = CloseCode.POLICY_VIOLATION } = options;
  const { maxDepth } = resolveJsonLimits(options);
  const accept = (result: SchemaResult<unknown>): unknown => {
    if (result.issues === undefined) return result.value;
    const message = `Message does not match its schema: ${describeIssue(result.issues)}`;
    throw new MessageError(message, { closeCode: invalidCode, cause: result.issues });
  };
  return {
    encode(value) {
      const text: string | undefined = JSON.stringify(send === undefined ? value : checked(send, value));
      if (text === undefined) throw new TypeError(`Cannot send a value of type ${typeof value} as JSON`);
      return text;
    },
    decode(message) {
      const value = parseJson(message, { maxDepth, malformedCode, invalidCode });
      if (schema === undefined) return value;
      const result = schema["~standard"].validate(value);
      return result instanceof Promise ? result.then(accept) : accept(result);
    },
  };
}

/** Returns the output of the schema for a value to send. */
function checked(schema: StandardSchema, value: unknown): unknown {
  const result = schema["~standard"].validate(value);
  if (result instanceof Promise) {
    result.catch(() => {});
    throw new TypeError("Cannot use send of json(): its schema is asynchronous, and messages would change their order");
  }
  if (result.issues === undefined) return result.value;
  throw new TypeError(`Cannot send a value that does not match its schema: ${describeIssue(result.issues)}`);
}

function parseJson(
  message: Message,
  { maxDepth, malformedCode, invalidCode }: { maxDepth: number; malformedCode: number; invalidCode: number },
): unknown {
  if (typeof message !== "string") {
    throw new MessageError("Message is binary, and not text", { closeCode: CloseCode.UNSUPPORTED_DATA });
  }
  if (nestsDeeper(message, maxDepth)) {
    const facts = { limit: "maxDepth", max: maxDepth, closeCode: 1008 } as const;
    throw new LimitError(`Message nests deeper than maxDepth ${maxDepth}`, facts);
  }
  let value: unknown;
  try {
    value = JSON.parse(message);
  } catch (cause) {
    throw new MessageError("Message is not JSON", { closeCode: malformedCode, cause });
  }
  // A key may contain escapes.
  if ((message.includes("proto") || message.includes("\\u")) && hasPrototypeKey(value)) {
    throw new MessageError("Message has a key that names a prototype", { closeCode: invalidCode });
  }
  return value;
}

/**
 * Whether arrays and objects in a JSON text nest too deeply. This is checked before parsing, because one byte can become an
 * object.
 */
function nestsDeeper(text: string, max: number): boolean {
  if (text.length <= max) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) at = endOfString(text, at);
    else if ((unit === OPEN_ARRAY || unit === OPEN_OBJECT) && ++depth > max) return true;
    else if (unit === CLOSE_ARRAY || unit === CLOSE_OBJECT) depth--;
  }
  return false;
}

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** Returns the end of the string that begins at `start`. Its closing quote has an even number of backslashes before it. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let before = end;
    while (text.charCodeAt(before - 1) === BACKSLASH) before--;
    if ((end - before) % 2 === 0) return end;
  }
  return text.length;
}

/** Whether a parsed value has the key `__proto__`, or `constructor` with a `prototype` in it. */
function hasPrototypeKey(value: unknown): boolean {
  const left = isObject(value) ? [value] : [];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (Object.hasOwn(next, "__proto__")) return true;
    for (const [key, inner] of Object.entries(next)) {
      if (!isObject(inner)) continue;
      if (key === "constructor" && Object.hasOwn(inner, "prototype")) return true;
      left.push(inner);
    }
  }
  return false;
}
