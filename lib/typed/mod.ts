/**
 * Typed messages: a codec on a connection, JSON checked by a schema, and requests with answers.
 *
 * @example JSON on both ends
 * ```ts
 * import { connect, serve } from "@sluice/websocket";
 * import { json, typed, typedHandler } from "@sluice/websocket/typed";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve(
 *   { port: 0, hostname: "127.0.0.1" },
 *   typedHandler(json(), { message: (peer, value) => peer.send({ echo: value }) }),
 * );
 * await using peer = typed(await connect(server.url), json());
 * await peer.send({ text: "hello" });
 * for await (const value of peer) {
 *   assertEquals(value, { echo: { text: "hello" } });
 *   break;
 * }
 * ```
 *
 * @module
 */
export type { Codec } from "./codec.ts";
export type { MessageConnection } from "./message_connection.ts";
export { json, type JsonOptions } from "./json.ts";
export {
  type AnswerInfo,
  RequestError,
  type RequestOptions,
  type Requests,
  requests,
  type RequestsOptions,
} from "./requests.ts";
export { typed, type TypedCallbacks, type TypedConnection, type TypedHandler, typedHandler } from "./typed.ts";
export type {
  SchemaInput,
  SchemaIssue,
  SchemaOutput,
  SchemaResult,
  StandardSchema,
  StandardSchemaProps,
} from "./standard_schema.ts";
export { DEFAULT_JSON_LIMITS, DEFAULT_REQUEST_LIMITS, type JsonLimits, type RequestLimits } from "../limits.ts";
export { LimitError, MessageError } from "../errors.ts";
