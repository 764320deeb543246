/**
 * A conversation: lines in, messages out, until one side ends it.
 *
 * @module
 */
import { CloseCode } from "../../pipeline/frames/close_code.ts";
import type { MessageData } from "../../pipeline/messages/message.ts";
import type { CloseInfo, WebSocketConnection } from "../../connection/websocket_connection.ts";
import type { ClientOptions } from "./client_options.ts";
import { linesOf } from "./lines.ts";
import type { Screen } from "./screen.ts";

/** What a conversation is made of. */
export interface ConversationOptions {
  /** What is said. */
  readonly input: AsyncIterable<Uint8Array<ArrayBuffer>>;
  /** Where the answers go. */
  readonly screen: Screen;
  /** How it goes and how it ends. */
  readonly options: Pick<ClientOptions, "binary" | "close" | "linger" | "noClose" | "one" | "ping">;
  /** Ends it, politely. */
  readonly signal: AbortSignal;
}

/**
 * Talks to a server.
 *
 * @param socket The connection, which is closed afterwards.
 * @param options What is said, and how it ends.
 * @returns The exit code: 0 if the connection was closed by us, or by the server with 1000 or no code; 3 if not, or if there was
 *   no message to wait for.
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
  /** Closes after silence, once there is nothing more to say. Where our own output is slow, it is not the peer's silence. */
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
    socket.ping().then(told, () => {}); // the end is reported once
    pinging = setTimeout(ping, options.ping);
  };

  if (options.ping > 0) pinging = setTimeout(ping, options.ping);
  signal.addEventListener("abort", close);
  if (signal.aborted) close();
  screen.ask();
  // Neither is waited for: a terminal gives no line when the server has ended it.
  const failed = (error: unknown) => {
    // The program that reads our output, such as `head`, may end first. How the connection ended is reported below.
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
