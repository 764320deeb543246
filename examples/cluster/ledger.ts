/**
 * What became of every message: who should have heard it, who did, and whether a loss is one of those that are promised.
 *
 * @module
 */
import type { Client } from "./clients.ts";

/** Milliseconds that a message may be under way on this machine. What is younger when something is killed is in flight. */
export const FLIGHT = 500;

/** What is away: nothing, the broker, or a server by the name that it gave itself. */
export type Away = { readonly kind: "nothing" } | { readonly kind: "broker" } | {
  readonly kind: "server";
  readonly server: string;
};

/** A part of the play. */
export interface Phase {
  /** What was away, and how. */
  readonly title: string;
  /** The same for {@linkcode isPromised}. */
  readonly away: Away;
  /** When it began: {@linkcode FLIGHT} before the kill. It ends where the next one begins. */
  readonly from: number;
  /** When all was well again. */
  readonly well: number;
  /** Messages that were heard twice. */
  readonly duplicates: number;
  /** Connections that were made again. */
  readonly reconnects: number;
  /** Milliseconds until all were back, and since when. */
  readonly back: string;
}

/** A line of the table. Messages are counted once, the rest once for each client. */
export interface Row {
  readonly title: string;
  readonly messages: number;
  readonly due: number;
  readonly received: number;
  /** Of those, out of a server's history. */
  readonly caughtUp: number;
  /** Lost as promised: at most once. */
  readonly lost: number;
  /** Lost otherwise: must be none. */
  readonly unexplained: number;
  readonly duplicates: number;
  readonly reconnects: number;
  readonly back: string;
}

/** What is known of a client. */
export type Witness = Pick<Client, "said" | "heard" | "moves">;

/** Counts. */
export function account(phases: readonly Phase[], clients: readonly Witness[]): Row[] {
  return phases.map((phase, index) => {
    const end = phases[index + 1]?.from ?? Infinity;
    const { title, duplicates, reconnects, back } = phase;
    let [messages, received, caughtUp, lost, unexplained] = [0, 0, 0, 0, 0];
    for (const author of clients) {
      for (const { text, server, at } of author.said) {
        if (at < phase.from || at >= end) continue;
        messages++;
        for (const listener of clients) {
          const heard = listener.heard.get(text);
          if (heard !== undefined) {
            received++;
            if (heard.caughtUp) caughtUp++;
          } else if (isPromised(phase, { server, at, to: serverAt(listener, at) })) lost++;
          else unexplained++;
        }
      }
    }
    const due = messages * clients.length;
    return { title, messages, due, received, caughtUp, lost, unexplained, duplicates, reconnects, back };
  });
}

/**
 * Whether a loss is one that at-most-once delivery has: the message was handed to a server that then went, or it had to go from one
 * server to the other while the broker between them was away. A client that only moved from one server to another misses nothing.
 */
function isPromised(
  { away, well }: Phase,
  { server, at, to }: { server: string | undefined; at: number; to: string | undefined },
): boolean {
  switch (away.kind) {
    case "nothing":
      return false;
    case "broker":
      return at <= well && server !== to;
    case "server":
      return server === away.server;
  }
}

function serverAt({ moves }: Witness, at: number): string | undefined {
  return (moves.findLast((move) => move.at <= at) ?? moves[0])?.server;
}

const HEAD: Readonly<Record<keyof Row, string>> = {
  title: "away",
  messages: "messages",
  due: "to deliver",
  received: "received",
  caughtUp: "caught up",
  lost: "lost",
  unexplained: "unexplained",
  duplicates: "duplicates",
  reconnects: "reconnects",
  back: "all back",
};

/** Writes the table, with the sum. */
export function table(rows: readonly Row[]): string {
  const keys = Object.keys(HEAD) as (keyof Row)[];
  const sum = (key: keyof Row) => rows.reduce((sum, row) => sum + Number(row[key]), 0);
  const isText = (key: keyof Row) => key === "title" || key === "back";
  const columns = keys.map((key) => {
    const total = key === "title" ? "all" : key === "back" ? "" : `${sum(key)}`;
    const cells = [HEAD[key], ...rows.map((row) => `${row[key]}`), total];
    const width = Math.max(...cells.map(({ length }) => length));
    const [head, ...rest] = cells.map((cell) => isText(key) ? cell.padEnd(width) : cell.padStart(width));
    return [head, "-".repeat(width), ...rest];
  });
  const lines = Array.from({ length: rows.length + 3 }, (_, line) => columns.map((column) => column[line]));
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
