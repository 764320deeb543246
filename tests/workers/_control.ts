/**
 * Workers without a server of their own, told what to do and heard on a channel.
 *
 * @module
 */
import { serveWorkers, type ServeWorkersOptions } from "../../lib/workers/serve_workers.ts";

const FIXTURE = new URL("_fixture.ts", import.meta.url);

/** Prepares such workers. */
export function control(module: URL = FIXTURE) {
  const name = `control ${crypto.randomUUID()}`;
  const channel = new BroadcastChannel(name);
  const said: string[] = [];
  const errors: string[] = [];
  channel.onmessage = ({ data }) => void said.push(data);
  return {
    said,
    errors,
    tell: (order: string) => channel.postMessage(order),
    start: (options: ServeWorkersOptions = {}, data: object = {}) =>
      serveWorkers(module, {
        workers: 2,
        hostname: "127.0.0.1",
        port: 0,
        data: { control: name, ...data },
        restart: { first: 1, most: 1 },
        onError: (error) => void errors.push(error instanceof Error ? error.message : String(error)),
        ...options,
      }),
    [Symbol.dispose]: () => channel.close(),
  };
}
