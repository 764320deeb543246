/**
 * Visits every state that the closing handshake of two ends can come to, by every order of events, and looks for one that must not be.
 *
 * @module
 */
import { begin, type CloseTable, ClosingModel, type End, keyOf, type Model, type Move } from "./close_model.ts";

/** What the search found. */
export interface SearchResult {
  /** States that were visited. */
  readonly states: number;
  /** Moves between them. */
  readonly moves: number;
  /** States in which nothing more happens. */
  readonly ends: number;
  /** The shortest way to a state that must not be, and why; `undefined` if there is none. */
  readonly fault: { readonly why: string; readonly way: readonly string[] } | undefined;
}

interface Visited {
  readonly model: Model;
  readonly from: string | undefined;
  readonly by: string;
}

/** Searches, from both ends open with so much that may happen, breadth first: the first fault has the shortest way. */
export function searchClosing(table: CloseTable, may: End["may"], failures: number): SearchResult {
  const closing = new ClosingModel(table);
  const first = begin(may, failures);
  const visited = new Map<string, Visited>([[keyOf(first), { model: first, from: undefined, by: "" }]]);
  const certain = new Map<string, string[]>();
  let count = 0;
  let ends = 0;
  const fault = (why: string, at: string) => ({
    states: visited.size,
    moves: count,
    ends,
    fault: { why, way: wayTo(visited, at) },
  });
  for (const [key, { model }] of visited) {
    const next = closing.moves(model);
    count += next.length;
    const surely = next.filter((move) => move.certain);
    certain.set(key, surely.map((move) => keyOf(move.model)));
    if (surely.length === 0) ends++;
    const why = faultOf(model, surely);
    if (why !== undefined) return fault(why, key);
    for (const move of next) {
      const { name, model: after } = move;
      const wrong = faultOfMove(model, move);
      const afterKey = keyOf(after);
      if (!visited.has(afterKey)) visited.set(afterKey, { model: after, from: key, by: name });
      if (wrong !== undefined) return fault(wrong, afterKey);
    }
  }
  const cycle = findCycle(certain);
  return cycle === undefined
    ? { states: visited.size, moves: count, ends, fault: undefined }
    : fault("It goes round for ever", cycle);
}

/** What is wrong about a state. */
function faultOf({ client, server, mute, failed, lost }: Model, certain: readonly Move[]): string | undefined {
  for (const end of [client, server]) {
    if (end.sent > 1) return "A second close frame is sent (§5.5.1)";
    if ((end.state === "closed" ? 1 : 0) !== end.finished) {
      return `An end is ${end.state}, and has finished ${end.finished} times`;
    }
    const waits = end.state !== "open" && end.state !== "closed";
    if (waits && !end.timer && !end.replying) return `An end is ${end.state} without a deadline`;
    const at = end.queue.indexOf("close");
    if (at !== -1 && at !== end.queue.length - 1) return "Something is queued behind a close frame (§5.5.1)";
    if (isFollowed(end.channel)) return "Something is sent behind a close frame (§5.5.1)";
    if (end.readEnded && (end.state === "open" || end.state === "closeSent")) {
      return "An end is not told that the other has gone";
    }
    if (end.received > 0 && end.state === "open") return "An end does not hear a close frame (§5.5.1)";
  }
  if (certain.length > 0) return undefined;
  const isDone = ({ state }: End) => state === "closed" || (mute && state === "open"); // keepalive's business
  const states = `with the client ${client.state} and the server ${server.state}`;
  if (client.state === "open" && server.state === "open") return undefined; // messages may flow for ever
  if (!isDone(client) || !isDone(server)) return `Nothing goes on, ${states}`;
  if (lost) return undefined;
  for (const [end, other] of [[client, server], [server, client]] as const) {
    if (end.sent === 0 || end.received === 0) {
      return "Nothing was lost, and an end has not sent or not read a close frame (§7.1.4)";
    }
    if (!failed && end.heard !== other.said) return "Nothing was lost, and a message has not been read";
  }
}

/** What is wrong about a move. */
function faultOfMove(before: Model, { name, model: after }: Move): string | undefined {
  for (const role of ["client", "server"] as const) {
    const [end, next] = [before[role], after[role]];
    if (end.state === "closed" && next.state !== "closed") return "An end comes back";
    if (name === `${role}: abort` && next.state !== "closed") return "An end that gives up is not closed at once";
    const acts = [`${role}: close`, `${role}: fail`, `${role}: read a fault`];
    if (acts.includes(name) && next.state === "open") return "What the application or a fault ends stays open";
    if (name === `${role}: close` && end.state === "open" && next.ending) {
      return "An end that closes does not wait for the answer (§7.1.1)";
    }
    if (
      name === `${role}: fail` && next.state !== end.state && next.state !== "closed" && !next.ending && !next.ended &&
      !end.flushing
    ) {
      return "An end that fails does not end its side (§7.1.7)";
    }
    const fins = !end.ended && next.ended && !next.finished;
    if (fins && next.sent === 0) return "An end ends its side without a close frame (§5.5.1)";
    if (role === "client" && fins && !before.server.ended && next.state !== "failed") {
      return "The client ends the transport before the server (§7.1.1)";
    }
  }
}

/** Whether anything but the end follows a close frame. */
function isFollowed(channel: End["channel"]): boolean {
  const at = channel.indexOf("close");
  return at !== -1 && channel.slice(at + 1).some((token) => token === "data" || token === "close");
}

function wayTo(visited: ReadonlyMap<string, Visited>, key: string): string[] {
  const way: string[] = [];
  for (let at = visited.get(key); at?.from !== undefined; at = visited.get(at.from)) way.unshift(at.by);
  return way;
}

/** A state from which what certainly happens leads back to it. */
function findCycle(certain: ReadonlyMap<string, readonly string[]>): string | undefined {
  const done = new Set<string>();
  const onWay = new Set<string>();
  for (const start of certain.keys()) {
    const stack: { key: string; next: number }[] = [{ key: start, next: 0 }];
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      if (top.next === 0) {
        if (done.has(top.key)) {
          stack.pop();
          continue;
        }
        onWay.add(top.key);
      }
      const follower = certain.get(top.key)?.[top.next++];
      if (follower === undefined) {
        onWay.delete(top.key);
        done.add(top.key);
        stack.pop();
      } else if (onWay.has(follower)) return follower;
      else if (!done.has(follower)) stack.push({ key: follower, next: 0 });
    }
  }
  return undefined;
}
