/**
 * The command-line server: WebSockets on `/echo` and with handlers from files, and a console to try them on `/`. With `client` as
 * its first word it is the command-line client.
 *
 * ```sh
 * deno run --allow-net --allow-read=handlers jsr:@sluice/websocket/standalone --port 8080 --handlers handlers
 * deno run --allow-net jsr:@sluice/websocket/standalone client ws://127.0.0.1:8080/echo
 * ```
 *
 * `--help` shows all options.
 *
 * @module
 */
import { join } from "node:path";
import { type HandlerDirectory, loadHandlers } from "../handlers/handler_directory.ts";
import { legacyDrafts } from "../legacy/mod.ts";
import { serve, type WebSocketServer } from "../server/serve.ts";
import { combineObservers } from "../telemetry/combine_observers.ts";
import { prometheusMetrics } from "../telemetry/prometheus.ts";
import type { WorkersServer } from "../workers/serve_workers.ts";
import { createBasicAuth, readUsers } from "./basic_auth.ts";
import { named, print, StartError } from "./command_line.ts";
import { listen } from "./listen.ts";
import { connectionNumbers, createLog, type Log, openLogSink } from "./log.ts";
import { limitsOf, type Options } from "./options.ts";
import { readOptions } from "./read_options.ts";
import { createSite } from "./site.ts";
import { createSockets, type SocketSession } from "./sockets.ts";
import { serveFiles } from "./static_files.ts";
import { usage } from "./usage.ts";
import { reloadOnChange } from "./watch.ts";
import { startWorkers, type WorkerPlace } from "./workers.ts";

export type { SocketSession } from "./sockets.ts";

/**
 * Runs the server.
 *
 * @param args The words of the command line.
 * @returns The server, or the exit code if it does not run: 1 if it cannot listen, 2 for an invalid option.
 */
export async function main(
  args: readonly string[],
): Promise<WebSocketServer<SocketSession> | WorkersServer | number> {
  try {
    const options = await readOptions(args);
    if (options.help) {
      print(Deno.stdout, usage());
      return 0;
    }
    const server = options.workers === 1 ? await start(options) : await startWorkers(options);
    const page = server.url.replace(/^ws/, "http");
    print(Deno.stdout, `Open ${page}/ in a browser; WebSockets echo on /echo\n`);
    return server;
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    print(Deno.stderr, `serve: ${error.message}${error.exitCode === 2 ? " (--help shows the options)" : ""}\n`);
    return error.exitCode;
  }
}

/**
 * Starts the server.
 *
 * @internal
 * @param options The options.
 * @param worker Its place, if it is one of several.
 * @returns The server, which is already listening.
 * @throws {StartError} If it cannot listen or an option is invalid.
 */
export async function start(options: Options, worker?: WorkerPlace): Promise<WebSocketServer<SocketSession>> {
  const { deflate, documentRoot, handlers, hixie75, legacy, logFile, logLevel, mapFile, origins, tlsCert } = options;
  using cleanup = new DisposableStack();
  const sink = cleanup.use(await named("log-file", logFile ?? "", () => openLogSink(logFile)));
  const log = createLog(sink, logLevel, options.logFormat, { worker: worker?.index });
  const authenticate = await basicAuth(options);
  const directory = handlers === undefined ? undefined : await loadDirectory(options, handlers, log, worker);
  const files = documentRoot === undefined ? undefined : await named("document-root", documentRoot, serveFiles);
  const idOf = connectionNumbers();
  const sockets = createSockets({ directory, authenticate, log, idOf });
  const metrics = options.metrics ? prometheusMetrics() : undefined;
  if (options.watch && handlers !== undefined && directory !== undefined) {
    const paths = mapFile === undefined ? [handlers] : [handlers, mapFile];
    cleanup.use(reloadOnChange({ paths, directory, log }));
  }

  const server = serve<SocketSession>({
    ...limitsOf(options),
    listener: await listen(
      worker === undefined ? options : { ...options, port: worker.port },
      worker !== undefined,
      log,
    ),
    secure: tlsCert !== undefined,
    proxies: options.proxies,
    ...(origins === undefined ? {} : { origins }),
    upgrade: sockets.upgrade,
    perMessageDeflate: deflate,
    ...(legacy ? { legacy: legacyDrafts({ hixie75 }) } : {}),
    http: createSite({
      ...(worker?.shared({ sockets, metrics }) ?? { sockets, metrics: metrics?.text }),
      files,
      authenticate,
      log,
      idOf,
    }),
    observer: metrics === undefined ? sockets.observer : combineObservers(metrics.observer, sockets.observer),
    onError: sockets.onError,
  }, sockets.handler);
  const ending = cleanup.move();
  void server.finished.then(() => {
    log.info("stop");
    ending.dispose();
  });
  log.info("listen", { url: server.url, handlers: directory?.resources.length });
  return server;
}

async function basicAuth(options: Options): Promise<((headers: Headers) => Promise<boolean>) | undefined> {
  const { basicAuth, basicAuthFile } = options;
  if (basicAuth === undefined && basicAuthFile === undefined) return undefined;
  const users = basicAuth === undefined ? [] : [basicAuth];
  if (basicAuthFile !== undefined) {
    users.push(
      ...await named("basic-auth-file", basicAuthFile, async (path) => readUsers(await Deno.readTextFile(path))),
    );
  }
  return createBasicAuth(users);
}

async function loadDirectory(
  { scanDir, mapFile }: Options,
  root: string,
  log: Log,
  worker: WorkerPlace | undefined,
): Promise<HandlerDirectory> {
  // Checked one by one first, so that the error names the invalid option.
  await named("handlers", root, Deno.stat);
  if (scanDir !== undefined) await named("scan-dir", scanDir, () => Deno.stat(join(root, scanDir)));
  if (mapFile !== undefined) await named("map-file", mapFile, Deno.readTextFile);
  // All workers load the same handlers, so only one of them logs it.
  const level = worker === undefined || worker.index === 0 ? "warn" : "debug";
  const onWarning = ({ message }: Error) => log[level]("handlers", { warning: message });
  return await named(scanDir === undefined ? "handlers" : "scan-dir", scanDir ?? root, () =>
    loadHandlers({
      root,
      onWarning,
      ...(scanDir === undefined ? {} : { scanDir }),
      ...(mapFile === undefined ? {} : { mapFile }),
    }));
}

if (import.meta.main) {
  if (Deno.args[0] === "client") Deno.exit(await (await import("./client/main.ts")).main(Deno.args.slice(1)));
  const started = await main(Deno.args);
  if (typeof started === "number") Deno.exit(started);
  // The first signal lets all connections finish, the second ends at once.
  let signals = 0;
  const stop = () => {
    if (++signals > 1) Deno.exit(130);
    void started.shutdown().then(() => Deno.exit(0));
  };
  Deno.addSignalListener("SIGINT", stop);
  // Windows has no other signal.
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", stop);
}
