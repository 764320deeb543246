/**
 * The grammar of `Sec-WebSocket-Extensions` (RFC 6455 §9.1). Each extension decides what its name and parameters mean.
 *
 * ```text
 * extension-list  = 1#extension
 * extension       = extension-token *( ";" extension-param )
 * extension-param = token [ "=" ( token | quoted-string ) ]
 * ```
 *
 * @module
 */
import { badRequest, isToken, quote, type Refuse, SPACE, TCHAR } from "./http_fields.ts";

/** A parameter of an extension. */
export interface ExtensionParam {
  /** The parameter's name, a token. */
  readonly name: string;
  /** The value (a token), or `undefined` for a parameter without a value. */
  readonly value: string | undefined;
}

/** An extension that a client offers or a server accepts. */
export interface ExtensionOffer {
  /** The extension's name, a token. */
  readonly name: string;
  /** The parameters in order, including repeated ones. This is a list, so that no name is special (GHSA-5v72-xg48-5rpm). */
  readonly params: readonly ExtensionParam[];
}

/**
 * Parses the values of the header field. Several fields form one list (RFC 6455 §9.1). The time is linear in the length
 * (CVE-2020-7662).
 *
 * @example Two offers
 * ```ts
 * import { parseExtensions } from "@sluice/websocket/handshake";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseExtensions(["permessage-deflate; server_max_window_bits=10, permessage-deflate"]), [
 *   { name: "permessage-deflate", params: [{ name: "server_max_window_bits", value: "10" }] },
 *   { name: "permessage-deflate", params: [] },
 * ]);
 * ```
 *
 * @param values The values of all fields with that name.
 * @param refuse Makes the error: 400 by default.
 * @returns The extensions in order. Empty list elements are skipped (RFC 9110 §5.6.1.2).
 * @throws {HandshakeError} The error from `refuse`, if the syntax is invalid.
 */
export function parseExtensions(values: readonly string[], refuse: Refuse = badRequest): ExtensionOffer[] {
  return values.flatMap((value) => parseList(value, refuse));
}

/**
 * Writes extensions as the value of the header field.
 *
 * @example One extension
 * ```ts
 * import { serializeExtensions } from "@sluice/websocket/handshake";
 * import { assertEquals } from "@std/assert";
 *
 * const params = [{ name: "server_max_window_bits", value: "10" }];
 * assertEquals(serializeExtensions([{ name: "permessage-deflate", params }]), "permessage-deflate; server_max_window_bits=10");
 * ```
 *
 * @throws {TypeError} If a name or a value is not a token.
 */
export function serializeExtensions(extensions: readonly ExtensionOffer[]): string {
  return extensions.map(({ name, params }) => [token(name), ...params.map(serializeParam)].join("; ")).join(", ");
}

function serializeParam({ name, value }: ExtensionParam): string {
  return value === undefined ? token(name) : `${token(name)}=${token(value)}`;
}

function token(text: string): string {
  if (!isToken(text)) throw new TypeError(`Cannot use ${quote(text)} in an extension: it is not a token`);
  return text;
}

/** A token at the scanner's position. */
const TOKEN = new RegExp(`[${TCHAR}]+`, "y");

/** Parses the value of one field. The scanner never moves backward. */
function parseList(text: string, refuse: Refuse): ExtensionOffer[] {
  let at = 0;
  const extensions: ExtensionOffer[] = [];
  do {
    skipSpace();
    if (at < text.length && text[at] !== ",") extensions.push(readExtension());
  } while (take(","));
  if (at < text.length) throw malformed();
  return extensions;

  function readExtension(): ExtensionOffer {
    const name = readToken();
    const params: ExtensionParam[] = [];
    while (take(";")) params.push({ name: readToken(), value: take("=") ? readValue() : undefined });
    return { name, params };
  }

  function readValue(): string {
    skipSpace();
    return text[at] === '"' ? readQuoted() : readToken();
  }

  function readToken(): string {
    skipSpace();
    TOKEN.lastIndex = at;
    const [token] = TOKEN.exec(text) ?? [];
    if (token === undefined) throw malformed();
    at += token.length;
    return token;
  }

  /** Reads a quoted-string. Its content must be a token, so it must be neither empty nor contain a space. */
  function readQuoted(): string {
    let value = "";
    for (at++; text[at] !== '"'; at++) {
      if (text[at] === "\\") at++;
      if (!isToken(text.charAt(at))) throw malformed(); // `""`, at the end of the text, is not a token either.
      value += text[at];
    }
    if (value === "") throw malformed();
    at++;
    return value;
  }

  /** Skips a separator and the space before it, if they are next. */
  function take(separator: string): boolean {
    skipSpace();
    if (text[at] !== separator) return false;
    at++;
    return true;
  }

  function skipSpace(): void {
    while (at < text.length && SPACE.includes(text.charAt(at))) at++;
  }

  function malformed(): Error {
    return refuse(`Extension list ${quote(text)} is malformed at character ${at}`);
  }
}
