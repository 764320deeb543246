/**
 * One connection over the browser's own `WebSocket`.
 *
 * @module
 */
import { ConnectionError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import { PlatformConnection } from "../server/platform_connection.ts";
import { withDeadline } from "../transport/opening.ts";

/** How it is opened. */
export interface OpenOptions<Data> {
  /** The subprotocols to offer. */
  protocols: string | readonly string[];
  /** The limits. */
  limits: Limits;
  /** What the application keeps with it. */
  data: Data | undefined;
  /** Gives up the attempt. */
  signal: AbortSignal;
}

/**
 * Opens a connection.
 *
 * @param url An absolute URL, or one that is relative to the page; `http` and `https` stand for `ws` and `wss`.
 * @param options How.
 * @returns The connection. If there is no connection, it rejects with a `ConnectionError`; a browser does not give the reason.
 */
export async function openInBrowser<Data>(
  url: string | URL,
  { protocols, limits, data, signal }: OpenOptions<Data>,
): Promise<PlatformConnection<Data>> {
  const { href } = absolute(url);
  const socket = new WebSocket(href, typeof protocols === "string" ? protocols : [...protocols]);
  const opened = new Promise<PlatformConnection<Data>>((resolve, reject) => {
    socket.onopen = () => {
      const { protocol, extensions } = socket;
      resolve(
        new PlatformConnection<Data>({
          socket,
          name: "the browser's WebSocket",
          role: "client",
          url: href,
          headers: new Headers(),
          protocol,
          extensions,
          closeCodeFor,
          limits,
          remoteAddr: undefined,
          data,
          hub: undefined,
        }),
      );
    };
    socket.onclose = () => reject(new ConnectionError(`Cannot connect to ${href}: the browser's console says why`));
  });
  const { handshakeTimeout: time } = limits;
  const late = () => new ConnectionError(`The handshake took more than ${time} ms`);
  try {
    return await withDeadline(opened, { time, late, signal });
  } catch (error) {
    opened.catch(() => {});
    socket.close();
    throw error;
  }
}

function absolute(url: string | URL): URL {
  const { location } = globalThis;
  const target = new URL(url, location === undefined ? undefined : location.href);
  target.protocol = target.protocol.replace(/^http/, "ws");
  target.hash = "";
  return target;
}

/** A page may close with 1000 and 3000 to 4999 only (WHATWG). Another code is sent in the range of applications: 1007 as 4007. */
export function closeCodeFor(closeCode: number): number {
  return closeCode === 1000 || closeCode >= 3000 ? closeCode : closeCode + 3000;
}
