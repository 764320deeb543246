/**
 * What the workers of `--workers` share. A request reaches one of them, but may concern the others.
 *
 * @module
 */
import type { Broker } from "../hub/broker.ts";
import type { PrometheusMetrics, PrometheusSnapshot } from "../telemetry/prometheus.ts";
import type { SiteOptions } from "./site.ts";

/** What one server knows that ordinary requests ask for. */
export interface OwnShare extends Pick<SiteOptions, "sockets"> {
  /** Its metrics, if it has any. */
  readonly metrics: PrometheusMetrics | undefined;
}

/** The combined view of all workers, for the site. */
export type CommonShare = Pick<SiteOptions, "sockets" | "metrics">;

/**
 * Lets a worker answer for all of them: pings reach the console's connection in any worker, and metrics are added up.
 *
 * @param broker The broker between the workers. It is attached here.
 * @param others The number of other workers.
 * @param own What this worker knows.
 * @returns The combined view. There are no metrics while a worker does not answer: falling numbers look like a restart, and when
 *    they rise again, like a lot of traffic.
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

/** How long other workers may take to answer, in milliseconds. The console asks every second, and Prometheus waits for ten. */
const PATIENCE = 5_000;

/** Messages between workers: a question, or the answer to the question with this identifier. */
type Talk<Answer> = { readonly ask: string; readonly about: string } | { readonly to: string; readonly answer: Answer };

/** A question that each worker may ask all others, and its answer. */
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
    /** Asks, and resolves with the answers that arrived in time, up to the first that is enough. */
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
