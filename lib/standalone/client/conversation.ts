/**
 * A conversation: it sends lines and prints messages, until one side ends it.
 *
 * @module
 */
import { CloseCode } from "../../pipeline/frames/close_code.ts";
import type { MessageData } from "../../pipeline/messages/message.ts";
import type { CloseInfo, WebSocketConnection } from "../../connection/websocket_connection.ts";
import type { ClientOptions } from "./client_options.ts";
import { linesOf } from "./lines.ts";
import type { Screen } from "./screen.ts";

/** The parts of a conversation. */
export interface ConversationOptions {
  /** The input. */
  readonly input: AsyncIterable<Uint8Array<ArrayBuffer>>;
  /** The output. */
  readonly screen: Screen;
  /** How it runs and how it ends. */
  readonly options: Pick<ClientOptions, "binary" | "close" | "linger" | "noClose" | "one" | "ping">;
  /** Ends the conversation with a closing handshake. */
  readonly signal: AbortSignal;
}

/**
 * Talks to a server.
 *
 * @param socket The connection. It is closed afterwards.
 * @param options The input, the output, and how to end.
 * @returns The exit code: 0 if this end closed the connection, or the server did so with 1000 or no code; 3 otherwise, or if the
 *    expected message did not arrive.
 */
export async function converse(
  socket: WebSocketConnection,
  { input, screen, options, signal }: ConversationOptions,
): Promise<0 | 3> {
  let ours = false;
  let messages = 0;
  let failures = 0;
  let inputEnded = false;
  let showing = false;
  let lingering: ReturnType<typeof setTimeout> | undefined;
  let pinging: ReturnType<typeof setTimeout> | undefined;

  const close = () => {
    ours ||= socket.readyState === 1;
    void socket.close(options.close);
  };
  /** Closes after a time of silence at the end of the input. While the output is slow, the peer is not considered silent. */
  const linger = () => {
    clearTimeout(lingering);
    if (inputEnded && !showing && !options.noClose && !options.one) lingering = setTimeout(close, options.linger);
  };

  const say = async () => {
    const chunks: AsyncIterable<MessageData> = options.binary ? input : linesOf(input);
    for await (const data of chunks) {
      if (socket.readyState !== 1) return;
      screen.answered();
      await socket.send(data);
      screen.ask();
    }
    inputEnded = true;
    screen.askNoMore();
    linger();
  };
  const listen = async () => {
    for await (const message of socket) {
      messages++;
      showing = true;
      clearTimeout(lingering);
      await screen.message(message);
      showing = false;
      if (options.one) return close();
      linger();
    }
  };
  const ping = () => {
    if (socket.readyState !== 1) return;
    const told = (time: number) => screen.news(`Pong after ${time.toFixed(1)} ms`);
    socket.ping().then(told, () => {}); // the end of the connection is reported elsewhere
    pinging = setTimeout(ping, options.ping);
  };

  if (options.ping > 0) pinging = setTimeout(ping, options.ping);
  signal.addEventListener("abort", close);
  if (signal.aborted) close();
  screen.ask();
  // Wait for neither: a terminal provides no line after the server has closed.
  const failed = (error: unknown) => {
    // The program that reads the output, such as `head`, may end first. The end of the connection is reported below.
    if (socket.readyState === 1 && !(error instanceof Deno.errors.BrokenPipe)) {
      failures++;
      screen.error(String(error));
    }
    close();
  };
  say().catch(failed);
  await listen().catch(failed);

  const info = await socket.closed;
  clearTimeout(pinging);
  clearTimeout(lingering);
  signal.removeEventListener("abort", close);
  screen.askNoMore();
  tell(info, screen);
  if (failures > 0 || (options.one && messages === 0 && !signal.aborted)) return 3;
  const fine = ours || info.closeCode === CloseCode.NORMAL || info.closeCode === CloseCode.NO_STATUS;
  return info.wasClean && fine ? 0 : 3;
}

function tell({ closeCode, reason, wasClean, error }: CloseInfo, screen: Screen): void {
  const why = reason === "" ? "" : `: ${reason}`;
  if (!wasClean) screen.error(`Lost the connection: ${error instanceof Error ? error.message : String(error)}`);
  else screen.news(closeCode === CloseCode.NO_STATUS ? "Closed with no code" : `Closed with ${closeCode}${why}`);
}
