/**
 * Reads ahead a little while a request is answered, so that a disconnect is noticed at once.
 *
 * @module
 */
import { concatBytes } from "../pipeline/bytes/concat.ts";
import { readWith, type Transport } from "../transport/transport.ts";

/** The most bytes that are read ahead: of an unread body and of requests that wait for their turn. */
const READ_AHEAD = 64 * 1024;

const NOTHING = new Uint8Array(0);

/** The reading side of a connection that answers requests. */
export class Inflow {
  readonly #transport: Transport;
  #held: Uint8Array<ArrayBuffer>;
  #pending: Promise<void> | undefined;
  #end: { readonly error?: unknown } | undefined;
  #ongone: (() => void) | undefined;

  /**
   * @param transport The transport to read. No other code may read it.
   * @param first Bytes that were already read from it.
   */
  constructor(transport: Transport, first: Uint8Array<ArrayBuffer>) {
    this.#transport = transport;
    this.#held = first;
  }

  /**
   * Starts to read ahead.
   *
   * @param ongone Called once, when the client has ended its side or the connection is lost.
   */
  watch(ongone: () => void): void {
    this.#ongone = ongone;
    this.#fill();
  }

  /** Stops reading ahead. A read that is under way continues. */
  unwatch(): void {
    this.#ongone = undefined;
  }

  /**
   * The next bytes.
   *
   * @returns Bytes that the caller may keep, or `null` at the end.
   * @throws What the transport throws.
   */
  async read(): Promise<Uint8Array<ArrayBuffer> | null> {
    while (this.#held.length === 0) {
      if (this.#end !== undefined && "error" in this.#end) throw this.#end.error;
      if (this.#end !== undefined) return null;
      await (this.#pending ?? this.#fetch());
    }
    const bytes = this.#held;
    this.#held = NOTHING;
    this.#fill();
    return bytes;
  }

  /** Puts back bytes that belong to the next reader. */
  unread(bytes: Uint8Array<ArrayBuffer>): void {
    this.#held = this.#held.length === 0 ? bytes : concatBytes([bytes, this.#held]);
  }

  /** The transport for the next reader. It is the transport itself, unless a read is under way or bytes are held. */
  get rest(): Transport {
    if (this.#pending === undefined && this.#held.length === 0) return this.#transport;
    return readWith(this.#transport, () => this.read());
  }

  #fill(): void {
    if (this.#ongone === undefined || this.#pending !== undefined || this.#end !== undefined) return;
    if (this.#held.length < READ_AHEAD) void this.#fetch();
  }

  #fetch(): Promise<void> {
    return this.#pending = this.#transport.read().then((bytes) => {
      this.#pending = undefined;
      if (bytes === null) return this.#finish({});
      this.#held = this.#held.length === 0 ? bytes : concatBytes([this.#held, bytes]);
      this.#fill();
    }, (error) => {
      this.#pending = undefined;
      this.#finish({ error });
    });
  }

  #finish(end: { readonly error?: unknown }): void {
    this.#end = end;
    this.#ongone?.();
    this.#ongone = undefined;
  }
}
