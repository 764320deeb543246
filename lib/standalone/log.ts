/**
 * The log: one line for each event, as `key=value` pairs that programs and people can read, or as JSON.
 *
 * ```text
 * time=2026-11-21T10:00:00.000Z level=info event=open connection=1 remote=127.0.0.1:50000 resource=/echo
 * {"time":"2026-11-21T10:00:00.000Z","level":"info","event":"open","connection":1,"remote":"127.0.0.1:50000",…}
 * ```
 *
 * `connection` is the number of a connection. Every line about that connection has it.
 *
 * @module
 */
import { print } from "./command_line.ts";

/** The levels, from the most to the least severe. A log contains those up to its own. */
export const LOG_LEVELS = ["error", "warn", "info", "debug"] as const;

/** The severity of an event. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The formats of lines. */
export const LOG_FORMATS = ["text", "json"] as const;

/** The format of lines. */
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Facts about an event. Facts that are `undefined` are omitted. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Records events. */
export type Log = Readonly<Record<LogLevel, (event: string, fields?: LogFields) => void>>;

/** Where a log writes its lines. */
export interface LogSink extends Disposable {
  /** Writes one line, including its end. */
  write(line: string): void;
}

/**
 * Makes a log.
 *
 * @param sink Where to write the lines.
 * @param most The least severe level that is written.
 * @param format The format of the lines.
 * @param common Facts to add to every line.
 * @returns The log.
 */
export function createLog(
  sink: Pick<LogSink, "write">,
  most: LogLevel,
  format: LogFormat = "text",
  common: LogFields = {},
): Log {
  const lineOf = format === "json" ? jsonLine : textLine;
  const at = (level: LogLevel) => (event: string, fields: LogFields = {}) => {
    if (LOG_LEVELS.indexOf(level) > LOG_LEVELS.indexOf(most)) return;
    sink.write(`${lineOf({ time: new Date().toISOString(), level, event, ...common, ...fields })}\n`);
  };
  return { error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug") };
}

/**
 * Numbers connections for the log.
 *
 * @returns A function that returns the number of a connection for the object that identifies it before it is open: the one that
 *    `upgrade`, `http` and an observer's `refused` are called with. The same object has the same number.
 */
export function connectionNumbers(): (info: object) => number {
  const numbers = new WeakMap<object, number>();
  let last = 0;
  return (info) => {
    const number = numbers.get(info) ?? ++last;
    numbers.set(info, number);
    return number;
  };
}

/**
 * Opens the log's file, or standard error. Lines are written synchronously: there are few, they stay in order, and none is lost
 * at the end.
 *
 * @param file The file to append to.
 * @returns The sink.
 */
export function openLogSink(file: string | undefined): LogSink {
  const opened = file === undefined ? undefined : Deno.openSync(file, { create: true, append: true });
  const target = opened ?? Deno.stderr;
  return {
    write: (line) => print(target, line),
    [Symbol.dispose]: () => opened?.close(),
  };
}

/** The fields for an unexpected error: what was thrown, and where. */
export function errorFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error: String(error) };
  const at = error.stack?.split("\n").find((line) => /^\s+at /.test(line))?.replace(/^\s+at /, "");
  return { error: `${error.name}: ${error.message}`, at };
}

function textLine(fields: LogFields): string {
  const pairs = Object.entries(fields);
  return pairs.flatMap(([key, value]) => value === undefined ? [] : [`${key}=${logValue(value)}`]).join(" ");
}

/** JSON omits what is `undefined` by itself. */
function jsonLine(fields: LogFields): string {
  return escapeMore(JSON.stringify(fields));
}

/** A value that may come from a client must stay on its line and in its place, so anything but plain characters is quoted. */
function logValue(value: string | number | boolean): string {
  const text = String(value);
  return /^[!#-<>-~]+$/.test(text) ? text : escapeMore(JSON.stringify(text));
}

/** JSON does not escape C1 controls and line separators, and terminals obey the former. */
function escapeMore(json: string): string {
  return json.replace(
    /[\x7f-\x9f\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
