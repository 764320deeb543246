/**
 * A worker without a real server, which obeys commands on a channel: `<index> <what>`.
 *
 * @module
 */
import { startWorker } from "../../lib/workers/start_worker.ts";

startWorker<{ control: string; refuse?: number }>(async (listen, { index, workers, data, broker }) => {
  const { control, refuse } = data;
  if (refuse === index) throw new RangeError("no");
  const channel = new BroadcastChannel(control);
  const ours = broker();
  const up = Promise.withResolvers<void>();
  ours.attach({
    receive: ({ data }) => channel.postMessage(`${index} heard ${data}`),
    state: (state) => state === "up" && up.resolve(),
  });
  ours.subscribe("t");
  await up.promise;
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
  let deaf = false;
  channel.onmessage = ({ data }) => {
    const [to, what] = data.split(" ");
    if (to !== `${index}`) return;
    if (what === "throw") setTimeout(() => Promise.reject(new Error("crashed")));
    if (what === "finish") finish();
    if (what === "deaf") deaf = true;
    if (what === "publish") ours.publish({ topic: "t", data: `from ${index}` });
  };
  channel.postMessage(`${index} of ${workers} on ${listen.hostname} ${listen.port > 0} ${listen.reusePort}`);
  return {
    addr: { transport: "tcp", hostname: listen.hostname, port: listen.port },
    url: `ws://${listen.hostname}:${listen.port}`,
    finished,
    shutdown(options) {
      channel.postMessage(`${index} shutdown ${JSON.stringify(options)}`);
      if (!deaf) finish();
      return finished;
    },
  };
});
