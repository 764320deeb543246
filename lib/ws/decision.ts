/**
 * Calls the hooks of a `WebSocketServer` for one request: `shouldHandle`, `verifyClient`, `handleProtocols` and the event `headers`.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import { STATUS_CODES } from "node:http";
import { defer } from "../async.ts";
import { acceptKey } from "../handshake/accept_key.ts";
import type { UpgradeRequest } from "../handshake/server_handshake.ts";
import type { UpgradeAnswer } from "../server/server_options.ts";
import { fieldsIn, type UpgradeMessage } from "./stand_ins.ts";

/** A request to open a WebSocket for listeners and hooks: the HTTP server's request, or a stand-in for it. */
export type WebSocketRequest = IncomingMessage | UpgradeMessage;

/** The argument of `verifyClient`. */
export interface ClientInfo {
  /** The `Origin`, if the client sent one. */
  readonly origin: string | undefined;
  /** Whether the connection is encrypted. */
  readonly secure: boolean;
  /** The request. */
  readonly req: WebSocketRequest;
}

/** The callback of an asynchronous `verifyClient`. A refusal has a status (by default 401), a body and header fields. */
export type VerifyAnswer = (
  accepted: boolean,
  code?: number,
  message?: string,
  headers?: Readonly<Record<string, string | number>>,
) => void;

/** Decides whether a client may connect: returns the decision, or calls its second parameter with it. */
export type VerifyClient = (info: ClientInfo, answer: VerifyAnswer) => boolean | void;

/** The hooks that decide about requests. */
export interface Judge {
  /** Whether the server accepts no more clients. */
  readonly stopping: boolean;
  /** Whether the request is for this server. */
  shouldHandle(request: WebSocketRequest): boolean;
  /** Decides about the client. */
  readonly verifyClient?: VerifyClient | null | undefined;
  /** Chooses the subprotocol. */
  readonly handleProtocols?: ((protocols: Set<string>, request: WebSocketRequest) => string | false) | null | undefined;
  /** Passes the lines of the response to the listeners of `headers`, if there are any. */
  readonly showHeaders?: ((lines: string[]) => void) | undefined;
}

/**
 * Calls the hooks.
 *
 * @param judge The hooks.
 * @param upgrade The request, which was checked.
 * @param request The same request for the hooks.
 * @returns The result, or the refusal.
 */
export async function decide<Data>(
  judge: Judge,
  upgrade: UpgradeRequest,
  request: WebSocketRequest,
  data: Data,
): Promise<UpgradeAnswer<Data> | Response> {
  if (!judge.shouldHandle(request)) return refusal(400);
  if (judge.verifyClient) {
    const refused = await verify(judge.verifyClient, { origin: upgrade.origin, secure: upgrade.secure, req: request });
    if (refused !== undefined) return refused;
  }
  if (judge.stopping) return refusal(503);
  const protocol = chooseProtocol(judge, upgrade, request);
  return {
    protocol,
    ...(judge.showHeaders && { headers: await shownHeaders(judge.showHeaders, upgrade, protocol) }),
    data,
  };
}

/** Calls `verifyClient`. As in `ws`, it is asynchronous if it has two parameters. */
function verify(verifyClient: VerifyClient, info: ClientInfo): Response | undefined | Promise<Response | undefined> {
  const { promise, resolve } = defer<Response | undefined>();
  const accepted = verifyClient(info, (accepted, code = 401, message, headers) => {
    resolve(accepted ? undefined : refusal(code, message, headers));
  });
  return verifyClient.length === 2 ? promise : accepted ? undefined : refusal(401);
}

function refusal(
  status: number,
  message: string = STATUS_CODES[status] ?? "",
  headers: Readonly<Record<string, string | number>> = {},
): Response {
  const fields = new Headers({ "Content-Type": "text/html" });
  for (const [name, value] of Object.entries(headers)) fields.set(name, String(value));
  return new Response(message, { status, headers: fields });
}

/** By default the first one that the client requests. */
function chooseProtocol({ handleProtocols }: Judge, { protocols }: UpgradeRequest, request: WebSocketRequest): string {
  if (protocols.length === 0) return "";
  if (!handleProtocols) return protocols[0]!;
  return handleProtocols(new Set(protocols), request) || "";
}

/** Passes the lines of the response to listeners, and returns the lines that they added. */
async function shownHeaders(
  show: (lines: string[]) => void,
  { key }: UpgradeRequest,
  protocol: string,
): Promise<[string, string][]> {
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${await acceptKey(key)}`,
    ...(protocol === "" ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
  ];
  const own = new Set(lines);
  show(lines);
  return fieldsIn(lines.filter((line) => !own.has(line))).map(([name, value]) => [name, value]);
}
