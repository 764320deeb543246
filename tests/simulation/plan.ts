/**
 * What happens in a world, as data: who is there, what they do and when, and what goes wrong on the way. A seed makes a plan, and a
 * plan makes a world; a plan can be cut, written down and run again.
 *
 * @module
 */
import type { HubLimits, Limits, ServerLimits } from "../../lib/limits.ts";

/** What goes wrong with a way when so many bytes were written to it. */
export type FaultPlan =
  /** Nothing arrives for so many milliseconds, or ever again. */
  | { readonly at: number; readonly kind: "stall"; readonly time: number | null }
  /** The reader sees an end; what is written later goes nowhere. */
  | { readonly at: number; readonly kind: "end" }
  /** Nothing arrives any more in either direction, not even that an end has left. */
  | { readonly at: number; readonly kind: "silence" }
  /** Both ends fail. */
  | { readonly at: number; readonly kind: "reset" };

/** How one way of a connection behaves. Lists are gone through again and again. */
export interface WayPlan {
  /** The most bytes of each read; 0 for all. */
  readonly cuts: readonly number[];
  /** Milliseconds that a write takes to arrive. */
  readonly delays: readonly number[];
  /** Milliseconds until a write is done; 0 for at once. */
  readonly writes: readonly number[];
  /** The most bytes that a write takes; 0 for all. */
  readonly takes: readonly number[];
  /** Bytes under way at which writes wait. */
  readonly capacity: number;
  /** Bytes from which on reads and writes take all there is, so that a large message takes no thousands of events. */
  readonly fitful: number;
  readonly faults: readonly FaultPlan[];
}

/** A way to read a connection. */
export type Lane = "callbacks" | "for await" | "readable" | "batches" | "messages" | "nothing";

/** What an application does at a time, in milliseconds since its connection opened. */
export type Act =
  & { readonly at: number }
  & (
    | { readonly do: "send"; readonly kind: "text" | "binary"; readonly size: number; readonly count?: number }
    | {
      readonly do: "source";
      readonly kind: "text" | "binary";
      readonly chunks: readonly number[];
      readonly pause: number;
      readonly fails?: boolean;
    }
    | { readonly do: "ping"; readonly size: number }
    | { readonly do: "close"; readonly code?: number }
    | { readonly do: "abort" }
    | { readonly do: "subscribe"; readonly topic: string }
    | { readonly do: "unsubscribe"; readonly topic: string }
    | { readonly do: "publish"; readonly topic: string; readonly size: number }
  );

/** An application at one end. */
export interface AppPlan {
  readonly lane: Lane;
  /** Milliseconds that it takes for each message, gone through again and again; 0 for none, `null` for ever. */
  readonly pauses: readonly (number | null)[];
  /** Whether it answers each message with one of its own. */
  readonly echoes: boolean;
  /** At which message it throws, counted from 1, and whether only when it has taken its time for that. */
  readonly throwsAt?: number;
  readonly throwsLate?: boolean;
  /** Milliseconds after it has thrown or closed at which it gives up as well: then the first cause must stand. */
  readonly abortsAfter?: number;
  /** At which message it closes the connection, before it throws, where it does that too. */
  readonly closesAt?: number;
  /** Whether it answers when it has taken its time for a message, and not before. */
  readonly echoesLate?: boolean;
  /** At which message it stops to read: it leaves its loop or cancels its stream. */
  readonly leavesAt?: number;
  readonly acts: readonly Act[];
}

/** Compression, as the options of both ends have it. */
export interface DeflatePlan {
  readonly serverContextTakeover?: boolean;
  readonly clientContextTakeover?: boolean;
  readonly serverMaxWindowBits?: number;
  readonly clientMaxWindowBits?: number;
}

/** What a raw peer does at a time, in milliseconds since it is connected. */
export type RawAct =
  & { readonly at: number }
  & (
    /** A frame, right or wrong. `claims` is the length in its header, where that is a lie. */
    | {
      readonly do: "frame";
      readonly opcode: number;
      readonly fin: boolean;
      readonly rsv: number;
      readonly masked: boolean;
      readonly size: number;
      readonly utf8: boolean;
      readonly claims?: number;
    }
    | { readonly do: "close"; readonly payload: readonly number[] }
    | { readonly do: "bytes"; readonly bytes: readonly number[] }
    | { readonly do: "end" }
    | { readonly do: "drop" }
  );

/** A peer that is none of ours. */
export interface RawPlan {
  /** What of the opening handshake it says: all of it, or a lie. */
  readonly greeting: "right" | "wrong key" | "no upgrade" | "refusal" | "half" | "garbage" | "silence";
  /** Whether it answers pings, and after how many milliseconds: by default at once. */
  readonly pongs: boolean;
  readonly pongsAfter?: number;
  /** Whether it answers a close frame. */
  readonly closes: boolean;
  /** Whether it resets the connection as soon as both close frames were exchanged, and does not end it in order. */
  readonly resets?: boolean;
  /** Whether it reads, and from how many milliseconds after the handshake on: by default at once. */
  readonly reads: boolean;
  readonly readsAfter?: number;
  readonly acts: readonly RawAct[];
}

/** Who connects. */
export interface ClientPlan {
  readonly kind: "connect" | "WebSocket" | "WebSocketStream" | "reconnecting";
  readonly limits: Partial<Limits>;
  readonly deflate?: DeflatePlan;
  /** Milliseconds after which the attempt is given up. */
  readonly givesUpAfter?: number;
  readonly streams: boolean;
  readonly app: AppPlan;
}

/** One connection, and the application at the server's end. */
export interface ConnectionPlan {
  /** Milliseconds from the beginning. */
  readonly at: number;
  /** Our client, or a raw one. */
  readonly client: { readonly ours: ClientPlan } | { readonly raw: RawPlan };
  /** Our server's application, or a raw server. */
  readonly server: { readonly ours: AppPlan } | { readonly raw: RawPlan };
  readonly there: WayPlan;
  readonly back: WayPlan;
}

/** The topics of a server. */
export interface HubPlan {
  readonly slowPolicy: "disconnect" | "wait" | "drop-oldest" | "latest-only";
  readonly limits: Partial<HubLimits>;
  readonly history: number;
  /** Whether hubs are joined by a broker, and how many hubs. */
  readonly hubs: 1 | 2;
  /** Whether the broker says everything twice. */
  readonly twice?: boolean;
}

/** The server that all connections share, unless theirs is a raw one. */
export interface ServerPlan {
  readonly handler: "callbacks" | "async callbacks" | "function";
  readonly limits: Partial<Limits>;
  readonly maxConnections?: ServerLimits["maxConnections"];
  readonly deflate?: DeflatePlan;
  readonly lends: boolean;
  /** Milliseconds that the `upgrade` hook takes; `null` for ever. */
  readonly upgrades: number | null;
  readonly streams: boolean;
  readonly hub?: HubPlan;
}

/** What happens to all of it. */
export type WorldAct =
  & { readonly at: number }
  & (
    | { readonly do: "stall"; readonly time: number; readonly timersFirst: boolean }
    | { readonly do: "accept fails"; readonly times: number; readonly name: string }
    | { readonly do: "shutdown"; readonly timeout?: number }
    | {
      readonly do: "publish";
      readonly topic: string;
      readonly size: number;
      readonly hub: number;
      readonly count?: number;
    }
    | { readonly do: "broker dies"; readonly time: number }
  );

/** A world. */
export interface Plan {
  /** What chance is left: masking keys and jitter. */
  readonly seed: string;
  /** Whether nothing goes wrong on the way and no end is unreasonably slow: then both ends must agree on how it ended. */
  readonly calm: boolean;
  readonly server: ServerPlan;
  readonly connections: readonly ConnectionPlan[];
  readonly acts: readonly WorldAct[];
}
