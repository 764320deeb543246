/**
 * Prints messages and news of the connection: to a terminal in readable form, to a pipe unchanged.
 *
 * @module
 */
import type { Message } from "../../pipeline/messages/message.ts";
import { createStyle, escapeControls, hexView, oneLine } from "./terminal.ts";

/** An output for text and bytes. */
export interface Output {
  /** Whether it is a terminal. */
  readonly isTerminal: boolean;
  /** Writes all the bytes. A terminal is written synchronously, so that everything stays in order. */
  write(bytes: Uint8Array): Promise<void> | void;
}

/** Options of a screen. */
export interface ScreenOptions {
  /** For messages. */
  readonly stdout: Output;
  /** For news of the connection, and for errors. */
  readonly stderr: Output;
  /** Whether the user types on a terminal. */
  readonly typed: boolean;
  /** Whether terminals may show colours. */
  readonly colors: boolean;
  /** Whether messages go to a pipe without line ends. */
  readonly binary: boolean;
  /** Whether binary messages are always shown in hexadecimal. */
  readonly hex: boolean;
  /** Whether only errors are printed. */
  readonly quiet: boolean;
}

/** The output of a conversation. */
export interface Screen {
  /** Shows a message. Resolves when there is room for the next one. */
  message(message: Message): Promise<void>;
  /** Prints news of the connection. Text from the peer is made harmless. */
  news(text: string): void;
  /** Prints an error. */
  error(text: string): void;
  /** Shows a prompt for a line, on a terminal. Other output appears above it. */
  ask(): void;
  /** Says that the line was entered. */
  answered(): void;
  /** Stops showing a prompt. */
  askNoMore(): void;
}

const PROMPT = "> ";
/** Returns to the start of the line and clears it, because it contains the prompt. */
const CLEAR_LINE = "\r\x1b[K";

/**
 * Makes a screen.
 *
 * @param options The outputs, and their format.
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
  /** Prints something above the prompt. */
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
