/**
 * The closing handshake of one connection: where it stands, its deadlines, what the two close frames said, and why it ended.
 *
 * @module
 */
import { closeCodeOf, ConnectionError, invalidState, WebSocketError } from "../errors.ts";
import type { ExtensionChain } from "../extensions/negotiation.ts";
import { nextTask } from "../async.ts";
import { CloseCode, type ClosePayload, encodeClosePayload } from "../pipeline/frames/close_code.ts";
import { frame, Opcode, type Role } from "../pipeline/frames/frame.ts";
import { CLOSE_HANDSHAKE, type CloseAction, type CloseHandshakeEvent, type CloseState } from "./close_handshake.ts";
import type { ConnectionWays } from "./readers/streams.ts";
import type { Intake } from "./intake.ts";
import { causeOf, endOf } from "./not_open.ts";
import type { Sender } from "./sender.ts";
import type { Transport } from "../transport/transport.ts";
import type { CloseInfo } from "./websocket_connection.ts";

/** What a closing handshake depends on. */
export interface ClosingOptions {
  /** Which end we are. */
  readonly role: Role;
  /** Milliseconds that it may take; 0 for any number. */
  readonly closeTimeout: number;
  /** Whether there are close frames. Where there are none, the end of the transport is one, with no code. */
  readonly hasCloseFrame: boolean;
  /** What is ended. */
  readonly transport: Pick<Transport, "closeWrite">;
  /** Where our close frame goes, behind what is queued. */
  readonly sender: Pick<Sender, "append" | "consuming" | "endMessages" | "queue">;
  /** What was read and not consumed. */
  readonly intake: Pick<Intake, "awaited" | "idle" | "release">;
  /** Whether anybody reads. */
  readonly ways: Pick<ConnectionWays, "inUse">;
  /** The extensions, which are let go of at the end. */
  readonly chain: Pick<ExtensionChain, "release"> | undefined;
  /** The connection is not open any more. It is called once. */
  readonly left: () => void;
  /** Ends all else. It is called once. */
  readonly finish: (info: CloseInfo) => void;
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
  /** By default the code is echoed (§5.5.1). A4: what it throws is 1011. */
  decideReply: DecideReply | undefined;

  readonly #options: ClosingOptions;
  #state: CloseState = "open";
  #toSend: Uint8Array<ArrayBuffer> = NOTHING;
  #error: unknown;
  #readEnded = false;
  #replying = false;
  #checking = false;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  #replyTimer: ReturnType<typeof setTimeout> | undefined;

  /** @param options What it depends on. */
  constructor(options: ClosingOptions) {
    this.#options = options;
  }

  /** Where it stands. */
  get state(): CloseState {
    return this.#state;
  }

  /** Whether it is open to the application: while a fault waits for the answers to what came before it, these may leave. */
  get isOpen(): boolean {
    return this.#state === "open" || this.#state === "failing";
  }

  /** Why the connection ends, where that is not clean. */
  get error(): unknown {
    return this.#error;
  }

  /** Whether the peer's close frame is still to come. */
  get awaitsPeer(): boolean {
    return this.#state === "open" || this.#state === "closeSent";
  }

  /** Whether what the peer sends still matters. */
  get listening(): boolean {
    return this.#state !== "failing" && this.#state !== "failed" && this.#state !== "closed";
  }

  /** Whether the answers to what the peer sent last may still leave: it sends no more, which is not to say that it reads no more. */
  get answering(): boolean {
    return this.#state === "closeReceived" || this.#state === "failing";
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
    if (this.#state !== "closed") this.#error ??= reason;
    this.#happen("abort");
  }

  /** The transport failed, or the peer did: there is nobody to tell. */
  lose(error: unknown): void {
    this.blame(error);
    this.#happen("abort");
  }

  /** Keeps the first cause. Once both close frames were exchanged and ours is written, how the transport ends is no error. */
  blame(cause: unknown): void {
    const { queue } = this.#options.sender;
    if (this.#state === "closed" || (this.#state === "exchanged" && queue.queuedBytes === 0)) return;
    this.#error ??= cause instanceof WebSocketError ? cause : new ConnectionError("The connection was lost", { cause });
  }

  /** Everything before the peer's close frame, if there is one, has been handed on. */
  proceed(): void {
    if (this.received !== undefined) this.#happen("peerClose");
  }

  /** The transport has ended between two messages. Without the peer's close frame, if it sends such, that is an error (§7.1.5). */
  requireClose(): void {
    if (!this.awaitsPeer) return;
    if (this.#options.hasCloseFrame) throw new ConnectionError("The connection ended without a close frame");
    this.received = { closeCode: CloseCode.NO_STATUS, reason: "" };
    this.#happen("peerClose");
  }

  /** Nothing more is read. */
  endReading(): void {
    this.#readEnded = true;
    this.#happen("end");
  }

  /**
   * Whoever reads got further. Our close frame, which answers the peer's or its fault, comes after the answers to the messages before
   * that: it waits until they are consumed, but no longer than `REPLY_PATIENCE`.
   */
  checkConsumed(): void {
    if (!this.answering) return;
    const { intake, sender, ways } = this.#options;
    const failing = this.#state === "failing";
    if (ways.inUse && !intake.awaited && (failing || sender.consuming !== "nothing" || !intake.idle)) return;
    // The reader has come back for more, or nobody reads, or not any more; or the last message before a close frame is being dealt
    // with. This turn may still answer: what was piped on arrives in it. A fault waits until the reader has come back.
    if (this.#checking) return;
    this.#checking = true;
    void nextTask().then(() => {
      this.#checking = false;
      // A batch that was just handed over is looked at only now: it may have more messages than one.
      if (intake.awaited || sender.consuming === "nothing") this.#conclude();
    });
  }

  /** All that came is answered, or has had its time. */
  #conclude(): void {
    if (this.#state === "failing") this.#happen("fail");
    else if (this.#state === "closeReceived") void this.#reply();
  }

  /** The one place where an error becomes a close frame. */
  #fail(event: "fail" | "fault", error: unknown): void {
    if (this.awaitsPeer) this.#error ??= causeOf(error);
    const code = closeCodeOf(error);
    // What goes wrong on our side is none of the peer's business.
    const reason = error instanceof WebSocketError ? error.reason : "";
    this.#answer(event, encodeClosePayload(code, reason));
  }

  /** What the table says about an event that carries a close frame's payload: the first one that is sent counts. */
  #answer(event: "close" | "fail" | "fault", payload: Uint8Array<ArrayBuffer>): void {
    if (this.#state === "open" || this.#state === "closeReceived") this.#toSend = payload;
    this.#happen(event);
  }

  #happen(event: CloseHandshakeEvent): void {
    const transition = CLOSE_HANDSHAKE[this.#state][event];
    if (transition === undefined) return;
    const wasOpen = this.isOpen;
    this.#state = transition.next;
    if (wasOpen && !this.isOpen) this.#options.left();
    this.#options.intake.release();
    for (const action of transition.actions) this.#do(action);
  }

  #do(action: CloseAction): void {
    const { closeTimeout, hasCloseFrame, sender } = this.#options;
    switch (action) {
      case "startTimer": {
        const time = this.#state === "failed" ? Math.min(closeTimeout || Infinity, FAILED_TIMEOUT) : closeTimeout;
        if (time === 0) break;
        this.#closeTimer = setTimeout(() => {
          this.blame(new ConnectionError(`The closing handshake took more than ${time} ms`));
          this.#happen("timeout");
        }, time);
        break;
      }
      case "awaitReplies":
        this.#replyTimer = setTimeout(() => this.#conclude(), REPLY_PATIENCE);
        this.checkConsumed();
        break;
      case "sendClose":
        // It passes between the fragments of a message, which then has no end.
        sender.endMessages(endOf(this.#error ?? invalidState("Cannot send: the connection is closing")));
        if (hasCloseFrame) {
          sender.append(frame(Opcode.CLOSE, this.#toSend));
          sender.queue.flush();
        } else if (this.#state === "closeSent") {
          void this.#endWriting(); // which other states do anyway
        }
        break;
      case "endWriting":
        void this.#endWriting();
        break;
      case "flush":
        void sender.queue.flushed().then(() => this.#happen("flushed"), () => {});
        break;
      case "finish":
        this.#finish();
        break;
    }
  }

  async #reply(): Promise<void> {
    const { received } = this;
    if (received === undefined || this.#state !== "closeReceived" || this.#replying) return;
    this.#replying = true; // a decision may take its time, and is made once
    try {
      const { closeCode, reason } = await this.decideReply?.(received) ?? { ...received, reason: "" };
      this.close(closeCode === CloseCode.NO_STATUS ? encodeClosePayload() : encodeClosePayload(closeCode, reason));
    } catch (error) {
      this.fail(error);
    }
  }

  async #endWriting(): Promise<void> {
    const { role, sender, transport } = this.#options;
    try {
      await sender.queue.flushed();
      if (this.#readEnded) this.#happen("flushed");
      // §7.1.1: the server ends the transport first; a client waits for it, unless it has just failed the connection.
      else if (role === "server" || this.#state === "failed") await transport.closeWrite();
    } catch {
      // The transport is gone: the reader sees that too and reports it.
    }
  }

  #finish(): void {
    const { chain, finish } = this.#options;
    try {
      chain?.release();
    } catch (error) {
      this.#error ??= causeOf(error); // an extension's mistake must not keep the connection from ending
    }
    const { received } = this;
    const clean = received !== undefined && this.#error === undefined;
    clearTimeout(this.#closeTimer);
    clearTimeout(this.#replyTimer);
    endOf(this.#error); // whoever reads gets it, in any handler
    finish({
      closeCode: received?.closeCode ?? CloseCode.ABNORMAL,
      reason: received?.reason ?? "",
      wasClean: clean,
      ...(clean || this.#error === undefined ? {} : { error: this.#error }),
    });
  }
}
