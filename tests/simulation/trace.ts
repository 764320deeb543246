/**
 * What happened in a world, line by line: for a person to read, and to compare two runs by.
 *
 * @module
 */

/** Bytes of a chunk that a line shows. */
const SHOWN = 24;

/** The record of a world. */
export class Trace {
  /** The lines, where they are kept. */
  readonly lines: string[] | undefined;
  #digest = 0x811c_9dc5;

  /** @param keep Whether anything is kept: most worlds are only judged. */
  constructor(keep = false) {
    this.lines = keep ? [] : undefined;
  }

  /** A number that is the same where the same bytes arrived (FNV-1a over all of them): a line shows only some. */
  get digest(): number {
    return this.#digest >>> 0;
  }

  /** Notes bytes that arrived, at a time and by a name. */
  bytes(time: number, who: string, bytes: Uint8Array): void {
    if (this.lines === undefined) return;
    for (const byte of bytes) this.#digest = Math.imul(this.#digest ^ byte, 0x0100_0193);
    this.#write(time, `${who} <- ${bytes.length} bytes: ${shown(bytes)}`);
  }

  /** Records an action; `what` is called only if the trace is kept. */
  note(time: number, who: string, what: string | (() => string)): void {
    if (this.lines !== undefined) this.#write(time, `${who} ${typeof what === "string" ? what : what()}`);
  }

  #write(time: number, text: string): void {
    this.lines?.push(`${(time - 1000).toFixed(2).padStart(10)}  ${text}`);
  }
}

/** Bytes as text where they are text, and as hexadecimal digits where not. */
function shown(bytes: Uint8Array): string {
  const some = bytes.subarray(0, SHOWN);
  const plain = some.every((byte) => byte >= 32 && byte < 127);
  const text = plain ? JSON.stringify(String.fromCharCode(...some)) : Array.from(some, hex).join(" ");
  return bytes.length > SHOWN ? `${text} …` : text;
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
