/**
 * The command-line client: it sends the lines of standard input as messages, and prints messages on standard output.
 *
 * ```sh
 * deno run --allow-net jsr:@sluice/websocket/standalone client wss://example.com/chat
 * ```
 *
 * `--help` shows all options.
 *
 * @module
 */
import { connect } from "../../client/connect.ts";
import { ConnectionError, HandshakeError } from "../../errors.ts";
import type { WebSocketConnection } from "../../connection/websocket_connection.ts";
import { named, print, StartError, writeAll } from "../command_line.ts";
import { type ClientOptions, clientUsage, readClientOptions } from "./client_options.ts";
import { converse } from "./conversation.ts";
import { createScreen, type Output } from "./screen.ts";
import { createStyle, oneLine } from "./terminal.ts";

/** How many characters of a refusal's body are shown. */
const SHOWN_BODY = 200;

/**
 * Runs the client to its end.
 *
 * @param args The words of the command line.
 * @returns The exit code: 0 if this end closed the connection, or the server did so with 1000 or no code; 1 if there was no
 *    connection; 2 for an invalid option; 3 if the connection ended in another way.
 */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const { options, url } = readClientOptions(args);
    if (!options.help) return await run(url, options);
    print(Deno.stdout, clientUsage());
    return 0;
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    const style = createStyle(!Deno.noColor && Deno.stderr.isTerminal());
    const advice = error.exitCode === 2 ? " (--help shows the options)" : "";
    print(Deno.stderr, `${style.error(`client: ${oneLine(error.message)}${advice}`)}\n`);
    return error.exitCode;
  }
}

async function run(url: string, options: ClientOptions): Promise<number> {
  const socket = await open(url, options);
  const { binary, hex, quiet } = options;
  const screen = createScreen({
    stdout: outputOf(Deno.stdout),
    stderr: { isTerminal: Deno.stderr.isTerminal(), write: (bytes) => writeAll(Deno.stderr, bytes) },
    typed: Deno.stdin.isTerminal(),
    colors: !Deno.noColor,
    binary,
    hex,
    quiet,
  });
  const agreed = [socket.protocol, socket.extensions].filter((part) => part !== "");
  screen.news(`Connected to ${socket.url}${agreed.length === 0 ? "" : ` (${agreed.join("; ")})`}`);
  const stop = new AbortController();
  using _signals = onSignals(() => stop.abort());
  return await converse(socket, { input: Deno.stdin.readable, screen, options, signal: stop.signal });
}

async function open(url: string, options: ClientOptions): Promise<WebSocketConnection> {
  const { ca, deflate, header, protocol, proxy, timeout } = options;
  const caCerts = ca === undefined ? undefined : [await named("ca", ca, Deno.readTextFile)];
  try {
    return await connect(url, {
      headers: header.map(([name, value]) => [name, value]),
      protocols: protocol,
      perMessageDeflate: deflate,
      handshakeTimeout: timeout,
      ...(caCerts === undefined ? {} : { caCerts }),
      ...(proxy === undefined ? {} : { proxy }),
    });
  } catch (error) {
    throw startError(error);
  }
}

/** Converts an error to one line, including what the server or the system reported. */
function startError(error: unknown): unknown {
  if (error instanceof HandshakeError) {
    const body = new TextDecoder().decode(error.body).trim();
    const shown = body.length > SHOWN_BODY ? `${body.slice(0, SHOWN_BODY)}…` : body;
    return new StartError(`${error.message}${shown === "" ? "" : `: ${shown}`}`, 1);
  }
  if (error instanceof ConnectionError) {
    const { cause } = error;
    // The message of a failed TLS handshake has its cause already.
    const why = cause instanceof Error && !error.message.includes(cause.message) ? `: ${cause.message}` : "";
    return new StartError(`${error.message}${why}`, 1);
  }
  if (error instanceof Deno.errors.NotCapable) {
    const [, access = "net"] = /Requires (\w+) access/.exec(error.message) ?? [];
    return new StartError(`Deno needs --allow-${access} to connect`, 2);
  }
  // The caller's own mistakes, such as a repeated subprotocol.
  if (error instanceof DOMException || error instanceof TypeError) return new StartError(error.message, 2);
  return error;
}

/** A terminal is written synchronously and in order. A pipe may be slow, and pings are answered meanwhile. */
function outputOf(target: typeof Deno.stdout): Output {
  if (target.isTerminal()) return { isTerminal: true, write: (bytes) => writeAll(target, bytes) };
  return {
    isTerminal: false,
    async write(bytes) {
      while (bytes.length > 0) bytes = bytes.subarray(await target.write(bytes));
    },
  };
}

/** The first signal ends it with a closing handshake, the second at once. */
function onSignals(stop: () => void): Disposable {
  let count = 0;
  const receive = () => {
    if (++count > 1) Deno.exit(130);
    stop();
  };
  // Windows has no SIGTERM.
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  for (const signal of signals) Deno.addSignalListener(signal, receive);
  return {
    [Symbol.dispose]() {
      for (const signal of signals) Deno.removeSignalListener(signal, receive);
    },
  };
}

// Standard input may still be waiting for a line.
if (import.meta.main) Deno.exit(await main(Deno.args));
