/**
 * `Sec-WebSocket-Extensions` by splitting, RFC 6455 §9.1: the oracle for the scanner.
 *
 * A quoted value must be a token once it is unquoted, so no separator ever stands inside quotes and splitting is enough.
 *
 * @module
 */
import type { ExtensionOffer, ExtensionParam } from "../../lib/handshake/extension_header.ts";

const TOKEN = /^[-!#$%&'*+.^_`|~0-9A-Za-z]+$/;
const QUOTED = /^"(?:\\?[-!#$%&'*+.^_`|~0-9A-Za-z])+"$/;

class Malformed extends Error {}

/** A text without SP and HTAB around it. */
function trimmed(text: string): string {
  return text.replace(/^[ \t]+/, "").replace(/[ \t]+$/, "");
}

function token(text: string): string {
  if (!TOKEN.test(trimmed(text))) throw new Malformed();
  return trimmed(text);
}

function param(text: string): ExtensionParam {
  const [name, ...values] = text.split("=");
  if (values.length > 1) throw new Malformed();
  const value = values[0];
  if (value === undefined) return { name: token(name!), value };
  return { name: token(name!), value: token(QUOTED.test(trimmed(value)) ? value.replace(/["\\]/g, "") : value) };
}

/** The extensions of a list of field values, or `undefined` where it is malformed. Empty elements count for nothing (RFC 9110 §5.6.1.2). */
export function naiveExtensions(values: readonly string[]): ExtensionOffer[] | undefined {
  try {
    return values.flatMap((value) => value.split(",")).filter((element) => trimmed(element) !== "").map((element) => {
      const [name, ...params] = element.split(";");
      return { name: token(name!), params: params.map(param) };
    });
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}
