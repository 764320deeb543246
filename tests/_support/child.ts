/**
 * Programs of this repository, run as a user runs them.
 *
 * @module
 */
import { assert } from "@std/assert";
import { within } from "./deadline.ts";

/** A program that runs. */
export interface Child extends AsyncDisposable {
  /** The process. */
  readonly process: Deno.ChildProcess;
  /** Waits until what it printed matches, and returns the match. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
}

/** What a program printed to a stream so far. */
export interface Printed {
  /** The text. */
  readonly text: string;
  /** Resolves at the stream's end. */
  readonly end: Promise<void>;
}

/** Keeps what a program prints, which is looked at where something goes wrong. */
export function keepPrinted(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Printed {
  const decoder = new TextDecoder();
  let text = "";
  const write = (chunk: Uint8Array) => void (text += decoder.decode(chunk, { stream: true }));
  const end = stream.pipeTo(new WritableStream({ write }));
  return {
    end,
    get text() {
      return text;
    },
  };
}

/** Starts `deno` with arguments, in the repository's root. Its standard output is read, its errors are kept. */
export function deno(...args: string[]): Child {
  return denoIn({}, ...args);
}

/** The same, in an environment that has these variables besides. */
export function denoIn(env: Record<string, string>, ...args: string[]): Child {
  const process = new Deno.Command(Deno.execPath(), {
    args,
    env,
    cwd: new URL("../..", import.meta.url),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = keepPrinted(process.stderr);
  const output = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let printed = "";
  return {
    process,
    async said(pattern) {
      for (;;) {
        const match = pattern.exec(printed);
        if (match !== null) return match;
        const { value, done } = await output.read();
        if (done) {
          await errors.end;
          throw new Error(`deno ${args.join(" ")} ended without ${pattern}: ${printed}\n${errors.text}`);
        }
        printed += value;
      }
    },
    async [Symbol.asyncDispose]() {
      try {
        process.kill("SIGTERM"); // which `deno task` passes on
      } catch {
        // It has ended by itself.
      }
      await process.status;
      while (!(await output.read()).done);
      await errors.end;
    },
  };
}

/** Runs `deno` to its end, whatever that is. */
export async function denoOutput(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: new URL("../..", import.meta.url),
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Runs `deno` to its end, which must be a good one and come in `ms` milliseconds, and returns its standard output. */
export async function runDeno(args: string[], options: Deno.CommandOptions & { ms?: number } = {}): Promise<string> {
  const { ms = 30_000, ...rest } = options;
  const child = new Deno.Command(Deno.execPath(), {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...rest,
    env: { NO_COLOR: "1", ...rest.env },
  }).spawn();
  const output = child.output();
  const text = new TextDecoder();
  try {
    const { code, stdout, stderr } = await within(output, ms, `deno ${args.join(" ")}`);
    assert(code === 0, `deno ${args.join(" ")} ended with ${code}:\n${text.decode(stderr)}`);
    return text.decode(stdout);
  } catch (error) {
    // It may be the child that is late.
    try {
      child.kill();
    } catch { /* it has ended */ }
    await output;
    throw error;
  }
}
