/**
 * What happened in a world, line by line: for a person to read, and as one number that two runs can be compared by.
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

  /** @param keep Whether lines are kept, or counted in the digest alone. */
  constructor(keep = false) {
    this.lines = keep ? [] : undefined;
  }

  /** A number that is the same where the same happened (FNV-1a over all of it). */
  get digest(): number {
    return this.#digest >>> 0;
  }

  /** Notes bytes that arrived, at a time and by a name. */
  bytes(time: number, who: string, bytes: Uint8Array): void {
    let digest = this.#stamp(time, bytes.length);
    for (let i = 0; i < bytes.length; i++) digest = Math.imul(digest ^ bytes[i]!, 0x0100_0193);
    this.#digest = digest;
    if (this.lines !== undefined) this.#write(time, `${who} ${bytes.length} bytes: ${shown(bytes)}`);
  }

  /** Notes what somebody does. */
  note(time: number, who: string, what: string): void {
    let digest = this.#stamp(time, who.length);
    for (let i = 0; i < what.length; i++) digest = Math.imul(digest ^ what.charCodeAt(i), 0x0100_0193);
    this.#digest = digest;
    if (this.lines !== undefined) this.#write(time, `${who} ${what}`);
  }

  #stamp(time: number, size: number): number {
    return Math.imul(Math.imul(this.#digest ^ Math.round(time * 1000), 0x0100_0193) ^ size, 0x0100_0193);
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
