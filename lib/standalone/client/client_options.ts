/**
 * The client's options: one table, which the reader and the help share.
 *
 * @module
 */
import { parseWebSocketUrl } from "../../handshake/client_handshake.ts";
import { DEFAULT_LIMITS } from "../../limits.ts";
import { LONGEST_TIME } from "../../option_kinds.ts";
import { CloseCode, isSendableCloseCode } from "../../pipeline/frames/close_code.ts";
import {
  flag,
  helpLine,
  kebabCase,
  type OptionSpec,
  type OptionSpecs,
  readNumber,
  readText,
  readValue,
  readWords,
  StartError,
  text,
} from "../command_line.ts";

/** What the command line says. An option's name there is its name here in kebab case. Times are milliseconds. */
export interface ClientOptions {
  header: readonly (readonly [name: string, value: string])[];
  protocol: readonly string[];
  deflate: boolean;
  ca: string | undefined;
  proxy: string | undefined;
  timeout: number;
  ping: number;
  binary: boolean;
  hex: boolean;
  one: boolean;
  noClose: boolean;
  linger: number;
  close: number;
  quiet: boolean;
  help: boolean;
}

/** What an option is where it is not given. */
export const DEFAULT_CLIENT_OPTIONS: Readonly<ClientOptions> = Object.freeze({
  header: [],
  protocol: [],
  deflate: false,
  ca: undefined,
  proxy: undefined,
  timeout: DEFAULT_LIMITS.handshakeTimeout,
  ping: 0,
  binary: false,
  hex: false,
  one: false,
  noClose: false,
  // How long an answer may take after the last line of a script. If exactly one answer comes, use --one.
  linger: 1_000,
  close: CloseCode.NORMAL,
  quiet: false,
  help: false,
});

const CONNECTING = {
  header: {
    placeholder: "'NAME: VALUE'",
    short: "H",
    help: "another header field of the request; may be given again",
    read: (text, before = []) => [...before, readHeader(text)],
  },
  protocol: {
    placeholder: "NAME",
    help: "a subprotocol, the best first; may be given again",
    read: (text, before = []) => [...before, readText(text)],
  },
  deflate: flag("compress messages where the server can (RFC 7692)"),
  ca: text("FILE", "trust certificates of these authorities too, in PEM"),
  proxy: text("URL", "connect through this proxy; env for the one that HTTPS_PROXY names"),
  timeout: seconds("time for the handshake; 0 for any"),
} satisfies Partial<OptionSpecs<ClientOptions>>;

const TALKING = {
  ping: seconds("send a ping so often, and say how long its answer took"),
  binary: flag("send what is read as binary messages, as it comes; write messages as they are"),
  hex: flag("show binary messages as hexadecimal digits, as on a terminal"),
} satisfies Partial<OptionSpecs<ClientOptions>>;

const ENDING = {
  one: flag("end after one message"),
  noClose: flag("go on after the end of the input, until the server ends it"),
  linger: seconds("at the end of the input, how long answers are waited for after the last one"),
  close: { placeholder: "CODE", help: "the close code that it ends with", read: readCode },
} satisfies Partial<OptionSpecs<ClientOptions>>;

const GENERAL = {
  quiet: { ...flag("say nothing of the connection but errors"), short: "q" },
  help: { ...flag("show this and exit"), short: "h" },
} satisfies Partial<OptionSpecs<ClientOptions>>;

/** Every option. */
export const CLIENT_OPTIONS: OptionSpecs<ClientOptions> = { ...CONNECTING, ...TALKING, ...ENDING, ...GENERAL };

/**
 * Reads the options.
 *
 * @param args The command line's words.
 * @returns All options, and the URL.
 * @throws {StartError} With exit code 2, if an option is unknown or has a value that it cannot have, or there is no URL.
 */
export function readClientOptions(args: readonly string[]): { options: ClientOptions; url: string } {
  const { given, positionals } = readWords(args, CLIENT_OPTIONS, { allowPositionals: true });
  const options: ClientOptions = { ...DEFAULT_CLIENT_OPTIONS };
  for (const [name, text] of given) set(options, name, text);
  const [url = "", ...more] = positionals;
  if (options.help) return { options, url };
  if (url === "") throw new StartError("There is no URL to connect to", 2);
  if (more.length > 0) throw new StartError(`Unexpected argument '${more[0]}': there is one URL`, 2);
  try {
    parseWebSocketUrl(url);
  } catch (error) {
    throw new StartError(error instanceof Error ? error.message : String(error), 2);
  }
  return { options, url };
}

function set<Name extends keyof ClientOptions>(options: ClientOptions, name: Name, text: string): void {
  // A field may be a password, which must not appear on the screen.
  const written = name === "header" ? "--header" : `--${kebabCase(name)} ${text}`;
  options[name] = readValue(CLIENT_OPTIONS[name], text, { written, before: options[name] });
}

function seconds(help: string): OptionSpec<number> {
  return { placeholder: "SECONDS", help, read: readSeconds };
}

function readSeconds(text: string): number {
  const time = /^\d+(\.\d+)?$/.test(text) ? Math.round(Number(text) * 1000) : NaN;
  if (!(time <= LONGEST_TIME)) throw new RangeError(`it must be a number from 0 to ${LONGEST_TIME / 1000}`);
  return time;
}

function readCode(text: string): number {
  const code = readNumber(text);
  if (!isSendableCloseCode(code)) throw new RangeError("it must be 1000-1003, 1007-1014 or 3000-4999");
  return code;
}

function readHeader(text: string): [name: string, value: string] {
  const colon = text.indexOf(":");
  const field: [string, string] = [text.slice(0, colon), text.slice(colon + 1).trim()];
  try {
    if (colon > 0) new Headers([field]);
  } catch {
    throw new RangeError("its name or its value has characters that a header field has not");
  }
  if (colon <= 0) throw new RangeError("it must be a name and a value with a colon between");
  return field;
}

/** The help: a line for each option, with its default in parentheses. */
export function clientUsage(): string {
  const groups = [["The connection", CONNECTING], ["Messages", TALKING], ["The end", ENDING], [
    "General",
    GENERAL,
  ]] as const;
  const lines = groups.map(([title, specs]) =>
    `\n${title}:\n${Object.keys(specs).filter(isOption).map(line).join("")}`
  );
  return `${HEAD}${lines.join("")}${FOOT}`;
}

function isOption(name: string): name is keyof ClientOptions {
  return Object.hasOwn(CLIENT_OPTIONS, name);
}

function line(name: keyof ClientOptions): string {
  const initial = DEFAULT_CLIENT_OPTIONS[name];
  // Times are written in seconds.
  const shown = CLIENT_OPTIONS[name].placeholder === "SECONDS" ? Number(initial) / 1000 || undefined : initial;
  return helpLine(name, CLIENT_OPTIONS[name], { initial: shown, width: "-H, --header 'NAME: VALUE'".length });
}

const HEAD = `Usage: deno task connect [OPTION]... URL
Sends lines of the standard input as messages, and writes messages to the standard output. URL: ws, wss, http or https.
`;

const FOOT = `
A file must be allowed to be read, and the program is that of the server:
  deno run --allow-net --allow-read=ca.pem lib/standalone/main.ts client --ca ca.pem wss://example.com
A certificate that signed itself is trusted with --ca. NO_COLOR turns colours off.
Ctrl-C closes the connection, and ends the program when it is pressed again.

Exit status: 0 if the connection was closed by us, or by the server with 1000 or no code; 1 if there was none; 2 for a
mistake in the options; 3 if it ended in another way, or before the message that --one waits for.
`;
