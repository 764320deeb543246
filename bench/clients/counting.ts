// deno-lint-ignore-file no-console -- a benchmark prints
/**
 * What both clients share: their arguments, and a count that is printed when its time is over.
 *
 * @module
 */
import { value } from "../flags.ts";
import { startCounting } from "../stopwatch.ts";

/** Where to connect. */
export const url: string = `ws://127.0.0.1:${value("port", "0")}/`;
/** Messages under way. */
export const outstanding: number = Number(value("outstanding", "1"));
/** What to send. */
export const payload: Uint8Array<ArrayBuffer> = new Uint8Array(Number(value("size", "32"))).fill(97);
/** The server's process, whose processor time is reported too. */
const server = Number(value("pid", "0"));

/** Counts an echo. */
export function count(): void {
  echoes++;
}
let echoes = 0;

setTimeout(() => {
  const stop = startCounting(Deno.pid, server);
  echoes = 0;
  setTimeout(() => {
    console.log(JSON.stringify(stop(echoes)));
    Deno.exit();
  }, Number(value("duration", "0")));
}, Number(value("warmup", "0")));
