/**
 * The four parameters of permessage-deflate, RFC 7692 §7.1.
 *
 * @module
 */
import type { ExtensionParam } from "../../handshake/extension_header.ts";

/** The parameters of an offer or an answer. */
export interface DeflateParameters {
  /** The server resets its context after each message (§7.1.1.1). */
  serverNoContextTakeover: boolean;
  /** The client resets its context after each message (§7.1.1.2). */
  clientNoContextTakeover: boolean;
  /** The largest window of the server in bits (§7.1.2.1); `undefined` if not given. */
  serverMaxWindowBits: number | undefined;
  /** The largest window of the client in bits (§7.1.2.2). `true` in an offer that only says that the window can be limited. */
  clientMaxWindowBits: number | true | undefined;
}

/**
 * Parses parameters.
 *
 * @example An offer
 * ```ts
 * import { parseExtensions } from "@sluice/websocket/handshake";
 * import { readParameters, writeParameters } from "@sluice/websocket/permessage-deflate";
 * import { assertEquals } from "@std/assert";
 *
 * const [offer] = parseExtensions(["permessage-deflate; server_no_context_takeover; client_max_window_bits"]);
 * const parameters = readParameters(offer!.params, "client");
 * assertEquals(parameters.serverNoContextTakeover, true);
 * assertEquals(parameters.clientMaxWindowBits, true);
 * assertEquals(writeParameters(parameters), [...offer!.params]);
 * ```
 *
 * @param params The parameters as they were sent.
 * @param from `client` for an offer, `server` for an answer. Only in an offer may `client_max_window_bits` have no value.
 * @returns The parsed parameters.
 * @throws {RangeError} For an unknown or repeated parameter, or an invalid value (§7.1: decline the offer, fail the connection).
 */
export function readParameters(params: readonly ExtensionParam[], from: "client" | "server"): DeflateParameters {
  const seen = new Map<string, string | undefined>();
  for (const { name, value } of params) {
    if (seen.has(name)) throw new RangeError(`Parameter ${name} is repeated`);
    seen.set(name, value);
  }
  const flag = (name: string): boolean => {
    if (seen.get(name) !== undefined) throw new RangeError(`Parameter ${name} takes no value, not ${seen.get(name)}`);
    return seen.delete(name);
  };
  const bits = (name: string): number | true | undefined => {
    const value = seen.get(name);
    return seen.delete(name) ? (value === undefined ? true : windowBits(name, value)) : undefined;
  };
  const serverNoContextTakeover = flag("server_no_context_takeover");
  const clientNoContextTakeover = flag("client_no_context_takeover");
  const serverMaxWindowBits = bits("server_max_window_bits");
  const clientMaxWindowBits = bits("client_max_window_bits");
  for (const name of seen.keys()) throw new RangeError(`Parameter ${name} is unknown`);
  if (serverMaxWindowBits === true) throw new RangeError("Parameter server_max_window_bits needs a value");
  if (clientMaxWindowBits === true && from === "server") {
    throw new RangeError("Parameter client_max_window_bits needs a value");
  }
  return { serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits };
}

/** Writes parameters, in the order of the RFC. */
export function writeParameters(parameters: DeflateParameters): ExtensionParam[] {
  const { serverMaxWindowBits, clientMaxWindowBits } = parameters;
  const params: ExtensionParam[] = [];
  const add = (name: string, value?: number) => params.push({ name, value: value?.toString() });
  if (parameters.serverNoContextTakeover) add("server_no_context_takeover");
  if (parameters.clientNoContextTakeover) add("client_no_context_takeover");
  if (serverMaxWindowBits !== undefined) add("server_max_window_bits", serverMaxWindowBits);
  if (clientMaxWindowBits === true) add("client_max_window_bits");
  else if (clientMaxWindowBits !== undefined) add("client_max_window_bits", clientMaxWindowBits);
  return params;
}

/** §7.1.2: "a decimal integer value without leading zeroes between 8 to 15" (CVE-2026-2229). */
function windowBits(name: string, value: string): number {
  if (!["8", "9", "10", "11", "12", "13", "14", "15"].includes(value)) {
    throw new RangeError(`Parameter ${name} must be 8 to 15, not ${value}`);
  }
  return Number(value);
}
