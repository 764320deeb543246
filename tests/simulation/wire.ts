/**
 * Reads along what one of our ends writes, with nothing of the library's own reader: RFC 6455 §5.2 once more, and what §5.5 forbids.
 *
 * @module
 */
import type { WireWatch } from "./network.ts";
import type { World } from "./world.ts";

/** Follows the bytes that one end writes. */
export class WireReader implements WireWatch {
  readonly #world: World;
  readonly #name: string;
  readonly #masked: boolean;
  readonly #told: (opcode: number, payload: Uint8Array) => void;
  #bytes = new Uint8Array(256);
  #size = 0;
  #inHead = true;
  #refused = false;
  #inMessage = false;
  #over = false;
  /** Whether messages may be compressed: then the first frame of one may carry RSV1 (RFC 7692 §6). */
  mayCompress = false;
  /** The code of the close frame; `undefined` before it. */
  closeCode: number | undefined;
  /** When the close frame left. */
  closedAt = 0;
  /** Pings and pongs that were written. */
  pings = 0;
  pongs = 0;

  /**
   * @param world The world.
   * @param name Whose wire it is.
   * @param role Who writes.
   * @param told Is told of each control frame.
   */
  constructor(
    world: World,
    name: string,
    role: "client" | "server",
    told: (opcode: number, payload: Uint8Array) => void,
  ) {
    this.#world = world;
    this.#name = name;
    this.#masked = role === "client";
    this.#told = told;
  }

  written(bytes: Uint8Array): void {
    if (this.#over) this.#world.fail("last-frame", `${this.#name}: ${bytes.length} bytes after the end of writing`);
    if (this.#refused) return;
    this.#append(bytes);
    let at = this.#inHead ? this.#head() : 0;
    for (let next = this.#frame(at); next > at; next = this.#frame(at)) at = next;
    this.#bytes.copyWithin(0, at, this.#size);
    this.#size -= at;
  }

  ended(): void {
    this.#over = true;
  }

  #append(bytes: Uint8Array): void {
    if (this.#size + bytes.length > this.#bytes.length) {
      const larger = new Uint8Array(2 * (this.#size + bytes.length));
      larger.set(this.#bytes.subarray(0, this.#size));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#size);
    this.#size += bytes.length;
  }

  /** The end of the HTTP head, or 0 where it is not there yet. */
  #head(): number {
    for (let at = 3; at < this.#size; at++) {
      if (this.#bytes[at] !== 10 || this.#bytes[at - 2] !== 10) continue;
      this.#inHead = false;
      // An answer other than 101 is followed by no frames.
      const status = String.fromCharCode(...this.#bytes.subarray(9, 12));
      this.#refused = !this.#masked && status !== "101";
      return at + 1;
    }
    return 0;
  }

  /** Reads one frame: what follows it, or the same place where it is not whole. */
  #frame(at: number): number {
    if (this.#inHead || this.#refused || this.#size - at < 2) return at;
    const [first, second] = [this.#bytes[at]!, this.#bytes[at + 1]!];
    const code = second & 127;
    const sizeBytes = code === 127 ? 8 : code === 126 ? 2 : 0;
    const header = 2 + sizeBytes + (this.#masked ? 4 : 0);
    if (this.#size - at < header) return at;
    let length = sizeBytes === 0 ? code : 0;
    for (let i = 0; i < sizeBytes; i++) length = length * 256 + this.#bytes[at + 2 + i]!;
    this.#checkHeader(first, second, length, sizeBytes);
    if (this.#size - at < header + length) return at;
    const opcode = first & 15;
    if (opcode >= 8) this.#control(opcode, this.#payload(at + header, length));
    else this.#inMessage = first < 128;
    return at + header + length;
  }

  #checkHeader(first: number, second: number, length: number, sizeBytes: number): void {
    const { fin, opcode } = { fin: first >= 128, opcode: first & 15 };
    const must = (holds: boolean, what: string) => this.#world.must(holds, "frames", () => `${this.#name}: ${what}`);
    if (this.closeCode !== undefined) {
      this.#world.fail("last-frame", `${this.#name}: opcode ${opcode} after a close frame`);
    }
    must(
      (second >= 128) === this.#masked,
      this.#masked ? "an unmasked frame of a client" : "a masked frame of a server",
    );
    must([0, 1, 2, 8, 9, 10].includes(opcode), `opcode ${opcode}`);
    must(length >= [0, 0, 126, 0, 0, 0, 0, 0, 65_536][sizeBytes]!, `length ${length} in ${sizeBytes} bytes`);
    const mayCarry = this.mayCompress && (opcode === 1 || opcode === 2) ? 0x40 : 0;
    must((first & 0x70 & ~mayCarry) === 0, "a reserved bit without an owner");
    if (opcode >= 8) return must(fin && length <= 125, `a control frame of ${length} bytes, fin ${fin}`);
    must((opcode === 0) === this.#inMessage, `opcode ${opcode} ${this.#inMessage ? "inside" : "outside"} a message`);
  }

  #payload(at: number, length: number): Uint8Array {
    const payload = this.#bytes.slice(at, at + length);
    if (this.#masked) { for (let i = 0; i < length; i++) payload[i]! ^= this.#bytes[at - 4 + (i & 3)]!; }
    return payload;
  }

  #control(opcode: number, payload: Uint8Array): void {
    if (opcode === 8) {
      this.closeCode = payload.length === 0 ? 1005 : payload[0]! * 256 + payload[1]!;
      this.closedAt = this.#world.now;
    } else if (opcode === 9) this.pings++;
    else if (opcode === 10) this.pongs++;
    this.#told(opcode, payload);
  }
}
