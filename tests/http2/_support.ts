/**
 * HTTP/2 servers and sessions of the tests, in cleartext where TLS is not the point, and closed when the test is done.
 *
 * @module
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { assert } from "@std/assert";
import { connectHttp2 } from "../../lib/http2/connect_http2.ts";
import type { Http2WebSocketSession } from "../../lib/http2/http2_session.ts";
import { serveHttp2, type ServeHttp2Options } from "../../lib/http2/serve_http2.ts";
import type { NodeUpgrades } from "../../lib/node/serve_node.ts";
import type { WebSocketHandler } from "../../lib/connection/readers/callbacks.ts";
import { soon } from "../_support/wait.ts";

/** A server that listens. */
export interface ListeningHttp2 extends AsyncDisposable {
  readonly port: number;
  /** The sessions that ever were. */
  readonly sessions: ServerHttp2Session[];
}

/** Lets a server listen. At the end its sessions must have ended by themselves, or nearly. */
export async function listenHttp2(server: Http2Server | Http2SecureServer): Promise<ListeningHttp2> {
  const sessions: ServerHttp2Session[] = [];
  server.on("session", (session: ServerHttp2Session) => void sessions.push(session));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const address = server.address();
  assert(typeof address === "object" && address !== null);
  return {
    port: address.port,
    sessions,
    [Symbol.asyncDispose]: () =>
      soon(new Promise<void>((resolve) => server.close(() => resolve())), "The end of the HTTP/2 server"),
  };
}

/** A client's session that nothing of ours made. */
export async function rawSession(port: number): Promise<ClientHttp2Session & AsyncDisposable> {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  await soon(new Promise((resolve) => session.once("remoteSettings", resolve)), "The server's SETTINGS");
  return Object.assign(session, {
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => session.destroyed ? resolve() : session.once("close", resolve));
      session.destroy();
      await soon(closed, "The end of the session");
    },
  });
}

/** The fields of a request that is in order, but for what `changes` says; `undefined` leaves a field out. */
export function connectHeaders(
  port: number,
  changes: Record<string, string | string[] | undefined> = {},
): OutgoingHttpHeaders {
  const fields: Record<string, string | string[] | undefined> = {
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":scheme": "http",
    ":path": "/chat?x=1",
    ":authority": `127.0.0.1:${port}`,
    "sec-websocket-version": "13",
    ...changes,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** An answer's head. */
export type AnswerHeaders = IncomingHttpHeaders & IncomingHttpStatusHeader;

/** Waits for the answer to a request. */
export function answered(stream: ClientHttp2Stream): Promise<AnswerHeaders> {
  return soon(
    new Promise((resolve, reject) => {
      stream.once("response", (headers: AnswerHeaders) => resolve(headers));
      stream.once("error", reject);
      stream.once("close", () => reject(new Error(`The stream was closed with ${stream.rstCode}`)));
    }),
    "The answer",
  );
}

/** Reads a stream to its end, as text. */
export async function bodyOf(stream: ClientHttp2Stream): Promise<string> {
  let text = "";
  if (stream.readableEnded) return text;
  stream.setEncoding("utf8");
  stream.on("data", (part: string) => void (text += part));
  await soon(new Promise((resolve) => stream.once("end", resolve)), "The end of the body");
  return text;
}

/** Both ends of a stream that an extended CONNECT has opened. */
export interface StreamPair extends AsyncDisposable {
  readonly client: ClientHttp2Stream;
  readonly server: ServerHttp2Stream;
  readonly session: ClientHttp2Session;
  readonly sessions: ServerHttp2Session[];
}

/** Opens a stream. */
export async function streamPair(): Promise<StreamPair> {
  const server = createServer({ settings: { enableConnectProtocol: true } });
  const opened = Promise.withResolvers<ServerHttp2Stream>();
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.respond({ ":status": 200 });
    opened.resolve(stream);
  });
  const listening = await listenHttp2(server);
  const session = await rawSession(listening.port);
  const client = session.request(connectHeaders(listening.port), { endStream: false });
  await answered(client);
  return {
    client,
    server: await soon(opened.promise, "The stream"),
    session,
    sessions: listening.sessions,
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]();
      await listening[Symbol.asyncDispose]();
    },
  };
}

/** A server in cleartext that does with each stream what a test wants. */
export async function answering(
  answer: (stream: ServerHttp2Stream, headers: AnswerHeaders) => void,
  settings = {},
): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer({ settings: { enableConnectProtocol: true, ...settings } });
  server.on("stream", answer);
  server.on("sessionError", () => {});
  const { port, [Symbol.asyncDispose]: stop } = await listenHttp2(server);
  return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: stop };
}

/** A server that listens, with our WebSockets. */
export interface Serving extends ListeningHttp2 {
  readonly upgrades: NodeUpgrades;
  readonly reports: unknown[];
  /** The server's URL. */
  readonly url: string;
}

/** A server in cleartext with our WebSockets, which echoes where nothing else is said. What is reported is noted. */
export async function serving(
  options: ServeHttp2Options = {},
  { server = createServer(), handler = ECHO }: { server?: Http2Server; handler?: WebSocketHandler } = {},
): Promise<Serving> {
  const reports: unknown[] = [];
  const upgrades = serveHttp2(
    server,
    { pingInterval: 0, onError: (error) => void reports.push(error), ...options },
    handler,
  );
  const { [Symbol.asyncDispose]: stop, ...listening } = await listenHttp2(server);
  return {
    ...listening,
    upgrades,
    reports,
    url: `http://127.0.0.1:${listening.port}`,
    async [Symbol.asyncDispose]() {
      await soon(upgrades.shutdown(), "The shutdown");
      await stop();
    },
  };
}

const ECHO: WebSocketHandler = { message: (socket, data) => socket.send(data) };

/** Opens a session of ours. */
export function opening(url: string): Promise<Http2WebSocketSession> {
  return soon(connectHttp2(url), "The session");
}
