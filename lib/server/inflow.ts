/**
 * What a client sends while it is answered: read a little ahead, so that its end is noticed at once, and no further.
 *
 * @module
 */
import { concatBytes } from "../pipeline/bytes/concat.ts";
import { readWith, type Transport } from "../transport/transport.ts";

/** Bytes that are read ahead: of a body that is not read, and of requests that wait for their turn. */
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
   * @param transport What is read. Nothing else may read it.
   * @param first What was read of it already.
   */
  constructor(transport: Transport, first: Uint8Array<ArrayBuffer>) {
    this.#transport = transport;
    this.#held = first;
  }

  /**
   * Reads ahead from now on.
   *
   * @param ongone Is called once, when the client has ended its side or the connection is lost.
   */
  watch(ongone: () => void): void {
    this.#ongone = ongone;
    this.#fill();
  }

  /** Reads no further than asked. A read that is under way stays so. */
  unwatch(): void {
    this.#ongone = undefined;
  }

  /**
   * The next bytes.
   *
   * @returns What the caller may keep, or `null` at the end.
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

  /** Puts back what was read too far. */
  unread(bytes: Uint8Array<ArrayBuffer>): void {
    this.#held = this.#held.length === 0 ? bytes : concatBytes([bytes, this.#held]);
  }

  /** The transport for the next reader: itself, unless a read is under way or something is held. */
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
