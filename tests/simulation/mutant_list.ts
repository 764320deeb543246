/**
 * The mutants: one change each, like a programming error.
 *
 * @module
 */

/** A way to break the library. */
export interface Mutant {
  /** A file below `lib`. */
  readonly file: string;
  /** What stands there, once. */
  readonly from: string;
  /** What stands there instead. */
  readonly to: string;
  /** What is wrong then. */
  readonly what: string;
}

/** Breaks a file. */
export function mutate(source: string, { file, from, to }: Mutant): string {
  const count = source.split(from).length - 1;
  if (count !== 1) throw new Error(`lib/${file} has ${count} of: ${from}`);
  return source.replace(from, () => to);
}

/** The list. */
export const MUTANTS: readonly Mutant[] = [
  {
    file: "connection/closing.ts",
    from: 'if (this.state !== "closed") this.error ??= reason;',
    to: 'if (this.state !== "closed") this.error = reason;',
    what: "`abort` writes over the first cause",
  },
  {
    file: "connection/closing.ts",
    from: "    this.#closeTimeout?.cancel();\n",
    to: "",
    what: "the deadline of the closing handshake is not stopped",
  },
  {
    file: "connection/closing.ts",
    from:
      '      if (this.#readEnded) this.#happen("flushed");\n      else await this.#owner.endWriting(this.state === "failed");',
    to: '      if (this.#readEnded) this.#happen("flushed");',
    what: "no end closes its writing side",
  },
  {
    file: "connection/closing.ts",
    from: "    if (time === 0) return;\n    this.#closeTimeout",
    to: "    if (time >= 0) return;\n    this.#closeTimeout",
    what: "the closing handshake has no deadline",
  },
  {
    file: "connection/closing.ts",
    from: "this.#replyWith(received.closeCode); // §5.5.1",
    to: "this.#replyWith(CloseCode.NORMAL); // §5.5.1",
    what: "the answer to a close has another code",
  },
  {
    file: "connection/closing.ts",
    from: 'if (this.state === "closed" || (this.state === "exchanged" && this.#owner.allWritten)) return;',
    to: 'if (this.state === "closed") return;',
    what: "a reset after both close frames makes the end unclean",
  },
  {
    file: "connection/closing.ts",
    from: 'if (progress === "reading" || (progress === "last" && this.state === "failing")) return;',
    to: 'if (progress === "last" && this.state === "failing") return;',
    what: "a close frame is answered before the messages in front of it are dealt with",
  },
  {
    file: "connection/close_handshake.ts",
    from: 'close: to("failed", "startTimer", "sendClose", "endWriting"), // the application is done',
    to: 'close: to("failed", "startTimer", "endWriting"),',
    what: "a close after a fault sends no close frame",
  },
  {
    file: "connection/close_handshake.ts",
    from: '    fail: to("failed", "endWriting"),\n',
    to: '    fail: to("failed", "sendClose", "endWriting"),\n',
    what: "a second close frame",
  },
  {
    file: "connection/close_handshake.ts",
    from: '    close: to("closeSent", "startTimer", "sendClose"),',
    to: '    close: to("closeSent", "sendClose"),',
    what: "an end that closes waits for the answer for ever",
  },
  {
    file: "connection/sending_connection.ts",
    from: "if (queued === true && this.outgoing.queuedBytes < this.limits.highWaterMark) {",
    to: "if (queued === true && this.outgoing.queuedBytes < 2 * this.limits.highWaterMark) {",
    what: "`send` waits at twice the mark",
  },
  {
    file: "connection/sending_connection.ts",
    from: "    if (this.#wasFull && !full) {\n",
    to: "    if (this.#wasFull && this.outgoing.queuedBytes === 0) {\n",
    what: "`send` waits until all is written",
  },
  {
    file: "connection/sending_connection.ts",
    from: "    this.#drained?.reject(reason());\n",
    to: "",
    what: "what waits in `send` never settles",
  },
  {
    file: "connection/outgoing.ts",
    from: "    if (writing || this.full) {\n",
    to: "    if (this.full && !writing) {\n",
    what: "a peer that reads nothing is owed every pong",
  },
  {
    file: "connection/receiving_connection.ts",
    from: "      this.outgoing.owePong(payload, this.writing);\n      this.flushLater();",
    to: "      this.outgoing.owePong(payload, this.writing);",
    what: "a pong waits for the next message",
  },
  {
    file: "connection/receiving_connection.ts",
    from: "    return bytes >= this.limits.highWaterMark || (this.incoming.pending && !this.incoming.claimed);",
    to: "    return this.incoming.pending && !this.incoming.claimed && bytes >= 0;",
    what: "reading never waits for the application",
  },
  {
    file: "connection/liveness.ts",
    from: '    if (this.#phase !== "deciding") this.#pongTimeout?.cancel(this);\n    this.#listen();',
    to: "    this.#listen();",
    what: "a pong does not stop the timer that waits for it",
  },
  {
    file: "connection/liveness.ts",
    from: '    owner.onSilence(phase === "unread");\n',
    to: "",
    what: "a silent peer is never lost",
  },
  {
    file: "connection/batch_queue.ts",
    from: "    if (error === undefined) this.#taker?.resolve(undefined);\n    else this.#taker?.reject(error);\n",
    to: "    this.#taker?.resolve(undefined);\n",
    what: "an unclean end looks clean to a waiting reader",
  },
  {
    file: "connection/batch_queue.ts",
    from: "const batch = this.#batches?.shift();",
    to: "const batch = this.#batches?.pop();",
    what: "batches that wait come in reverse",
  },
  {
    file: "connection/readers/callbacks.ts",
    from: "at < batch.length && !connection.aborted && !this.#broken; at++",
    to: "at < batch.length && !connection.aborted; at++",
    what: "callbacks go on after one has thrown",
  },
  {
    file: "client/reconnector.ts",
    from: "if (socket?.readyState === 1 && this.#unsent.messages === 0) return socket.send(data, options);",
    to: "if (socket?.readyState === 1) return socket.send(data, options);",
    what: "a message overtakes the outbox",
  },
  {
    file: "client/reconnector.ts",
    from: "    this.#unsent.end(this.#stop.signal.reason);\n",
    to: "",
    what: "what waits at the end never settles",
  },
  {
    file: "client/unsent_messages.ts",
    from: "const entry = this.#entries.shift();",
    to: "const entry = this.#entries.pop();",
    what: "the outbox is a stack",
  },
  {
    file: "client/connect.ts",
    from: "    giveUp.abort(error);\n    transport?.close();\n",
    to: "    giveUp.abort(error);\n",
    what: "a handshake that fails leaves its transport",
  },
  {
    file: "client/outgoing_messages.ts",
    from: "    if (!this.#open) this.#unsent += size;\n    else if",
    to: "    if (!this.#open) return;\n    if",
    what: "what a `WebSocket` sends too late is not counted",
  },
  {
    file: "hub/hub.ts",
    from: "      if (subscriber.connection === except) continue;\n      subscriber.deliver(message);",
    to: "      subscriber.deliver(message);",
    what: "a publisher hears itself",
  },
  {
    file: "hub/subscriber.ts",
    from: "    if (this.#backlog === undefined && !this.connection.full) return this.#send(message);",
    to: "    if (!this.connection.full) return this.#send(message);",
    what: "a message overtakes those that are held",
  },
  {
    file: "hub/subscriber.ts",
    from: "    if (actual <= max) return this.#send(message);",
    to: "    if (actual >= 0) return this.#send(message);",
    what: "a slow subscriber is never disconnected",
  },
  {
    file: "hub/linked_broker.ts",
    from: "    if (last !== undefined && sequence <= last) return false;\n",
    to: "",
    what: "what comes twice from the broker is delivered twice",
  },
];
