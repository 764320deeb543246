/**
 * The table: each kind of work, who does it, and what the ratios must be.
 *
 * @module
 */
import type { EchoLoad } from "./echo_load.ts";
import { json, letters } from "./frames.ts";
import { type ClientName, CLIENTS, PAGES, type ServerName, SERVERS, STARTS } from "./names.ts";
import type { ClientLoad } from "./client_load.ts";
import type { Subjects, Works } from "./subjects.ts";

/** Two subjects. */
export interface Comparison {
  /** The one that is ours. */
  readonly ours: string;
  /** The one that it is divided by. */
  readonly against: string;
}

/** What a ratio must be. With no bound it is shown and not judged: what the runtime leaves, for one. */
export interface Target extends Comparison {
  readonly atLeast?: number;
  readonly atMost?: number;
  /** How many more than the other's ours may be, in the row's unit. The difference is judged then, and not the ratio. */
  readonly atMostMore?: number;
  /** Whether processor time is judged, and not the rate: how much of it theirs takes for each, divided by what ours takes. */
  readonly byProcessorTime?: boolean;
}

/** One kind of work. */
export interface Row {
  readonly work: string;
  /** What a value counts: so many per second, or what one takes. */
  readonly unit: "messages/s" | "requests/s" | "deliveries/s" | "connections/s" | "bytes" | "objects" | "ms" | "µs";
  readonly subjects: Subjects;
  readonly targets: readonly Target[];
  /** The most rounds, where one is as good as many. */
  readonly rounds?: number;
  /** Whether the chart shows it. */
  readonly charted?: boolean;
}

/** A row in which servers echo. */
interface EchoRow extends Pick<Row, "targets" | "charted"> {
  /** What the message is. */
  readonly what: string;
  readonly load: EchoLoad;
  readonly by: readonly ServerName[];
}

/** A row in which clients have their messages echoed. */
interface ClientRow extends Pick<Row, "targets"> {
  readonly what: string;
  readonly load: ClientLoad;
  readonly by: readonly ClientName[];
}

const KIB = 1024;
const MIB = 1024 * 1024;

/** Connections of the rows that count what is on the heap. */
const ON_THE_HEAP = 2_000;

/** All rows; memory is measured with `idle` connections, and with such as stay idle for `idleTime` milliseconds. */
export function createRows(works: Works, idle: number, idleTime: number): Row[] {
  const { echo, fanOut, connect, storm, memory, heap, client, coldStart, pages, echoLatency, fanOutLatency } = works;
  const { floor, builtin, ws, bun, callbacks, lent, iterate, streams, oneWorker, twoWorkers } = SERVERS;
  const echoes = ({ what, load, by, ...row }: EchoRow): Row => ({
    work: `${what}, ${load.connections} connections × ${load.outstanding} outstanding`,
    unit: "messages/s",
    subjects: echo(load, ...by),
    ...row,
  });
  const clients = ({ what, load, by, targets }: ClientRow): Row => ({
    work: what,
    unit: "messages/s",
    subjects: client(load, ...by),
    targets,
  });
  /** Messages of several sizes, with and without context takeover. */
  const deflated = (): Row[] =>
    [{ name: "200 B", records: 2 }, { name: "1 KB", records: 11 }, { name: "8 KB", records: 86 }].flatMap(
      ({ name, records }) =>
        (["alone", "takeover"] as const).map((deflate) =>
          echoes({
            what: `${name} of JSON deflated${deflate === "takeover" ? " with context takeover" : ""}`,
            load: { connections: 16, outstanding: 8, message: json(records, deflate) },
            by: records === 11 ? ["ws", "bun", "callbacks"] : ["bun", "callbacks"],
            targets: [
              { ours: callbacks, against: ws, atLeast: 2 },
              { ours: callbacks, against: bun, atLeast: 0.9 },
            ],
            charted: records === 11 && deflate === "alone",
          })
        ),
    );
  /** Text, whole and in fragments, received and sent by a server and by a client. */
  const texts = (): Row[] =>
    [{ name: "64 KiB", size: 64 * KIB }, { name: "1 MiB", size: MIB }, { name: "16 MiB", size: 16 * MIB }].flatMap(
      ({ name, size }) =>
        [undefined, 16 * KIB].flatMap((fragment) => {
          const message = letters(size, { text: true, fragment });
          const what = `${name} of text${fragment === undefined ? "" : " in fragments of 16 KiB"}`;
          const target = { atLeast: 1.25, byProcessorTime: true };
          return [
            echoes({
              what,
              load: { connections: 2, outstanding: 1, message },
              by: ["ws", "callbacks"],
              targets: [{ ours: callbacks, against: ws, ...target }],
            }),
            clients({
              what: `Client, ${what}`,
              load: { outstanding: 1, message },
              by: ["ws", "sluice"],
              targets: [{ ours: CLIENTS.sluice, against: CLIENTS.ws, ...target }],
            }),
          ];
        }),
    );
  const fanOuts = (): Row[] => {
    const load = { subscribers: 500, message: letters(64) };
    const paces = [
      { name: "window 1", pace: { window: 1 }, by: ["bun", "callbacks"] },
      { name: "window 8", pace: { window: 8 }, by: ["builtin", "ws", "bun", "callbacks"] },
      { name: "500 messages a second", pace: { rate: 500 }, by: ["bun", "callbacks"] },
    ] as const;
    return paces.map(({ name, pace, by }) => ({
      work: `Fan-out of 64 B to 500 subscribers, ${name}`,
      unit: "deliveries/s",
      subjects: fanOut({ ...load, pace }, ...by),
      targets: [
        { ours: callbacks, against: builtin, atLeast: 4 },
        { ours: callbacks, against: ws, atLeast: 4 },
        { ours: callbacks, against: bun, atLeast: 1, byProcessorTime: true },
      ],
      charted: name === "window 8",
    }));
  };
  return [
    echoes({
      what: "32 B",
      load: { connections: 64, outstanding: 1, message: letters(32) },
      by: ["floor", "builtin", "ws", "bun", "callbacks", "iterate"],
      targets: [
        { ours: callbacks, against: floor, atLeast: 0.9 },
        { ours: callbacks, against: builtin, atLeast: 1 },
        { ours: callbacks, against: ws, atLeast: 1.3 },
        { ours: iterate, against: builtin, atLeast: 0.9 },
      ],
      charted: true,
    }),
    echoes({
      what: "32 B",
      load: { connections: 16, outstanding: 64, message: letters(32) },
      by: ["floor", "builtin", "ws", "bun", "callbacks", "lent", "iterate", "streams"],
      targets: [
        { ours: callbacks, against: builtin, atLeast: 25 },
        { ours: callbacks, against: bun, atLeast: 1.05 },
        { ours: lent, against: bun, atLeast: 1.15 },
        { ours: iterate, against: bun, atLeast: 0.85 },
        { ours: streams, against: builtin, atLeast: 12 },
      ],
      charted: true,
    }),
    echoes({
      what: "32 B of text",
      load: { connections: 16, outstanding: 64, message: letters(32, { text: true }) },
      by: ["builtin", "bun", "callbacks"],
      targets: [
        { ours: callbacks, against: builtin, atLeast: 12 },
        { ours: callbacks, against: bun, atLeast: 0.85 },
      ],
    }),
    echoes({
      what: "64 KiB",
      load: { connections: 8, outstanding: 4, message: letters(64 * 1024) },
      by: ["floor", "builtin", "bun", "callbacks", "lent"],
      targets: [
        { ours: callbacks, against: builtin, atLeast: 1 },
        { ours: callbacks, against: bun, atLeast: 1 },
        { ours: lent, against: bun, atLeast: 1.3 },
      ],
      charted: true,
    }),
    echoes({
      what: "4 MiB",
      load: { connections: 2, outstanding: 1, message: letters(4 * 1024 * 1024) },
      by: ["floor", "builtin", "bun", "callbacks", "lent"],
      targets: [
        { ours: callbacks, against: builtin, atLeast: 1.5 },
        { ours: lent, against: bun, atLeast: 1 },
      ],
      charted: true,
    }),
    ...deflated(),
    ...texts(),
    echoes({
      // Compressing is work for the servers and none for the load generator, which must leave them both cores.
      what: "Workers: 1 KB of JSON deflated",
      load: { connections: 64, outstanding: 8, message: json(11) },
      by: ["oneWorker", "twoWorkers"],
      targets: [{ ours: twoWorkers, against: oneWorker, atLeast: 1.8 }],
    }),
    echoes({
      // The load generator needs half a core for one worker, so two have no two cores here: a message that costs no more in two workers
      // than 1 / 0.9 of what it costs in one is one of which two cores echo 1.8 times as many.
      what: "Workers: 32 B",
      load: { connections: 64, outstanding: 16, message: letters(32) },
      by: ["oneWorker", "twoWorkers"],
      targets: [{ ours: twoWorkers, against: oneWorker, atLeast: 0.9, byProcessorTime: true }],
    }),
    ...fanOuts(),
    {
      work: "Connect, one echo and close, one after another",
      unit: "connections/s",
      subjects: connect("floor", "builtin", "callbacks"),
      targets: [
        { ours: callbacks, against: builtin, atLeast: 0.9 },
        { ours: callbacks, against: builtin, atLeast: 0.8, byProcessorTime: true },
        { ours: floor, against: builtin },
      ],
      charted: true,
    },
    {
      work: "Reconnect storm, 256 handshakes at a time",
      unit: "connections/s",
      subjects: storm(256, "builtin", "ws", "callbacks"),
      targets: [
        { ours: callbacks, against: builtin, atLeast: 1 },
        { ours: callbacks, against: ws, atLeast: 1.2 },
      ],
      charted: true,
    },
    {
      work: `Memory of a connection, ${idle.toLocaleString("en")} that echoed once just now`,
      unit: "bytes",
      subjects: memory(idle, 0, "floor", "builtin", "callbacks", "iterate"),
      targets: [
        { ours: callbacks, against: builtin, atMost: 0.6 },
        { ours: iterate, against: builtin, atMost: 0.68 },
        { ours: floor, against: builtin },
      ],
      rounds: 2,
    },
    {
      work: `Memory of an idle connection, ${idle.toLocaleString("en")} that answer pings for ${idleTime / 1000} s`,
      unit: "bytes",
      subjects: memory(idle, idleTime, "builtin", "callbacks", "iterate"),
      targets: [
        { ours: callbacks, against: builtin, atMost: 0.6 },
        { ours: iterate, against: builtin, atMost: 0.68 },
      ],
      rounds: 1,
      charted: true,
    },
    {
      work: `Heap of an idle connection, ${ON_THE_HEAP.toLocaleString("en")} that echoed once`,
      unit: "bytes",
      subjects: heap("bytes", ON_THE_HEAP, "floor", "callbacks", "iterate"),
      rounds: 1,
      targets: [
        { ours: callbacks, against: floor, atMostMore: 3_000 },
        { ours: iterate, against: floor, atMostMore: 4_200 },
      ],
    },
    {
      work: `Objects of an idle connection, ${ON_THE_HEAP.toLocaleString("en")} that echoed once`,
      unit: "objects",
      subjects: heap("objects", ON_THE_HEAP, "floor", "callbacks", "iterate"),
      rounds: 1,
      targets: [
        { ours: callbacks, against: floor, atMostMore: 35 },
        { ours: iterate, against: floor, atMostMore: 50 },
      ],
    },
    {
      work: "Latency of an echo of 32 B, 64 connections, p99",
      unit: "µs",
      subjects: echoLatency(
        { connections: 64, outstanding: 1, message: letters(32) },
        ...["builtin", "ws", "bun", "callbacks"] as const,
      ),
      targets: [{ ours: callbacks, against: builtin }, { ours: callbacks, against: bun }],
    },
    {
      work: "Latency of a fan-out of 64 B to 500 subscribers, p99",
      unit: "µs",
      subjects: fanOutLatency(
        { subscribers: 500, pace: { window: 1 }, message: letters(64) },
        ...["builtin", "ws", "bun", "callbacks"] as const,
      ),
      targets: [{ ours: callbacks, against: builtin }, { ours: callbacks, against: bun }],
    },
    {
      work: "Cold start, until it listens",
      unit: "ms",
      subjects: coldStart(),
      targets: [
        { ours: STARTS.server, against: STARTS.builtin, atMost: 1.15 },
        { ours: STARTS.whole, against: STARTS.builtin },
      ],
    },
    {
      work: "A page of 6 B, 16 connections kept open",
      unit: "requests/s",
      subjects: pages(16),
      // What is left: Deno makes a Request and a stream for the body of a Response only for us, as `Deno.serve` has its own ways.
      targets: [{ ours: PAGES.ours, against: PAGES.builtin }],
    },
    // As many under way as in the server's rows. With 64 both ends sleep between two batches, and waking up is most of the time.
    clients({
      what: "Client, 32 B, 1,024 outstanding",
      load: { outstanding: 1024, message: letters(32) },
      by: ["builtin", "sluice"],
      targets: [{ ours: CLIENTS.sluice, against: CLIENTS.builtin, atLeast: 5 }],
    }),
    clients({
      what: "Client, 32 B, 64 outstanding",
      load: { outstanding: 64, message: letters(32) },
      by: ["builtin", "sluice"],
      targets: [{ ours: CLIENTS.sluice, against: CLIENTS.builtin, atLeast: 3 }],
    }),
    clients({
      what: "Client, 32 B, one at a time",
      load: { outstanding: 1, message: letters(32) },
      by: ["builtin", "sluice"],
      targets: [{ ours: CLIENTS.sluice, against: CLIENTS.builtin, atLeast: 1.1 }],
    }),
  ];
}
