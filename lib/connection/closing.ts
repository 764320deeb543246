/**
 * The closing handshake of one connection: where it stands, its deadlines, what the two close frames said, and why it ended.
 *
 * @module
 */
import { closeCodeOf, ConnectionError, WebSocketError } from "../errors.ts";
import { nextTask } from "../async.ts";
import { CloseCode, type ClosePayload, encodeClosePayload } from "../pipeline/frames/close_code.ts";
import { CLOSE_HANDSHAKE, type CloseAction, type CloseHandshakeEvent, type CloseState } from "./close_handshake.ts";
import { type Deadlines, Timeout } from "../deadlines.ts";
import { causeOf, endOf } from "./not_open.ts";
import type { CloseInfo } from "./websocket_connection.ts";

/** How far the application has got with the messages that came. */
export type Progress =
  /** It does not read. */
  | "unread"
  /** Messages wait, or it is at work. */
  | "reading"
  /** It has taken the last one, and may still answer it. */
  | "last"
  /** It waits for more: everything is dealt with. */
  | "all";

/** What a closing handshake does to its connection, and looks at. */
export interface ClosingOwner {
  /** Milliseconds that the handshake may take; 0 for any number. */
  readonly closeTimeout: number;
  /** The lists that its deadlines are in. */
  readonly deadlines: Deadlines;
  /** Whether there are close frames. Where there are none, the end of the transport is one, with no code. */
  readonly hasCloseFrame: boolean;
  /** Whether everything that is queued has been written. */
  readonly allWritten: boolean;
  /** How far the application has got with the messages that came. */
  readonly progress: Progress;
  /** Whether a batch is being dealt with over several turns. */
  readonly busy: boolean;
  /** Decides on the answer to the peer's close frame; by default the peer's code is echoed. */
  readonly decideReply: DecideReply | undefined;
  /** The connection is not open any more. It is called once. */
  onLeaveOpen(): void;
  /** The state has changed: the read loop looks again at what still matters. */
  onStateChange(): void;
  /** Abandons messages that are being sent, and sends the close frame, if there are such. */
  sendClose(payload: Uint8Array<ArrayBuffer>, reason: unknown): void;
  /** Waits until everything that is queued has been written. */
  flushed(): Promise<void>;
  /** Ends the writing side of the transport, as §7.1.1 wants it of this end. `failed` says that we failed the connection. */
  endWriting(failed: boolean): Promise<void> | undefined;
  /** Lets go of the extensions. An extension's mistake must not keep the connection from ending: it may throw. */
  releaseExtensions(): void;
  /** Ends all else. It is called once. */
  finish(info: CloseInfo): void;
}

/** Decides on the answer to the peer's close frame. */
export type DecideReply = (received: ClosePayload) => ClosePayload | Promise<ClosePayload>;

/** After a failure the peer has this long to read our close frame: it broke the protocol and is owed no more. */
const FAILED_TIMEOUT = 2_000;

/** Our close frame waits this long for the answers to what came before the peer's, or before its fault. */
const REPLY_PATIENCE = 2_000;

const NOTHING = new Uint8Array(0);

/** Takes a connection from open to gone, as the table of `close_handshake.ts` has it. */
export class Closing {
  /** What the peer's close frame said, as soon as that is read. */
  received: ClosePayload | undefined;
  /** Where it stands. */
  state: CloseState = "open";
  /** Whether it is open to the application: while a fault waits for the answers to what came before it, these may leave. */
  isOpen = true;
  /** Whether the peer's close frame is still to come. */
  awaitsPeer = true;
  /** Whether what the peer sends still matters. */
  listening = true;
  /** Whether the answers to what the peer sent last may still leave: it sends no more, which is not to say that it reads no more. */
  answering = false;
  /** Why the connection ends, where that is not clean. */
  error: unknown;

  readonly #owner: ClosingOwner;
  #toSend: Uint8Array<ArrayBuffer> = NOTHING;
  #readEnded = false;
  #replying = false;
  #checking = false;
  #closeTimeout: Timeout | undefined;
  #replyTimeout: Timeout | undefined;

  /** @param owner The connection. */
  constructor(owner: ClosingOwner) {
    this.#owner = owner;
  }

  /** We close, with the payload of our close frame. */
  close(payload: Uint8Array<ArrayBuffer>): void {
    this.#answer("close", payload);
  }

  /** Fails the connection (RFC 6455 §7.1.7), at once. */
  fail(error: unknown): void {
    this.#fail("fail", error);
  }

  /** The peer broke a rule or a limit: the connection fails when what came before that is answered. */
  fault(error: unknown): void {
    this.#fail("fault", error);
  }

  /** The application gives up. */
  abort(reason: unknown): void {
    if (this.state !== "closed") this.error ??= reason;
    this.#happen("abort");
  }

  /** The transport failed, or the peer did: no close frame can reach it. */
  lose(error: unknown): void {
    this.recordCause(error);
    this.#happen("abort");
  }

  /** Keeps the first cause. Once both close frames were exchanged and ours is written, how the transport ends is no error. */
  recordCause(cause: unknown): void {
    if (this.state === "closed" || (this.state === "exchanged" && this.#owner.allWritten)) return;
    this.error ??= cause instanceof WebSocketError ? cause : new ConnectionError("The connection was lost", { cause });
  }

  /** All messages before the peer's close frame have been delivered: acts on the frame now. */
  handlePeerClose(): void {
    if (this.received !== undefined) this.#happen("peerClose");
  }

  /** The transport has ended between two messages. Without the peer's close frame, if it sends such, that is an error (§7.1.5). */
  requireClose(): void {
    if (!this.awaitsPeer) return;
    if (this.#owner.hasCloseFrame) throw new ConnectionError("The connection ended without a close frame");
    this.received = { closeCode: CloseCode.NO_STATUS, reason: "" };
    this.#happen("peerClose");
  }

  /** Nothing more is read. */
  endReading(): void {
    this.#readEnded = true;
    this.#happen("end");
  }

  /**
   * The application made progress. Our close frame, which answers the peer's or its fault, is sent after the replies to the messages
   * before that: when they are dealt with, or after `REPLY_PATIENCE`.
   */
  onProgress(): void {
    if (!this.answering) return;
    const { progress } = this.#owner;
    if (progress === "reading" || (progress === "last" && this.state === "failing")) return;
    // The rest of this turn may still answer: what was piped on arrives in it. After the last message a fault waits until the reader
    // has come back for more; a close frame does not.
    if (this.#checking) return;
    this.#checking = true;
    void nextTask().then(() => {
      this.#checking = false;
      // A batch that was just handed over is looked at only now: it may have more messages than one.
      if (this.#owner.progress === "all" || !this.#owner.busy) this.#conclude();
      else if (this.answering) this.#awaitReplies();
    });
  }

  /** The answers take longer than this turn: from here on their time is bounded. */
  #awaitReplies(): void {
    this.#replyTimeout ??= new Timeout(this.#owner.deadlines.after(REPLY_PATIENCE), () => this.#conclude());
  }

  /** All that came is answered, or has had its time. */
  #conclude(): void {
    if (this.state === "failing") this.#happen("fail");
    else if (this.state === "closeReceived") this.#reply();
  }

  /** The one place where an error becomes a close frame. */
  #fail(event: "fail" | "fault", error: unknown): void {
    if (this.awaitsPeer) this.error ??= causeOf(error);
    const code = closeCodeOf(error);
    // An error of our own side is not shown to the peer.
    const reason = error instanceof WebSocketError ? error.reason : "";
    this.#answer(event, encodeClosePayload(code, reason));
  }

  /** What the table says about an event that carries a close frame's payload: the first one that is sent counts. */
  #answer(event: "close" | "fail" | "fault", payload: Uint8Array<ArrayBuffer>): void {
    if (this.state === "open" || this.state === "closeReceived") this.#toSend = payload;
    this.#happen(event);
  }

  #happen(event: CloseHandshakeEvent): void {
    const transition = CLOSE_HANDSHAKE[this.state][event];
    if (transition === undefined) return;
    const wasOpen = this.isOpen;
    this.#enter(transition.next);
    if (wasOpen && !this.isOpen) this.#owner.onLeaveOpen();
    this.#owner.onStateChange();
    for (const action of transition.actions) this.#do(action);
  }

  /** What follows from a state is a field: it is looked at with every read. */
  #enter(state: CloseState): void {
    this.state = state;
    this.isOpen = state === "open" || state === "failing";
    this.awaitsPeer = state === "open" || state === "closeSent";
    this.listening = state !== "failing" && state !== "failed" && state !== "closed";
    this.answering = state === "closeReceived" || state === "failing";
  }

  #do(action: CloseAction): void {
    switch (action) {
      case "startTimer":
        return this.#startTimer();
      case "awaitReplies":
        this.onProgress();
        return this.#checking ? undefined : this.#awaitReplies();
      case "sendClose":
        this.#owner.sendClose(this.#toSend, this.error);
        // Where the end of the transport is the close frame, every other state has it in its row.
        if (!this.#owner.hasCloseFrame && this.state === "closeSent") void this.#endWriting();
        return;
      case "endWriting":
        return void this.#endWriting();
      case "flush":
        return void this.#flush();
      case "finish":
        return this.#finish();
    }
  }

  #startTimer(): void {
    const { closeTimeout, deadlines } = this.#owner;
    const time = this.state === "failed" ? Math.min(closeTimeout || Infinity, FAILED_TIMEOUT) : closeTimeout;
    if (time === 0) return;
    this.#closeTimeout = new Timeout(deadlines.after(time), () => {
      this.recordCause(new ConnectionError(`The closing handshake took more than ${time} ms`));
      this.#happen("timeout");
    });
  }

  /** Answers the peer's close frame. */
  #reply(): void {
    const { received } = this;
    if (received === undefined || this.#replying) return;
    this.#replying = true; // a decision may take its time, and is made once
    const { decideReply } = this.#owner;
    if (decideReply === undefined) this.#replyWith(received.closeCode); // §5.5.1: the code is echoed
    else void this.#replyDecided(received, decideReply);
  }

  #replyWith(closeCode: number, reason?: string): void {
    this.close(closeCode === CloseCode.NO_STATUS ? encodeClosePayload() : encodeClosePayload(closeCode, reason));
  }

  async #replyDecided(received: ClosePayload, decideReply: DecideReply): Promise<void> {
    try {
      const { closeCode, reason } = await decideReply(received) ?? { closeCode: received.closeCode, reason: "" };
      this.#replyWith(closeCode, reason);
    } catch (error) {
      this.fail(error);
    }
  }

  async #flush(): Promise<void> {
    try {
      await this.#owner.flushed();
      this.#happen("flushed");
    } catch {
      // The transport is gone, which `abort` has dealt with.
    }
  }

  async #endWriting(): Promise<void> {
    try {
      await this.#owner.flushed();
      if (this.#readEnded) this.#happen("flushed");
      else await this.#owner.endWriting(this.state === "failed");
    } catch {
      // The transport is gone: the read loop sees that too and reports it.
    }
  }

  #finish(): void {
    const { received } = this;
    this.#closeTimeout?.cancel();
    this.#replyTimeout?.cancel();
    try {
      this.#owner.releaseExtensions();
    } catch (error) {
      this.error ??= causeOf(error);
    }
    const clean = received !== undefined && this.error === undefined;
    const closeCode = received?.closeCode ?? CloseCode.ABNORMAL;
    const reason = received?.reason ?? "";
    if (clean || this.error === undefined) this.#owner.finish({ closeCode, reason, wasClean: clean });
    else this.#owner.finish({ closeCode, reason, wasClean: false, error: endOf(this.error) });
  }
}
