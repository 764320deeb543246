/**
 * One stream of an HTTP/2 server as an exchange that may open a WebSocket.
 *
 * @module
 */
import type { OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { ConnectionError } from "../errors.ts";
import {
  acceptExtendedConnect,
  connectFields,
  readExtendedConnect,
  refusalFields,
} from "../handshake/extended_connect.ts";
import type { HeaderFields } from "../handshake/http_fields.ts";
import type { HeadLimits } from "../handshake/http_head.ts";
import type { UpgradeRequest } from "../handshake/server_handshake.ts";
import { answerAndEnd } from "../transport/opening.ts";
import { transportOf } from "../transport/transport.ts";
import type { CompleteRequest, Exchange } from "../server/exchange.ts";
import { streamConnection } from "./stream_connection.ts";

/** The arguments of a `stream` event that are used here. */
export interface StreamEvent {
  /** The stream. No other code may read it or respond on it. */
  readonly stream: ServerHttp2Stream;
  /** The request's header fields as they arrived, with names and values alternating: the event's fourth argument. */
  readonly rawHeaders: readonly string[];
}

/**
 * Makes the exchange of a stream.
 *
 * @param event The stream, which the exchange owns from now on, and its header fields.
 * @param limits The limits of the request's head.
 */
export function http2Exchange({ stream, rawHeaders }: StreamEvent, limits: HeadLimits): Exchange {
  const { remoteAddr, localAddr, secure = false, ...conn } = streamConnection(stream);
  const transport = transportOf(conn);
  const fields = pairs(rawHeaders);

  const respond = (answer: HeaderFields): void => {
    try {
      stream.respond(outgoing(answer));
    } catch (cause) {
      throw new ConnectionError("The stream was lost during the handshake", { cause });
    }
  };
  const complete = (request: UpgradeRequest): CompleteRequest => ({
    accept(choice) {
      respond(acceptExtendedConnect(request, choice));
      return { transport, first: new Uint8Array(0) };
    },
  });

  return {
    remoteAddr,
    localAddr,
    secure,
    readHead: () => ({
      fields: connectFields(fields),
      check({ secure }) {
        const request = readExtendedConnect(fields, { secure, limits });
        return { request, complete: () => complete(request) };
      },
    }),
    async refuse(response) {
      try {
        respond(refusalFields(response));
      } catch {
        return transport.close();
      }
      // Some statuses have no body and end with their head.
      await answerAndEnd(transport, stream.writableEnded ? new Uint8Array(0) : response.body);
    },
    drop: () => transport.close(),
  };
}

/** Converts a list of alternating names and values to fields. */
export function pairs(raw: readonly string[]): HeaderFields {
  return raw.flatMap((name, at) => at % 2 === 0 ? [[name, raw[at + 1] ?? ""] as const] : []);
}

/** Converts fields to the form that `node:http2` accepts. */
export function outgoing(fields: HeaderFields): OutgoingHttpHeaders {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of fields) {
    const before = headers[name];
    headers[name] = before === undefined ? value : [before, value].flat();
  }
  return headers;
}
