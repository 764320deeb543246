/**
 * The client's options: one table for the parser and the help.
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

/** The options of the command line, whose names there are in kebab case. Times are in milliseconds. */
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

/** The defaults. */
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
  // How long to wait for an answer after the last line of a script. If exactly one answer is expected, use --one.
  linger: 1_000,
  close: CloseCode.NORMAL,
  quiet: false,
  help: false,
});

const CONNECTING = {
  header: {
    placeholder: "'NAME: VALUE'",
    short: "H",
    help: "add a header field to the request; may be repeated",
    read: (text, before = []) => [...before, readHeader(text)],
  },
  protocol: {
    placeholder: "NAME",
    help: "request a subprotocol; may be repeated, best first",
    read: (text, before = []) => [...before, readText(text)],
  },
  deflate: flag("compress messages if the server supports it (RFC 7692)"),
  ca: text("FILE", "also trust certificates signed by these CAs, in PEM"),
  proxy: text("URL", "connect through this proxy; env uses HTTPS_PROXY"),
  timeout: seconds("time for the handshake; 0 for no limit"),
} satisfies Partial<OptionSpecs<ClientOptions>>;

const TALKING = {
  ping: seconds("send pings at this interval and print their round trips"),
  binary: flag("send the input as binary messages; write messages unchanged"),
  hex: flag("print binary messages in hexadecimal, as on a terminal"),
} satisfies Partial<OptionSpecs<ClientOptions>>;

const ENDING = {
  one: flag("exit after one message"),
  noClose: flag("after the end of the input, wait until the server closes"),
  linger: seconds("after the end of the input, time to wait for the next answer"),
  close: { placeholder: "CODE", help: "the close code to send", read: readCode },
} satisfies Partial<OptionSpecs<ClientOptions>>;

const GENERAL = {
  quiet: { ...flag("print only messages and errors"), short: "q" },
  help: { ...flag("show this help and exit"), short: "h" },
} satisfies Partial<OptionSpecs<ClientOptions>>;

/** Every option. */
export const CLIENT_OPTIONS: OptionSpecs<ClientOptions> = { ...CONNECTING, ...TALKING, ...ENDING, ...GENERAL };

/**
 * Parses the options.
 *
 * @param args The words of the command line.
 * @returns All options, and the URL.
 * @throws {StartError} With exit code 2, if an option is unknown or has an invalid value, or the URL is missing.
 */
export function readClientOptions(args: readonly string[]): { options: ClientOptions; url: string } {
  const { given, positionals } = readWords(args, CLIENT_OPTIONS, { allowPositionals: true });
  const options: ClientOptions = { ...DEFAULT_CLIENT_OPTIONS };
  for (const [name, text] of given) set(options, name, text);
  const [url = "", ...more] = positionals;
  if (options.help) return { options, url };
  if (url === "") throw new StartError("The URL to connect to is missing", 2);
  if (more.length > 0) throw new StartError(`Unexpected argument '${more[0]}': there can be only one URL`, 2);
  try {
    parseWebSocketUrl(url);
  } catch (error) {
    throw new StartError(error instanceof Error ? error.message : String(error), 2);
  }
  return { options, url };
}

function set<Name extends keyof ClientOptions>(options: ClientOptions, name: Name, text: string): void {
  // A header field may contain a password, which must not appear on the screen.
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
    throw new RangeError("its name or its value has characters that a header field cannot contain");
  }
  if (colon <= 0) throw new RangeError("it must be a name and a value, separated by a colon");
  return field;
}

/** The help: a line for each option, with its default in parentheses. */
export function clientUsage(): string {
  const groups = [["Connecting", CONNECTING], ["Messages", TALKING], ["Closing", ENDING], [
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
  // Times are shown in seconds.
  const shown = CLIENT_OPTIONS[name].placeholder === "SECONDS" ? Number(initial) / 1000 || undefined : initial;
  return helpLine(name, CLIENT_OPTIONS[name], { initial: shown, width: "-H, --header 'NAME: VALUE'".length });
}

const HEAD = `Usage: deno task connect [OPTION]... URL
Sends lines of standard input as messages, and writes messages to standard output. URL: ws, wss, http or https.
`;

const FOOT = `
To use a file, allow Deno to read it. The client is the same program as the server:
  deno run --allow-net --allow-read=ca.pem lib/standalone/main.ts client --ca ca.pem wss://example.com
Use --ca to trust a self-signed certificate. Set NO_COLOR to turn colours off.
Ctrl-C closes the connection. Press it again to exit at once.

Exit status: 0 if the client closed the connection, or the server did with 1000 or no code; 1 if it could not connect;
2 for an invalid option; 3 if the connection ended in another way, or before the message that --one waits for.
`;
