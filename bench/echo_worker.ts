/**
 * Our server in one of several workers: `bench/echo_server.ts --workers N`.
 *
 * @module
 */
import { startWorker } from "../lib/workers/mod.ts";
import { type EchoOptions, serveEcho } from "./serve_echo.ts";

startWorker<EchoOptions>((listen, { data, broker }) => serveEcho(data, listen, broker()));
