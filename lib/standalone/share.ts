/**
 * What the workers of `--workers` have together. A request reaches one of them, and may be about what the others have.
 *
 * @module
 */
import type { Broker } from "../hub/broker.ts";
import type { PrometheusMetrics, PrometheusSnapshot } from "../telemetry/prometheus.ts";
import type { SiteOptions } from "./site.ts";

/** What one server has that ordinary requests are about. */
export interface OwnShare extends Pick<SiteOptions, "sockets"> {
  /** What it counts, where it does. */
  readonly metrics: PrometheusMetrics | undefined;
}

/** What all have, for the site. */
export type CommonShare = Pick<SiteOptions, "sockets" | "metrics">;

/**
 * Lets a worker answer for all of them: pings reach the console's connection in whichever it is, and metrics are sums.
 *
 * @param broker Between the workers. It is attached here.
 * @param others How many other workers there are.
 * @param own What this one has.
 * @returns What all have. There are no metrics while a worker does not answer: numbers that fall look like a server that started
 *   again, and those that then rise like so much traffic.
 */
export function shareAmongWorkers(broker: Broker, others: number, { sockets, metrics }: OwnShare): CommonShare {
  const pings = enquiry<number | null>({ broker, others, topic: "ping" }, async (id) => await sockets.ping(id) ?? null);
  const counts = enquiry<PrometheusSnapshot>({ broker, others, topic: "metrics" }, () => metrics?.snapshot() ?? []);
  broker.attach({
    receive({ topic, data }) {
      (topic === "ping" ? pings : counts).receive(String(data));
    },
  });
  for (const topic of ["ping", "metrics"]) broker.subscribe(topic);
  return {
    sockets: {
      resources: sockets.resources,
      async ping(consoleId) {
        const own = await sockets.ping(consoleId);
        if (own !== undefined) return own;
        const times = await pings.ask(consoleId, (time) => time !== null);
        return times.at(-1) ?? undefined;
      },
    },
    metrics: metrics && (async () => {
      const snapshots = await counts.ask();
      return snapshots.length < others ? undefined : metrics.text(...snapshots);
    }),
  };
}

/** Milliseconds that other workers have for an answer. The console asks every second, and Prometheus waits for ten. */
const PATIENCE = 5_000;

/** What workers say to each other: a question, or the answer to the one with this identifier. */
type Talk<Answer> = { readonly ask: string; readonly about: string } | { readonly to: string; readonly answer: Answer };

/** A question that each worker may ask all others, and how it answers when it is asked. */
function enquiry<Answer>(
  { broker, others, topic }: { broker: Broker; others: number; topic: string },
  answer: (about: string) => Answer | Promise<Answer>,
) {
  const waiting = new Map<string, (answer: Answer) => void>();
  const tell = (talk: Talk<Answer>) => broker.publish({ topic, data: JSON.stringify(talk) });
  const reply = async ({ ask, about }: { ask: string; about: string }) =>
    tell({ to: ask, answer: await answer(about) });
  return {
    receive(data: string): void {
      const talk: Talk<Answer> = JSON.parse(data);
      if ("to" in talk) waiting.get(talk.to)?.(talk.answer);
      else void reply(talk);
    },
    /** Asks, and resolves with the answers that came in time, up to the one that is enough. */
    ask: (about = "", isEnough: (answer: Answer) => boolean = () => false): Promise<Answer[]> =>
      new Promise((resolve) => {
        const ask = crypto.randomUUID();
        const answers: Answer[] = [];
        const end = () => {
          clearTimeout(timer);
          waiting.delete(ask);
          resolve(answers);
        };
        const timer = setTimeout(end, PATIENCE);
        waiting.set(ask, (answer) => {
          if (answers.push(answer) === others || isEnough(answer)) end();
        });
        tell({ ask, about });
      }),
  };
}
