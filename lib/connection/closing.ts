/**
 * The closing handshake of one connection: its state, its deadlines, the two close frames, and the reason of the end.
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

/** How far the application has processed the received messages. */
export type Progress =
  /** It has not read. */
  | "unread"
  /** Messages wait or are being processed. */
  | "reading"
  /** It has taken the last message, and may still reply to it. */
  | "last"
  /** It waits for more messages; all are processed. */
  | "all";

/** The part of the connection that the closing handshake uses. */
export interface ClosingOwner {
  /** The longest time for the handshake, in milliseconds; 0 for no limit. */
  readonly closeTimeout: number;
  /** The lists of its deadlines. */
  readonly deadlines: Deadlines;
  /** Whether the protocol has close frames. Without them, the end of the transport counts as a close frame without a code. */
  readonly hasCloseFrame: boolean;
  /** Whether the whole queue was written. */
  readonly allWritten: boolean;
  /** How far the application has processed the received messages. */
  readonly progress: Progress;
  /** Whether a batch is being processed over several turns of the event loop. */
  readonly busy: boolean;
  /** Decides the reply to the peer's close frame. By default the peer's code is echoed. */
  readonly decideReply: DecideReply | undefined;
  /** Called once, when the connection is no longer open. */
  onLeaveOpen(): void;
  /** Called when the state has changed, so that the read loop checks again what still matters. */
  onStateChange(): void;
  /** Abandons messages that are being sent, and sends the close frame if the protocol has one. */
  sendClose(payload: Uint8Array<ArrayBuffer>, reason: unknown): void;
  /** Waits until the whole queue was written. */
  flushed(): Promise<void>;
  /** Ends the writing side of the transport, as §7.1.1 requires of this end. `failed` says that we failed the connection. */
  endWriting(failed: boolean): Promise<void> | undefined;
  /** Releases the extensions. It may throw; an error of an extension must not keep the connection from ending. */
  releaseExtensions(): void;
  /** Ends everything else. It is called once. */
  finish(info: CloseInfo): void;
}

/** Decides the reply to the peer's close frame. */
export type DecideReply = (received: ClosePayload) => ClosePayload | Promise<ClosePayload>;

/**
 * The time that the peer has to read our close frame after a failure, in milliseconds. It is short because the peer violated the
 * protocol.
 */
const FAILED_TIMEOUT = 2_000;

/** The time that our close frame waits for replies to messages before the peer's close frame or violation, in milliseconds. */
const REPLY_PATIENCE = 2_000;

const NOTHING = new Uint8Array(0);

/** Closes a connection by the table of `close_handshake.ts`. */
export class Closing {
  /** The content of the peer's close frame, once it is read. */
  received: ClosePayload | undefined;
  /** The state. */
  state: CloseState = "open";
  /** Whether it is open to the application. After a violation, replies to earlier messages may still be sent. */
  isOpen = true;
  /** Whether the peer's close frame is still to come. */
  awaitsPeer = true;
  /** Whether data from the peer still matters. */
  listening = true;
  /** Whether replies to the peer's last messages may still be sent. The peer sends no more, but may still read. */
  answering = false;
  /** The reason of the end, if it is not clean. */
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

  /** Closes with the payload of our close frame. */
  close(payload: Uint8Array<ArrayBuffer>): void {
    this.#answer("close", payload);
  }

  /** Fails the connection (RFC 6455 §7.1.7), at once. */
  fail(error: unknown): void {
    this.#fail("fail", error);
  }

  /** Handles a violation by the peer. The connection fails once earlier messages are answered. */
  fault(error: unknown): void {
    this.#fail("fault", error);
  }

  /** Drops the connection for the application. */
  abort(reason: unknown): void {
    if (this.state !== "closed") this.error ??= reason;
    this.#happen("abort");
  }

  /** Handles a failed transport or a silent peer, which no close frame can reach. */
  lose(error: unknown): void {
    this.recordCause(error);
    this.#happen("abort");
  }

  /**
   * Records the first cause. After both close frames were exchanged and ours was written, the end of the transport is never an
   * error.
   */
  recordCause(cause: unknown): void {
    if (this.state === "closed" || (this.state === "exchanged" && this.#owner.allWritten)) return;
    this.error ??= cause instanceof WebSocketError ? cause : new ConnectionError("The connection was lost", { cause });
  }

  /** Acts on the peer's close frame, after all messages before it were delivered. */
  handlePeerClose(): void {
    if (this.received !== undefined) this.#happen("peerClose");
  }

  /**
   * Handles the end of the transport between two messages. It is an error if a close frame was expected and has not arrived
   * (§7.1.5).
   */
  requireClose(): void {
    if (!this.awaitsPeer) return;
    if (this.#owner.hasCloseFrame) throw new ConnectionError("The connection ended without a close frame");
    this.received = { closeCode: CloseCode.NO_STATUS, reason: "" };
    this.#happen("peerClose");
  }

  /** Ends reading. */
  endReading(): void {
    this.#readEnded = true;
    this.#happen("end");
  }

  /**
   * Called when the application made progress. Our close frame, as the reply to the peer's or after a violation, follows the
   * replies to earlier messages: once these are processed, or after `REPLY_PATIENCE`.
   */
  onProgress(): void {
    if (!this.answering) return;
    const { progress } = this.#owner;
    if (progress === "reading" || (progress === "last" && this.state === "failing")) return;
    // The rest of this turn may still bring replies, because piped messages arrive in it. After the last message, a violation
    // waits until the reader asks for more; a close frame does not.
    if (this.#checking) return;
    this.#checking = true;
    void nextTask().then(() => {
      this.#checking = false;
      // A batch that was just passed on is checked only now, because it may contain several messages.
      if (this.#owner.progress === "all" || !this.#owner.busy) this.#conclude();
      else if (this.answering) this.#awaitReplies();
    });
  }

  /** The replies take longer than this turn, so their time is limited from here on. */
  #awaitReplies(): void {
    this.#replyTimeout ??= new Timeout(this.#owner.deadlines.after(REPLY_PATIENCE), () => this.#conclude());
  }

  /** Continues once all messages are answered or their time is up. */
  #conclude(): void {
    if (this.state === "failing") this.#happen("fail");
    else if (this.state === "closeReceived") this.#reply();
  }

  /** Turns an error into a close frame. This is the only place. */
  #fail(event: "fail" | "fault", error: unknown): void {
    if (this.awaitsPeer) this.error ??= causeOf(error);
    const code = closeCodeOf(error);
    // The peer does not see an error of our own code.
    const reason = error instanceof WebSocketError ? error.reason : "";
    this.#answer(event, encodeClosePayload(code, reason));
  }

  /** Applies an event with the payload of a close frame. The first payload that is sent counts. */
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

  /** Values that follow from the state are fields, because they are read with every network read. */
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
        // If the end of the transport is the close frame, the rows of all other states cover it.
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

  /** Replies to the peer's close frame. */
  #reply(): void {
    const { received } = this;
    if (received === undefined || this.#replying) return;
    this.#replying = true; // a decision may take time, and is made once
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
      // The transport has ended; `abort` has handled that.
    }
  }

  async #endWriting(): Promise<void> {
    try {
      await this.#owner.flushed();
      if (this.#readEnded) this.#happen("flushed");
      else await this.#owner.endWriting(this.state === "failed");
    } catch {
      // The transport has ended. The read loop notices that too and reports it.
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
