/**
 * The closing handshake as a model: two ends that follow the library's table, joined by bounded channels. A state of it is a value; a
 * move makes another one.
 *
 * @module
 */
import type {
  CLOSE_HANDSHAKE,
  CloseAction,
  CloseHandshakeEvent as CloseEvent,
  CloseState,
} from "../../lib/connection/close_handshake.ts";

/** The table, or a broken one to check that the search detects it. */
export type CloseTable = typeof CLOSE_HANDSHAKE;

/** What goes over a channel. */
export type Token = "data" | "close" | "fin" | "reset";

/** Who an end is. */
export type Role = "client" | "server";

/** One end. */
export interface End {
  readonly state: CloseState;
  /** What is queued and not yet in the channel. */
  readonly queue: readonly Token[];
  /** What is under way from the other end. */
  readonly channel: readonly Token[];
  readonly timer: boolean;
  /** Whether our answer to what the peer said last is still to come. */
  readonly replying: boolean;
  /** Whether our writing side is to be ended once all is written. */
  readonly ending: boolean;
  /** Whether it waits until all is written, to be done. */
  readonly flushing: boolean;
  /** Whether our writing side has ended, or everything has. */
  readonly ended: boolean;
  /** Whether the other's has, as far as we have read. */
  readonly readEnded: boolean;
  /** Close frames that were queued, and read. */
  readonly sent: number;
  readonly received: number;
  readonly finished: number;
  /** Messages that were sent, and those of the other end that were read. */
  readonly said: number;
  readonly heard: number;
  /** What the application may still do. */
  readonly may: {
    readonly send: number;
    readonly close: number;
    readonly fail: number;
    readonly fault: number;
    readonly abort: number;
  };
}

/** Both ends, and what may still happen to the transport. */
export interface Model {
  readonly client: End;
  readonly server: End;
  /** How often the network may still fail. */
  readonly failures: number;
  /** Whether nothing that is sent arrives any more. */
  readonly mute: boolean;
  /** Whether an end has failed the connection: the closing handshake is done all the same, but it is not clean. */
  readonly failed: boolean;
  /** Whether something was lost: an end gave up, a deadline passed, or the network failed. */
  readonly lost: boolean;
}

/** A move. */
export interface Move {
  readonly name: string;
  /** Whether it happens by itself, sooner or later; an application may also never do what it may. */
  readonly certain: boolean;
  readonly model: Model;
}

/** Tokens that a channel holds. */
const CAPACITY = 2;

/** The beginning: both open, and so much that may happen. */
export function begin(may: End["may"], failures: number): Model {
  const end: End = {
    state: "open",
    queue: [],
    channel: [],
    timer: false,
    replying: false,
    ending: false,
    flushing: false,
    ended: false,
    readEnded: false,
    sent: 0,
    received: 0,
    finished: 0,
    said: 0,
    heard: 0,
    may,
  };
  return { client: end, server: end, failures, mute: false, failed: false, lost: false };
}

/** What can happen next, as a table has it. */
export class ClosingModel {
  readonly #table: CloseTable;
  readonly #faultEvent: CloseEvent;

  /** @param table The table. */
  constructor(table: CloseTable) {
    this.#table = table;
    // What a broken rule is to the table: an event of its own, or the failure at once.
    const events = Object.values(table).flatMap((cells) => Object.keys(cells)) as CloseEvent[];
    this.#faultEvent = events.find((event) => String(event) === "fault") ?? "fail";
  }

  /** Everything that can happen next. */
  moves(model: Model): Move[] {
    return [...this.#movesOf(model, "client"), ...this.#movesOf(model, "server"), ...networkFailures(model)];
  }

  *#movesOf(model: Model, role: Role): Generator<Move> {
    const end = model[role];
    if (end.state === "closed") return;
    const move = (name: string, certain: boolean, next: Model): Move => ({
      name: `${role}: ${name}`,
      certain,
      model: next,
    });
    const { may, channel } = end;
    // What the application may do.
    if (may.send > 0 && sends(end)) {
      const next = change(model, role, {
        queue: [...end.queue, "data"],
        said: end.said + 1,
        may: { ...may, send: may.send - 1 },
      });
      yield move("send", false, next);
    }
    for (const act of ["close", "fail", "abort"] as const) {
      if (may[act] === 0) continue;
      const next = change(model, role, { may: { ...may, [act]: may[act] - 1 } });
      const marked = { ...next, failed: model.failed || act === "fail", lost: model.lost || act === "abort" };
      yield move(act, false, this.#happen(marked, role, act));
    }
    if (may.fault > 0 && !end.readEnded && channel[0] === "data") {
      const next = change(model, role, {
        channel: channel.slice(1),
        heard: end.heard + 1,
        may: { ...may, fault: may.fault - 1 },
      });
      yield move("read a fault", false, this.#happen({ ...next, failed: true }, role, this.#faultEvent));
    }
    // A deadline may pass at any time. Only where nothing arrives is it what goes on.
    if (end.timer) {
      const next = change({ ...model, lost: true }, role, { timer: false });
      yield move("timeout", model.mute, this.#happen(next, role, "timeout"));
    }
    // What happens by itself.
    const write = this.#write(model, role);
    if (write !== undefined) yield move(`write ${end.queue[0] ?? "the end"}`, true, write);
    if (end.flushing && end.queue.length === 0) {
      yield move("flushed", true, this.#happen(change(model, role, { flushing: false }), role, "flushed"));
    }
    if (end.replying) {
      const event = end.state === "closeReceived" ? "close" : "fail";
      yield move("answer", true, this.#happen(change(model, role, { replying: false }), role, event));
    }
    if (!end.readEnded && channel.length > 0) yield move(`read ${channel[0]}`, true, this.#read(model, role));
  }

  /** Puts what is first in the queue into the channel, or ends the writing side behind it. */
  #write(model: Model, role: Role): Model | undefined {
    const end = model[role];
    const other = otherOf(role);
    const peer = model[other];
    const [first, ...queue] = end.queue;
    if (first === undefined) return end.ending ? this.#endWriting(model, role) : undefined;
    if (model.mute) return change(model, role, { queue });
    if (peer.state === "closed") {
      // The peer does not read: a write is answered by a reset, once.
      const answered = end.readEnded || end.channel.includes("reset");
      return change(model, role, { queue, ...(answered ? {} : { channel: [...end.channel, "reset" as const] }) });
    }
    if (peer.channel.length >= CAPACITY) return undefined;
    return change(change(model, role, { queue }), other, { channel: [...peer.channel, first] });
  }

  /** RFC 6455 §7.1.1: the server ends the transport first; a client waits for it, unless it has just failed the connection. */
  #endWriting(model: Model, role: Role): Model {
    const end = model[role];
    const next = change(model, role, { ending: false });
    if (end.readEnded) return this.#happen(next, role, "flushed");
    return role === "server" || end.state === "failed" ? fin(next, role) : next;
  }

  #read(model: Model, role: Role): Model {
    const end = model[role];
    const [token, ...channel] = end.channel;
    const next = change(model, role, { channel });
    switch (token) {
      case "close":
        return this.#happen(change(next, role, { received: end.received + 1 }), role, "peerClose");
      case "fin":
        return this.#happen(change(next, role, { readEnded: true }), role, "end");
      case "reset":
        return this.#happen(change({ ...next, lost: true }, role, { readEnded: true }), role, "abort");
      default:
        return change(next, role, { heard: end.heard + 1 });
    }
  }

  /** What the table says. */
  #happen(model: Model, role: Role, event: CloseEvent): Model {
    const transition = this.#table[model[role].state][event];
    if (transition === undefined) return model;
    return transition.actions.reduce(
      (next, action) => act(next, role, action),
      change(model, role, { state: transition.next }),
    );
  }
}

/** Whether messages are still taken: after the peer's close frame too, as it has not said that it reads no more (RFC 6455 §5.5.1). */
function sends({ state }: End): boolean {
  return state === "open" || state === "closeReceived";
}

function fin(model: Model, role: Role): Model {
  if (model[role].ended) return model;
  const other = otherOf(role);
  const next = change(model, role, { ended: true });
  if (model.mute) return next;
  return change(next, other, { channel: [...next[other].channel, "fin"] });
}

/** The network may fail: it resets the connection, which both ends notice, or it is silent from then on. */
function* networkFailures(model: Model): Generator<Move> {
  if (model.failures === 0) return;
  const next = { ...model, failures: model.failures - 1, lost: true };
  const told = (end: End): Partial<End> => end.state === "closed" ? {} : { channel: ["reset"] };
  const reset = change(change(next, "client", told(model.client)), "server", told(model.server));
  yield { name: "the network resets", certain: false, model: reset };
  const mute = change(change(next, "client", { channel: [] }), "server", { channel: [] });
  yield { name: "the network is silent", certain: false, model: { ...mute, mute: true } };
}

function act(model: Model, role: Role, action: CloseAction): Model {
  const end = model[role];
  switch (String(action)) {
    case "startTimer":
      return change(model, role, { timer: true });
    case "decideReply":
    case "awaitReplies":
      return change(model, role, { replying: true });
    case "sendClose":
      return change(model, role, { queue: [...end.queue, "close"], sent: end.sent + 1, replying: false });
    case "endWriting":
      return change(model, role, { ending: true });
    case "flush":
      return change(model, role, { flushing: true });
    case "finish":
      return finish(model, role);
    default:
      throw new Error(`The model does not know the action ${action}`);
  }
}

/** Everything is dropped, and the transport closed: over bytes that were not read, that is a reset. */
function finish(model: Model, role: Role): Model {
  const end = model[role];
  const other = otherOf(role);
  const gone = { queue: [], channel: [], timer: false, replying: false, ending: false, flushing: false, ended: true };
  const next = change(model, role, { ...gone, finished: end.finished + 1 });
  const last: Token[] = end.channel.length > 0 ? ["reset"] : end.ended ? [] : ["fin"];
  if (next[other].state === "closed" || last.length === 0 || model.mute) return next;
  return change(next, other, { channel: [...next[other].channel, ...last] });
}

function otherOf(role: Role): Role {
  return role === "client" ? "server" : "client";
}

function change(model: Model, role: Role, changes: Partial<End>): Model {
  return { ...model, [role]: { ...model[role], ...changes } };
}

/** Most moves leave one of the ends as it is. */
const KEYS = new WeakMap<End, string>();

/** A model as a key: two that are alike have the same. */
export function keyOf({ client, server, failures, mute, failed, lost }: Model): string {
  return `${endKey(client)}|${endKey(server)}|${failures}${[mute, failed, lost].map(Number).join("")}`;
}

function endKey(end: End): string {
  const known = KEYS.get(end);
  if (known !== undefined) return known;
  const key = makeKey(end);
  KEYS.set(end, key);
  return key;
}

function makeKey(end: End): string {
  const {
    state,
    queue,
    channel,
    timer,
    replying,
    ending,
    flushing,
    ended,
    readEnded,
    sent,
    received,
    finished,
    said,
    heard,
    may,
  } = end;
  const flags = [timer, replying, ending, flushing, ended, readEnded].map(Number).join("");
  const counts = [sent, received, finished, said, heard, ...Object.values(may)].join("");
  return `${state} ${queue.map(letter).join("")} ${channel.map(letter).join("")} ${flags} ${counts}`;
}

function letter(token: Token): string {
  return token[0]!;
}
