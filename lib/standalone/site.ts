/**
 * The responses to ordinary requests: the console and its data, metrics, and files.
 *
 * @module
 */
import type { UpgradeInfo } from "../server/server_options.ts";
import { PROMETHEUS_CONTENT_TYPE } from "../telemetry/prometheus.ts";
import { BASIC_CHALLENGE } from "./basic_auth.ts";
import { consolePage } from "./console_page.ts";
import type { Log } from "./log.ts";
import { authority, type Sockets } from "./sockets.ts";
import { methodNotAllowed, type StaticFiles } from "./static_files.ts";

/** What other modules provide. */
export interface SiteOptions {
  /** The WebSockets that the console talks to. */
  readonly sockets: Pick<Sockets, "resources" | "ping">;
  /** The files, if there are any. */
  readonly files: StaticFiles | undefined;
  /** Whether the request's credentials belong to a user. */
  readonly authenticate: ((headers: Headers) => Promise<boolean>) | undefined;
  /** Records events. */
  readonly log: Log;
  /** A connection's number, for the log. */
  readonly idOf: (info: UpgradeInfo) => number;
  /** Returns the metrics for `/metrics`, or `undefined` while they are not available. Without it there is no `/metrics`. */
  readonly metrics?: (() => string | Promise<string | undefined>) | undefined;
}

/**
 * Makes the option `http` of `serve`. The console is on `/`, or only on `/console` if the document root has an `index.html`.
 *
 * @param options What other modules provide.
 * @returns A function that responds to requests.
 */
export function createSite(options: SiteOptions): (request: Request, info: UpgradeInfo) => Promise<Response> {
  const { authenticate, log, idOf } = options;
  return async (request, info) => {
    const { pathname } = new URL(request.url);
    const response = authenticate !== undefined && !(await authenticate(request.headers))
      ? new Response("Unknown user or wrong password\n", {
        status: 401,
        headers: { "WWW-Authenticate": BASIC_CHALLENGE },
      })
      : await answer(request, pathname, options);
    log[OFTEN.has(pathname) ? "debug" : "info"]("http", {
      connection: idOf(info),
      remote: authority(info.remoteAddr),
      method: request.method,
      path: pathname,
      status: response.status,
    });
    return response;
  };
}

/** The path at which the console requests a ping on its connection. */
const PING = "/ping.json";
/** The path for Prometheus. */
const METRICS = "/metrics";
/** Requested so often that they are only logged at level debug: the console pings every second, and Prometheus scrapes all day. */
const OFTEN: ReadonlySet<string> = new Set([PING, METRICS]);

async function answer(
  request: Request,
  pathname: string,
  { sockets, files, metrics }: SiteOptions,
): Promise<Response> {
  const isRead = request.method === "GET" || request.method === "HEAD";
  if (pathname === METRICS && metrics !== undefined) {
    if (!isRead) return methodNotAllowed();
    const text = await metrics();
    return text === undefined
      ? new Response("A worker does not answer\n", { status: 503, headers: UNCACHED })
      : new Response(text, { headers: { "Content-Type": PROMETHEUS_CONTENT_TYPE, ...UNCACHED } });
  }
  switch (pathname) {
    case "/":
      return await files?.(request) ?? (isRead ? consolePage() : methodNotAllowed());
    case "/console":
      return isRead ? consolePage() : methodNotAllowed();
    case "/handlers.json":
      return isRead ? json({ resources: sockets.resources() }) : methodNotAllowed();
    case PING: {
      if (!isRead) return methodNotAllowed();
      const id = new URL(request.url).searchParams.get("console") ?? "";
      return json({ roundTripTime: await sockets.ping(id) ?? null });
    }
    default:
      return await files?.(request) ??
        (sockets.resources().includes(pathname)
          ? upgradeRequired(pathname)
          : new Response("Not found\n", { status: 404 }));
  }
}

/** RFC 9110 §15.5.22: the resource exists, but only as a WebSocket. */
function upgradeRequired(pathname: string): Response {
  const text = `${pathname} is a WebSocket. Connect with: deno task connect ws://HOST:PORT${pathname}\n`;
  return new Response(text, { status: 426, headers: { Upgrade: "websocket" } });
}

function json(value: unknown): Response {
  return Response.json(value, { headers: UNCACHED });
}

const UNCACHED = { "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };
