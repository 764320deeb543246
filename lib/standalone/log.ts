/**
 * The log: one line for each event, as `key=value` pairs that a program reads and a person can, or as JSON.
 *
 * ```text
 * time=2026-11-21T10:00:00.000Z level=info event=open connection=1 remote=127.0.0.1:50000 resource=/echo
 * {"time":"2026-11-21T10:00:00.000Z","level":"info","event":"open","connection":1,"remote":"127.0.0.1:50000",…}
 * ```
 *
 * `connection` is a connection's number, in every line that is about it.
 *
 * @module
 */
import { print } from "./command_line.ts";

/** The levels, the gravest first. A log has those up to its own. */
export const LOG_LEVELS = ["error", "warn", "info", "debug"] as const;

/** How grave an event is. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** How lines are written. */
export const LOG_FORMATS = ["text", "json"] as const;

/** How lines are written. */
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Facts about an event. One that is `undefined` is left out. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Takes events. */
export type Log = Readonly<Record<LogLevel, (event: string, fields?: LogFields) => void>>;

/** Where a log's lines go. */
export interface LogSink extends Disposable {
  /** Writes one line, its end included. */
  write(line: string): void;
}

/**
 * Makes a log.
 *
 * @param sink Where its lines go.
 * @param most The least grave level that is written.
 * @param format How its lines are written.
 * @param common Facts that stand in every line.
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
 * @returns Gives the number of a connection by what it is known by before it is one: what `upgrade`, `http` and an observer's
 *   `refused` are given. The same one has the same number.
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
 * Opens a log's file, or standard error. Lines are written at once: they are few, in order, and none is lost at the end.
 *
 * @param file The file, which is added to.
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

/** What a mistake of ours looks like in the log: what was thrown, and where. */
export function errorFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error: String(error) };
  const at = error.stack?.split("\n").find((line) => /^\s+at /.test(line))?.replace(/^\s+at /, "");
  return { error: `${error.name}: ${error.message}`, at };
}

function textLine(fields: LogFields): string {
  const pairs = Object.entries(fields);
  return pairs.flatMap(([key, value]) => value === undefined ? [] : [`${key}=${logValue(value)}`]).join(" ");
}

/** JSON leaves out what is `undefined` by itself. */
function jsonLine(fields: LogFields): string {
  return escapeMore(JSON.stringify(fields));
}

/** A value that may come from a client stays on its line and in its place: anything but plain characters is quoted. */
function logValue(value: string | number | boolean): string {
  const text = String(value);
  return /^[!#-<>-~]+$/.test(text) ? text : escapeMore(JSON.stringify(text));
}

/** JSON leaves the C1 controls and the line separators as they are, and terminals obey the former. */
function escapeMore(json: string): string {
  return json.replace(
    /[\x7f-\x9f\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
