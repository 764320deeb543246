/**
 * `bufferedAmount` as the web counts it: bytes of application data, where the connection counts bytes of the wire.
 *
 * @module
 */

interface Sent {
  /** Bytes of application data. */
  readonly data: number;
  /** Bytes of its frame in the queue: with a header, and maybe compressed. */
  readonly wire: number;
}

/** Counts the messages in a connection's queue. Other frames there may make a message count for a little longer. */
export class BufferedAmount {
  #sent: Sent[] = [];
  #first = 0;
  #data = 0;
  #wire = 0;

  /** A message was queued. */
  add(data: number, wire: number): void {
    this.#sent.push({ data, wire });
    this.#data += data;
    this.#wire += wire;
  }

  /** Bytes of the messages that are not written, where so many bytes of the wire are queued. */
  update(queued: number): number {
    for (let sent = this.#sent[this.#first]; sent !== undefined; sent = this.#sent[this.#first]) {
      if (this.#wire - sent.wire < queued) break;
      this.#data -= sent.data;
      this.#wire -= sent.wire;
      this.#first++;
    }
    if (this.#first === this.#sent.length || this.#first > 1_024) {
      this.#sent.splice(0, this.#first);
      this.#first = 0;
    }
    return this.#data;
  }

  /** Bytes of the messages that were not written when it was last asked. */
  get bytes(): number {
    return this.#data;
  }
}
