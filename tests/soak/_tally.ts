/**
 * What is counted, and the judgement.
 *
 * @module
 */

/** The counts of a soak. */
export interface Tally {
  /** Connections made, raw ones included. */
  connections: number;
  /** Messages sent whose echo is owed. */
  sent: number;
  /** Echoes that came, in order. */
  echoed: number;
  /** Messages whose echo was owed and did not come. */
  lost: number;
  /** Messages whose echo a client did not wait for. */
  abandoned: number;
  /** Echoes that came twice, out of order or with other bytes. */
  wrong: number;
  /** How often each behaviour was played. */
  plays: Map<string, number>;
  /** What went wrong, by kind. */
  errors: Map<string, number>;
}

/** Nothing counted yet. */
export function emptyTally(): Tally {
  return { connections: 0, sent: 0, echoed: 0, lost: 0, abandoned: 0, wrong: 0, plays: new Map(), errors: new Map() };
}

/** One more of a kind. */
export function count(kinds: Map<string, number>, kind: string): void {
  kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
}

/** The kinds, the most frequent first. */
export function shown(kinds: ReadonlyMap<string, number>): string {
  if (kinds.size === 0) return "none";
  return [...kinds].toSorted(([, a], [, b]) => b - a).map(([kind, times]) => `${times} ${kind}`).join(", ");
}

/** What is known at the end. */
export interface Outcome {
  tally: Tally;
  /** Resident memory in bytes after warm-up, and at the end. */
  warm: number;
  end: number;
  /** Connections that the server still has after everybody left. */
  left: number;
  /** What the server's `onError` was told, by its message. */
  faults: Record<string, number>;
  /** The server's exit code. */
  code: number;
}

const MiB = 1024 * 1024;

/** Growth that is noise: in the first seconds V8's young generation grows to its 48 MiB, and what is compiled has its place. */
const FLAT = { factor: 1.25, slack: 64 * MiB };

/** The most that memory may be at the end, after so much when all was warm. */
export function mostMemory(warm: number): number {
  return FLAT.factor * warm + FLAT.slack;
}

/** A number of bytes in MiB. */
export function mebibytes(bytes: number): string {
  return `${(bytes / MiB).toFixed(1)} MiB`;
}

/** Everything that is wrong with a soak; nothing where it passed. */
export function judge({ tally, warm, end, left, faults, code }: Outcome): string[] {
  const most = mostMemory(warm);
  const complaints: [boolean, string][] = [
    [tally.lost > 0, `${tally.lost} messages were lost`],
    [tally.sent !== tally.echoed + tally.lost + tally.abandoned + tally.wrong, "not every message is accounted for"],
    [tally.wrong > 0, `${tally.wrong} echoes were wrong`],
    [tally.sent === 0, "no message was sent"],
    [end > most, `memory is not flat: ${mebibytes(end)} at the end is more than ${mebibytes(most)}`],
    [left > 0, `the server still has ${left} connections`],
    [Object.keys(faults).length > 0, `the server reported faults of its own: ${JSON.stringify(faults)}`],
    [code !== 0, `the server ended with exit code ${code}`],
  ];
  return complaints.filter(([wrong]) => wrong).map(([, complaint]) => complaint);
}
