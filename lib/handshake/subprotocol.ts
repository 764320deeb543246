/**
 * Subprotocols (RFC 6455 §1.9): the client names those it speaks, the server picks at most one.
 *
 * @module
 */
import { badRequest, fieldValues, type HeaderFields, isToken, listValues, quote, type Refuse } from "./http_fields.ts";

/** The header field in both directions (RFC 6455 §11.3.4). */
const FIELD = "sec-websocket-protocol";

/**
 * Returns the subprotocols that a client requests, in its order of preference. Several fields form one list.
 *
 * @param fields The request's fields.
 * @returns The subprotocols; empty if the client sent no such field.
 * @throws {HandshakeError} 400 if one is not a token or is repeated (RFC 6455 §4.1, item 10 of the request).
 */
export function parseSubprotocols(fields: HeaderFields): string[] {
  const protocols = listValues(fields, FIELD);
  const fault = faultIn(protocols);
  if (fault !== undefined) throw badRequest(fault);
  return protocols;
}

/**
 * Checks the subprotocols that an application requests.
 *
 * @throws {DOMException} `SyntaxError` if one is not a token or is repeated. Names that differ only in case are different (RFC
 *    6455 §4.1); the classes of the web platform are stricter.
 */
export function checkSubprotocols(protocols: readonly string[]): void {
  const fault = faultIn(protocols);
  if (fault !== undefined) throw new DOMException(fault, "SyntaxError");
}

/**
 * Returns the subprotocols of an option that takes one or a list.
 *
 * @throws {DOMException} `SyntaxError` if one is not a token or is repeated.
 */
export function subprotocolList(given: string | readonly string[] = []): readonly string[] {
  const protocols = typeof given === "string" ? [given] : given;
  checkSubprotocols(protocols);
  return protocols;
}

/**
 * Chooses the first subprotocol that the server supports and the client requests. The server's order decides, because the server
 * knows what each costs; RFC 6455 §4.2.2 allows that.
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
 * @param requested The client's subprotocols.
 * @param supported The server's subprotocols, in order of preference.
 * @returns The subprotocol, or `""` for none: the response then has no such field, and the connection opens without one.
 */
export function chooseSubprotocol(requested: readonly string[], supported: readonly string[]): string {
  return supported.find((protocol) => requested.includes(protocol)) ?? "";
}

/**
 * Returns the subprotocol that a server chose.
 *
 * A response without a subprotocol also fails if the client requested one. RFC 6455 §4.1 leaves that open; the WHATWG standard
 * ("establish a WebSocket connection") requires it, because the client has nothing else to speak.
 *
 * @param fields The response's fields.
 * @param requested The client's subprotocols.
 * @param refuse Makes the error.
 * @returns The subprotocol; `""` if none was requested.
 * @throws {HandshakeError} The error from `refuse`, if the server chose a subprotocol that was not requested, more than one, or
 *    none although some were requested.
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

/**
 * Checks the subprotocol that a server's application chose (RFC 6455 §4.2.2).
 *
 * @throws {TypeError} If the client did not request it.
 */
export function requireRequested(protocol: string, requested: readonly string[]): void {
  if (requested.includes(protocol)) return;
  const offered = requested.length === 0 ? "it requested none" : `it requested ${quote(requested.join(", "))}`;
  throw new TypeError(`Cannot choose subprotocol ${quote(protocol)}: the client did not request it (${offered})`);
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
