/**
 * `bufferedAmount` as the web counts it: in bytes of application data. The connection itself counts bytes of frames.
 *
 * @module
 */

interface Sent {
  /** Bytes of application data. */
  readonly data: number;
  /** Bytes of its frame in the queue, with the header and possibly compressed. */
  readonly wire: number;
}

/** Counts the messages in a connection's queue. Other frames there may make a message count for a little longer. */
export class BufferedAmount {
  #sent: Sent[] = [];
  #first = 0;
  #data = 0;
  #wire = 0;

  /** Counts a message that was queued. */
  add(data: number, wire: number): void {
    this.#sent.push({ data, wire });
    this.#data += data;
    this.#wire += wire;
  }

  /** Returns the bytes of the messages that are not written, given the number of queued bytes. */
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

  /** The result of the last `update`. */
  get bytes(): number {
    return this.#data;
  }
}
