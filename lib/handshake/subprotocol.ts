/**
 * Subprotocols, RFC 6455 §1.9: the client names those it speaks, the server picks at most one.
 *
 * @module
 */
import { badRequest, fieldValues, type HeaderFields, isToken, listValues, quote, type Refuse } from "./http_fields.ts";

/** The header field of both directions, RFC 6455 §11.3.4. */
const FIELD = "sec-websocket-protocol";

/**
 * The subprotocols that a client requests, in its order of preference. Several fields are one list.
 *
 * @param fields The request's fields.
 * @returns The subprotocols; none where the client sent no such field.
 * @throws {HandshakeError} 400 if one is not a token or comes twice (RFC 6455 §4.1, item 10 of the request).
 */
export function parseSubprotocols(fields: HeaderFields): string[] {
  const protocols = listValues(fields, FIELD);
  const fault = faultIn(protocols);
  if (fault !== undefined) throw badRequest(fault);
  return protocols;
}

/**
 * Checks subprotocols that an application asks for.
 *
 * @throws {DOMException} `SyntaxError` if one is not a token or comes twice. Two that differ in case are two (RFC 6455 §4.1); the
 * web's classes are stricter.
 */
export function checkSubprotocols(protocols: readonly string[]): void {
  const fault = faultIn(protocols);
  if (fault !== undefined) throw new DOMException(fault, "SyntaxError");
}

/**
 * The subprotocols of an option, which takes one of them, or a list.
 *
 * @throws {DOMException} `SyntaxError` if one is not a token or comes twice.
 */
export function subprotocolList(given: string | readonly string[] = []): readonly string[] {
  const protocols = typeof given === "string" ? [given] : given;
  checkSubprotocols(protocols);
  return protocols;
}

/**
 * The server's choice: the first that it supports and the client requests. The order is the server's, which knows what each
 * costs; RFC 6455 §4.2.2 leaves that to it.
 *
 * @example The server's order decides
 * ```ts
 * import { chooseSubprotocol } from "@sluice/websocket/handshake";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(chooseSubprotocol(["v1.chat", "v2.chat"], ["v2.chat", "v1.chat"]), "v2.chat");
 * assertEquals(chooseSubprotocol(["soap"], ["v2.chat"]), "");
 * ```
 *
 * @param requested What the client requests.
 * @param supported What the server speaks, the best first.
 * @returns The subprotocol, or `""` for none: the answer then has no such field, and the connection opens without one.
 */
export function chooseSubprotocol(requested: readonly string[], supported: readonly string[]): string {
  return supported.find((protocol) => requested.includes(protocol)) ?? "";
}

/**
 * The subprotocol that a server chose.
 *
 * No answer to a request is a failure too: RFC 6455 §4.1 leaves that open, and the WHATWG's standard ("establish a WebSocket
 * connection") does not, because a client that asked has nothing else to speak.
 *
 * @param fields The response's fields.
 * @param requested What the client requested.
 * @param refuse Makes the error.
 * @returns The subprotocol; `""` where none was requested.
 * @throws {HandshakeError} What `refuse` makes, if the server chose one that was not requested, several, or none of some.
 */
export function answeredSubprotocol(fields: HeaderFields, requested: readonly string[], refuse: Refuse): string {
  const answers = fieldValues(fields, FIELD);
  const [answer = ""] = answers;
  if (answers.length > 1) throw refuse(`Server sent ${answers.length} subprotocol fields`);
  if (answers.length === 1 && !requested.includes(answer)) {
    throw refuse(`Server chose subprotocol ${quote(answer)}, which was not requested`);
  }
  if (answers.length === 0 && requested.length > 0) throw refuse("Server chose none of the requested subprotocols");
  return answer;
}

function faultIn(protocols: readonly string[]): string | undefined {
  const seen = new Set<string>();
  for (const protocol of protocols) {
    if (!isToken(protocol)) return `Subprotocol ${quote(protocol)} is not a token`;
    if (seen.has(protocol)) return `Subprotocol ${quote(protocol)} is requested twice`;
    seen.add(protocol);
  }
  return undefined;
}
