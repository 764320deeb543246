// deno-lint-ignore-file no-console -- a benchmark prints
/**
 * What both clients share: their arguments, and a count that is printed when its time is over.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { startCounting } from "../stopwatch.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    /** The server's process, whose processor time is reported too. */
    pid: { type: "string", default: "0" },
    outstanding: { type: "string", default: "1" },
    size: { type: "string", default: "32" },
    text: { type: "boolean", default: false },
    warmup: { type: "string", default: "0" },
    duration: { type: "string", default: "0" },
  },
});

/** Where to connect. */
export const url: string = `ws://127.0.0.1:${values.port}/`;
/** Messages under way. */
export const outstanding: number = Number(values.outstanding);
/** What to send. */
export const payload: string | Uint8Array<ArrayBuffer> = values.text
  ? "a".repeat(Number(values.size))
  : new Uint8Array(Number(values.size)).fill(97);

/** Counts an echo. */
export function count(): void {
  echoes++;
}
let echoes = 0;

setTimeout(() => {
  const stop = startCounting(Deno.pid, Number(values.pid));
  echoes = 0;
  setTimeout(() => {
    console.log(JSON.stringify(stop(echoes)));
    Deno.exit();
  }, Number(values.duration));
}, Number(values.warmup));
