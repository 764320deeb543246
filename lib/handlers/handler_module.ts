/**
 * What a handler file exports.
 *
 * @module
 */
import { CloseCode, type ClosePayload, encodeClosePayload } from "../pipeline/frames/close_code.ts";
import type { HandlerRequest } from "./handler_request.ts";

/** The code and reason that answer a client's close frame; nothing echoes its code. */
export type CloseReply = readonly [code: number, reason?: string] | { code: number; reason?: string } | void;

/**
 * What a handler file exports. The names of mod_pywebsocket do as well: `web_socket_do_extra_handshake`,
 * `web_socket_transfer_data` and `web_socket_passive_closing_handshake`.
 *
 * @example A handler file, `example/shout_wsh.ts`, which serves `/example/shout`
 * ```ts
 * import type { HandlerRequest } from "@sluice/websocket/handlers";
 *
 * export async function transferData({ stream }: HandlerRequest): Promise<void> {
 *   for await (const message of stream) await stream.sendMessage(String(message).toUpperCase());
 * }
 * ```
 */
export interface HandlerModule {
  /**
   * Is called during the handshake: chooses a subprotocol, configures extensions, adds header fields, or refuses, by throwing
   * (a `HandshakeError` with its status, anything else with 500) or by returning a `Response`; any other value that it returns is
   * ignored. A file that lets everybody in needs none; the server's `origins` have been checked before.
   */
  doExtraHandshake?(request: HandlerRequest): unknown;
  /**
   * Holds the connection. When it returns, the connection is closed with 1000; when it throws, with 1011, or with no close
   * frame at all after {@linkcode HandlerRequest.abort}.
   */
  transferData(request: HandlerRequest): unknown;
  /**
   * Is called when the client closes, which `closeCode` and `closeReason` then tell, and decides on the answer. When it throws,
   * the answer is 1011; when it takes longer than `closeTimeout`, the connection is dropped.
   */
  passiveClosingHandshake?(request: HandlerRequest): CloseReply | PromiseLike<CloseReply>;
}

/** A handler's function, of which a check at run time knows no more. */
type HandlerFunction = (request: HandlerRequest) => unknown;

/** A handler file that was checked. */
export interface LoadedHandler {
  readonly doExtraHandshake: HandlerFunction | undefined;
  readonly transferData: HandlerFunction;
  readonly passiveClosingHandshake: HandlerFunction | undefined;
}

/** Our name of an export, and mod_pywebsocket's. */
const NAMES = {
  doExtraHandshake: "web_socket_do_extra_handshake",
  transferData: "web_socket_transfer_data",
  passiveClosingHandshake: "web_socket_passive_closing_handshake",
} as const;

/**
 * Checks what a handler file exports.
 *
 * @throws {TypeError} If `transferData` is missing, or one of the exports is not a function.
 */
export function checkHandler(exports: Readonly<Record<string, unknown>>): LoadedHandler {
  const find = (name: keyof typeof NAMES): HandlerFunction | undefined => {
    const value = exports[name] ?? exports[NAMES[name]];
    if (value === undefined || isHandlerFunction(value)) return value;
    throw new TypeError(`${name} is not a function`);
  };
  const transferData = find("transferData");
  if (transferData === undefined) throw new TypeError("transferData is missing");
  return {
    doExtraHandshake: find("doExtraHandshake"),
    transferData,
    passiveClosingHandshake: find("passiveClosingHandshake"),
  };
}

function isHandlerFunction(value: unknown): value is HandlerFunction {
  return typeof value === "function";
}

/**
 * Reads what `passiveClosingHandshake` returned.
 *
 * @param reply The returned value, after its promise.
 * @param received What the client's close frame said.
 * @returns The code, 1005 for a close frame without one, and the reason.
 * @throws {TypeError} If it is no code and reason.
 * @throws {RangeError} If the code may not be sent or the reason is too long.
 */
export function readCloseReply(reply: unknown, received: ClosePayload): ClosePayload {
  if (reply === undefined || reply === null) return { closeCode: received.closeCode, reason: "" };
  const [closeCode, reason = ""] = Array.isArray(reply) ? reply : [Object(reply).code, Object(reply).reason];
  if (typeof closeCode !== "number" || typeof reason !== "string") {
    throw new TypeError(
      "Cannot answer the close: passiveClosingHandshake must return [code, reason] or { code, reason }",
    );
  }
  // The client's close frame has no code, so neither has ours: 1005 is never on the wire (RFC 6455 §7.4.1).
  if (closeCode === CloseCode.NO_STATUS) return { closeCode, reason: "" };
  encodeClosePayload(closeCode, reason); // throws here, where the handler is to blame
  return { closeCode, reason };
}
