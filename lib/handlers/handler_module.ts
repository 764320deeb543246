/**
 * The exports of a handler file.
 *
 * @module
 */
import { CloseCode, type ClosePayload, encodeClosePayload } from "../pipeline/frames/close_code.ts";
import type { HandlerRequest } from "./handler_request.ts";

/** The code and reason of the reply to a client's close frame. Nothing echoes the client's code. */
export type CloseReply = readonly [code: number, reason?: string] | { code: number; reason?: string } | void;

/**
 * The exports of a handler file. The names of mod_pywebsocket also work: `web_socket_do_extra_handshake`,
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
   * Called during the handshake. It may choose a subprotocol, configure extensions and add header fields. To refuse, throw (a
   * `HandshakeError` responds with its status, anything else with 500) or return a `Response`; any other returned value is
   * ignored. A handler that accepts all requests does not need it. The server checks `origins` first.
   */
  doExtraHandshake?(request: HandlerRequest): unknown;
  /**
   * Handles the connection. When it returns, the connection is closed with 1000. When it throws, the connection is closed with
   * 1011, or without a close frame after {@linkcode HandlerRequest.abort}.
   */
  transferData(request: HandlerRequest): unknown;
  /**
   * Called when the client closes, and decides on the reply. `closeCode` and `closeReason` are set by then. If it throws, the
   * reply is 1011. If it takes longer than `closeTimeout`, the connection is dropped.
   */
  passiveClosingHandshake?(request: HandlerRequest): CloseReply | PromiseLike<CloseReply>;
}

/** A handler's function. A check at run time knows no more about its type. */
type HandlerFunction = (request: HandlerRequest) => unknown;

/** A handler file whose exports were checked. */
export interface LoadedHandler {
  readonly doExtraHandshake: HandlerFunction | undefined;
  readonly transferData: HandlerFunction;
  readonly passiveClosingHandshake: HandlerFunction | undefined;
}

/** The name of each export here, and in mod_pywebsocket. */
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
 * Reads the result of `passiveClosingHandshake`.
 *
 * @param reply The returned value, or the result of its promise.
 * @param received The content of the client's close frame.
 * @returns The code, 1005 for a close frame without one, and the reason.
 * @throws {TypeError} If the result is not a code and a reason.
 * @throws {RangeError} If the code must not be sent or the reason is too long.
 */
export function readCloseReply(reply: unknown, received: ClosePayload): ClosePayload {
  if (reply === undefined || reply === null) return { closeCode: received.closeCode, reason: "" };
  const [closeCode, reason = ""] = Array.isArray(reply) ? reply : [Object(reply).code, Object(reply).reason];
  if (typeof closeCode !== "number" || typeof reason !== "string") {
    throw new TypeError(
      "Cannot answer the close: passiveClosingHandshake must return [code, reason] or { code, reason }",
    );
  }
  // The client's close frame has no code, so the reply has none either: 1005 must not be sent (RFC 6455 §7.4.1).
  if (closeCode === CloseCode.NO_STATUS) return { closeCode, reason: "" };
  encodeClosePayload(closeCode, reason); // throws here, where the error belongs to the handler
  return { closeCode, reason };
}
