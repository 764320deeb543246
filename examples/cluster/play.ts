// deno-lint-ignore-file no-console -- an example prints
/**
 * The play: everything that can go away does so once, and comes back.
 *
 * @module
 */
import type { Client } from "./clients.ts";
import { type Away, FLIGHT, type Phase } from "./ledger.ts";
import { type Cluster, type Server, sleep, until } from "./programs.ts";

/** How long things take, in milliseconds. */
export interface Times {
  /** That something is away. */
  readonly away: number;
  /** Of quiet after each, in which what is under way arrives. */
  readonly quiet: number;
}

/** Messages of every client that are under way when a server gets SIGTERM. */
const BURST = 10;

/** Kills a server, drains the other one, kills the broker, and returns what there was to see. The clients talk meanwhile. */
export async function play(
  { broker, servers: [a, b] }: Cluster,
  clients: readonly Client[],
  times: Times,
): Promise<Phase[]> {
  const phases: Phase[] = [];
  const duplicates = () => clients.reduce((sum, client) => sum + client.duplicates, 0);
  const connections = () => clients.reduce((sum, { moves }) => sum + moves.length, 0);
  const phase = async (title: string, away: Away, act: () => Promise<string>): Promise<void> => {
    const [from, heardTwice, connected] = [performance.now() - FLIGHT, duplicates(), connections()];
    console.log(`\n${title}`);
    const back = await act();
    const well = performance.now();
    console.log(`All are back: ${back}. ${await spread(a, b)}`);
    await sleep(times.quiet);
    phases.push({
      title,
      away,
      from,
      well,
      back,
      duplicates: duplicates() - heardTwice,
      reconnects: connections() - connected,
    });
  };

  await phase("nothing", { kind: "nothing" }, async () => {
    await sleep(FLIGHT);
    return "–";
  });

  /** A server ends, its clients go to the other one, and it is started again. */
  const restart = async (server: Server, signal: "SIGKILL" | "SIGTERM"): Promise<void> => {
    const name = server === a ? "a" : "b";
    const gone = (await server.health())?.server ?? "";
    await phase(`server ${name}, ${signal}`, { kind: "server", server: gone }, async () => {
      for (let i = 0; i < BURST; i++) clients.forEach((client) => client.say());
      await sleep(1);
      const moved = timed(
        "after the signal",
        () => until("All clients are back", () => clients.every((client) => client.back && client.server !== gone)),
      );
      await server.stop(signal);
      const back = await moved;
      await sleep(times.away);
      await server.start();
      return back;
    });
  };

  /** Clients stay where they are until they connect again: a server that is back does not attract them. */
  const reload = () =>
    phase("nothing, pages reload", { kind: "nothing" }, () =>
      timed("after it", () => {
        const before = clients.map(({ moves }) => moves.length);
        for (const { connection } of clients) void connection.socket?.close(4000, "reload");
        return until(
          "All clients are back",
          () => clients.every((client, i) => client.back && client.moves.length > before[i]!),
        );
      }));

  await restart(a, "SIGKILL");
  await reload();
  await restart(b, "SIGTERM");
  await reload();

  await phase("NATS, SIGKILL", { kind: "broker" }, async () => {
    await broker.stop("SIGKILL");
    await brokerIs("down", a, b);
    await sleep(times.away);
    await broker.start();
    return await timed("after its return", () => brokerIs("up", a, b));
  });
  return phases;
}

function brokerIs(state: string, ...servers: Server[]): Promise<void> {
  return until(`The servers' broker is ${state}`, async () => {
    const healths = await Promise.all(servers.map((server) => server.health()));
    return healths.every((health) => health?.broker === state);
  });
}

async function timed(since: string, act: () => Promise<void>): Promise<string> {
  const start = performance.now();
  await act();
  return `${((performance.now() - start) / 1_000).toFixed(2)} s ${since}`;
}

async function spread(...servers: Server[]): Promise<string> {
  const healths = await Promise.all(servers.map((server) => server.health()));
  return `Connections: ${healths.map((health) => `${health?.connections ?? 0} on ${health?.server}`).join(", ")}`;
}
