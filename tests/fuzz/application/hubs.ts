/**
 * Hubs, with options and hooks of any kind.
 *
 * @module
 */
import { createHub, type HubOptions } from "../../../lib/hub/mod.ts";
import { below, type Random } from "../../_support/random.ts";
import { oneOf } from "../_target.ts";
import { untyped } from "./arguments.ts";
import { type Step, wrongly } from "./hosts.ts";
import { Boom } from "./judge.ts";
import { isInnocent } from "./world.ts";

/** The hooks of a hub are called in turn, and fail in turn. */
export function makeHub(random: Random): Step {
  const options: HubOptions = {
    ...below(random, 2) === 0 &&
      { history: { messages: 1 + below(random, 5), bytes: oneOf(random, [2_000, 100_000]) } },
    ...below(random, 2) === 0 &&
      { slowPolicy: oneOf(random, ["disconnect", "wait", "drop-oldest", "latest-only"] as const) },
    ...below(random, 3) === 0 && { maxTopicsPerConnection: 2 },
  };
  const hooks = oneOf(random, ["none", "throw", "reject"] as const);
  const wrong = below(random, 10) === 0
    ? wrongly(
      oneOf(random, [{ history: 5 }, { history: {} }, { slowPolicy: "x" }, { maxTopicBytes: 0 }, { authorize: 5 }]),
    )
    : undefined;
  return {
    text: `createHub(${JSON.stringify({ ...options, ...wrong })}), hooks ${hooks}`,
    run(world) {
      let calls = 0;
      const hook = () => {
        if (hooks === "none" || calls++ % 2 === 0) return;
        if (hooks === "throw") throw new Boom("A hook of the hub failed");
        return untyped(Promise.reject(new Boom("A hook of the hub rejected")));
      };
      const hub = world.judge.call(
        this.text,
        { wrong: wrong !== undefined },
        () =>
          createHub({
            ...options,
            onTopic: hook,
            onDropped: hook,
            ...hooks !== "none" && { onError: (error) => (world.judge.reported("the hub's onError", error), hook()) },
            ...hooks === "throw" && { authorize: (socket) => (isInnocent(socket) || hook(), true) },
            ...wrong,
          }),
      );
      if (hub !== undefined && wrong === undefined) world.hubs.push(hub);
    },
  };
}
