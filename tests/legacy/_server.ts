/**
 * A server of every draft on loopback, and what the clients of a draft say to it.
 *
 * @module
 */
import { assert } from "@std/assert";
import type { LegacyVersion } from "../../lib/handshake/server_handshake.ts";
import { legacyDrafts } from "../../lib/legacy/legacy_drafts.ts";
import type { WebSocketHandler } from "../../lib/connection/readers/callbacks.ts";
import { serve, type WebSocketServer } from "../../lib/server/serve.ts";
import type { ServeOptions } from "../../lib/server/server_options.ts";
import type { RawFrame } from "../../lib/testing/raw_frame.ts";
import { close, type RawPeer, text } from "../_support/raw_peer.ts";
import { delimited, expectBytes } from "./_support.ts";

/** The closing handshake of hixie-76. */
export const CLOSING = Uint8Array.of(0xff, 0x00);

/** The two ways to write an echo. */
export const ECHOES: Record<string, WebSocketHandler> = {
  "a function": async (socket) => {
    for await (const message of socket) await socket.send(message);
  },
  "callbacks": { message: (socket, data) => void socket.send(data) },
};

/** A server that runs. */
export interface Started {
  server: WebSocketServer;
  port: number;
  reports: unknown[];
}

/** A server of every draft on a free port of the loopback interface. What it reports is kept. */
export function start(handler: WebSocketHandler = ECHOES["callbacks"]!, options: ServeOptions = {}): Started {
  const reports: unknown[] = [];
  const server = serve({
    hostname: "127.0.0.1",
    port: 0,
    protocols: ["sample"],
    legacy: legacyDrafts({ hixie75: true }),
    onError: (error) => void reports.push(error),
    ...options,
  }, handler);
  assert(server.addr.transport === "tcp");
  return { server, port: server.addr.port, reports };
}

/** A message as a client of a draft sends it, and as the server does. */
export const message = (version: LegacyVersion, content: string): Uint8Array | RawFrame =>
  typeof version === "string" ? delimited(content) : text(content);

/** Reads one message as a client of a draft. */
export async function expectMessage(peer: RawPeer, version: LegacyVersion, content: string): Promise<void> {
  if (typeof version === "string") await expectBytes(peer, delimited(content));
  else await peer.expect(text(content));
}

/** Ends a connection as a client of a draft does, and waits for the server's end. */
export async function leave(peer: RawPeer, version: LegacyVersion): Promise<void> {
  if (version === "hixie-75") {
    await peer.closeWrite();
  } else if (version === "hixie-76") {
    await peer.send(CLOSING);
    await expectBytes(peer, CLOSING);
  } else {
    await peer.send(close(1000));
    await peer.expect(close(1000));
  }
  await peer.expectEnd();
  peer.close();
}
