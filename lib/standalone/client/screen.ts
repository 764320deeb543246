/**
 * Where messages and news of the connection go: to a terminal in a form for people, to a pipe as they are.
 *
 * @module
 */
import type { Message } from "../../pipeline/messages/message.ts";
import { createStyle, escapeControls, hexView, oneLine } from "./terminal.ts";

/** Where text and bytes go. */
export interface Output {
  /** Whether a person looks at it. */
  readonly isTerminal: boolean;
  /** Writes all of the bytes; to a terminal at once, so that all stays in order. */
  write(bytes: Uint8Array): Promise<void> | void;
}

/** What a screen is made of. */
export interface ScreenOptions {
  /** Messages. */
  readonly stdout: Output;
  /** News of the connection, and errors. */
  readonly stderr: Output;
  /** Whether the user types on a terminal. */
  readonly typed: boolean;
  /** Whether terminals may have colours. */
  readonly colors: boolean;
  /** Whether messages go to a pipe with nothing behind them. */
  readonly binary: boolean;
  /** Whether binary messages are shown as digits everywhere. */
  readonly hex: boolean;
  /** Whether there is no news but errors. */
  readonly quiet: boolean;
}

/** What the conversation shows. */
export interface Screen {
  /** Shows a message. Resolves when there is room for the next one. */
  message(message: Message): Promise<void>;
  /** Tells news of the connection. What it quotes of the peer may be anything. */
  news(text: string): void;
  /** Tells an error. */
  error(text: string): void;
  /** Asks for a line, on a terminal. What is shown meanwhile goes above. */
  ask(): void;
  /** Says that the line is there. */
  answered(): void;
  /** Asks no more. */
  askNoMore(): void;
}

const PROMPT = "> ";
/** Back to the start of the line, and clear it: what stands there is the prompt. */
const CLEAR_LINE = "\r\x1b[K";

/**
 * Makes a screen.
 *
 * @param options Where things go, and in what form.
 * @returns The screen.
 */
export function createScreen(options: ScreenOptions): Screen {
  const { stdout, stderr, binary, hex, quiet } = options;
  const encoder = new TextEncoder();
  const style = createStyle(options.colors && stdout.isTerminal);
  const errorStyle = createStyle(options.colors && stderr.isTerminal);
  let asking = options.typed && stdout.isTerminal;
  let asked = false;

  const clear = () => {
    if (asked) stdout.write(encoder.encode(CLEAR_LINE));
    asked = false;
  };
  const ask = () => {
    if (asking) stdout.write(encoder.encode(PROMPT));
    asked = asking;
  };
  /** Shows something above the prompt. */
  const above = <T>(show: () => T): T => {
    const again = asked;
    clear();
    const shown = show();
    if (again) ask();
    return shown;
  };
  const say = (text: string) => void above(() => stderr.write(encoder.encode(`${text}\n`)));

  const forPeople = (message: Message): string => {
    if (typeof message !== "string") return `${style.incoming("<")} ${digitsOf(message)}`;
    return `${style.incoming("<")} ${escapeControls(message).replaceAll("\n", "\n  ")}\n`;
  };
  const digitsOf = (message: Uint8Array): string => {
    const view = hexView(message).replaceAll(/^\w+/gm, style.dim);
    return `${style.dim(`${message.length} ${message.length === 1 ? "byte" : "bytes"}`)}\n${view}${
      view === "" ? "" : "\n"
    }`;
  };
  const asIs = async (message: Message): Promise<void> => {
    const end = binary ? "" : "\n";
    if (typeof message === "string") return await stdout.write(encoder.encode(message + end));
    await stdout.write(message);
    if (end !== "") await stdout.write(encoder.encode(end));
  };

  return {
    async message(message) {
      if (stdout.isTerminal) return await above(() => stdout.write(encoder.encode(forPeople(message))));
      if (hex && typeof message !== "string") return await stdout.write(encoder.encode(digitsOf(message)));
      await asIs(message);
    },
    news(text) {
      if (!quiet) say(errorStyle.dim(oneLine(text)));
    },
    error: (text) => say(errorStyle.error(`client: ${oneLine(text)}`)),
    ask,
    answered() {
      asked = false;
    },
    askNoMore() {
      clear();
      asking = false;
    },
  };
}
