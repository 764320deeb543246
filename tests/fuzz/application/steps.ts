/**
 * Steps that act on what there is: every call of a connection, of a hub and of a client, in whatever state it is.
 *
 * @module
 */
import { pattern } from "../../../lib/hub/mod.ts";
import { below, type Random } from "../../_support/random.ts";
import { settle, turn } from "../../_support/wait.ts";
import { oneOf } from "../_target.ts";
import {
  abortReason,
  closeCode,
  closeReason,
  data,
  pingPayload,
  sendable,
  sendOptions,
  subscribeOptions,
  topic,
  untyped,
} from "./arguments.ts";
import { byHand, client, comeback, pair, raw, rawEnds, rawSays } from "./makers.ts";
import { makeHub } from "./hubs.ts";
import { HAS_NETWORK, serveDeno, serveLoopback, serveMemory, serveOnNode, type Step } from "./hosts.ts";
import { type Draw, onSocket, read, write } from "./ways.ts";

const send = onSocket((random) => {
  const [what, options] = [sendable(random), sendOptions(random)];
  return {
    text: `send(${what.text} ${options.text})`,
    wrong: what.wrong || options.wrong,
    ignorable: true,
    call(socket, { gate }) {
      try {
        return socket.send(what.make(gate), options.make(gate));
      } catch (error) {
        // A source is a wrong argument there.
        if (!(error instanceof TypeError && error.message.includes("Deno.serve has no fragments"))) throw error;
      }
    },
  };
});

const burst = onSocket((random) => {
  const [what, count] = [data(random), 1 + below(random, 30)];
  return {
    text: `send(${what.text}) ${count} times`,
    wrong: what.wrong,
    call: (socket, { gate }) => Promise.allSettled(Array.from({ length: count }, () => socket.send(what.make(gate)))),
  };
});

/** Memory that is changed, transferred and sent on while it may not be: the bytes may be wrong, nothing else. */
const sendAndTransfer = onSocket(() => ({
  text: "send(bytes that are transferred at once)",
  ignorable: true,
  call(socket) {
    const bytes = new Uint8Array(100_000);
    const sent = socket.send(bytes);
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    return sent;
  },
}));

const pingIt = onSocket((random) => {
  const payload = pingPayload(random);
  return {
    text: `ping(${payload.text})`,
    wrong: payload.wrong,
    ignorable: true,
    call: (socket, { gate }) => socket.ping(payload.make(gate)),
  };
});

const close = onSocket((random) => {
  const [code, reason] = [closeCode(random), closeReason(random)];
  return {
    text: `close(${code.text}, ${reason.text})`,
    wrong: code.wrong || reason.wrong,
    ignorable: true,
    call: (socket, { gate }) => socket.close(code.make(gate), reason.make(gate)),
  };
});

const abort = onSocket((random) => {
  const reason = abortReason(random);
  return { text: `abort(${reason.text})`, call: (socket, { gate }) => socket.abort(reason.make(gate)) };
});

const tap = onSocket((random) => {
  const way = oneOf(random, ["read", "cancelled", "kept", "read a line"] as const);
  return {
    text: `tap(), ${way}`,
    wrong: true, // recorded already, or not by this runtime
    call(socket) {
      let lines: ReadableStream<string>;
      try {
        lines = socket.tap();
      } catch (error) {
        if (error instanceof DOMException && ["InvalidStateError", "NotSupportedError"].includes(error.name)) return;
        throw error;
      }
      if (way === "read") return lines.pipeTo(new WritableStream());
      if (way === "cancelled") return lines.cancel();
      if (way === "read a line") return lines.getReader().read();
    },
  };
});

const subscribe = onSocket((random) => {
  const [name, options] = [topic(random), subscribeOptions(random)];
  const what = oneOf(random, ["subscribe", "unsubscribe", "publish"] as const);
  const message = data(random);
  return {
    text: `${what}(${name.text}${
      what === "subscribe" ? ` ${options.text}` : what === "publish" ? ` ${message.text}` : ""
    })`,
    wrong: true, // a topic too many
    call(socket, { gate, hubs, judge }) {
      try {
        if (what === "subscribe") return socket.subscribe(name.make(gate), options.make(gate));
        if (what === "unsubscribe") return socket.unsubscribe(name.make(gate));
        const count = socket.publish(name.make(gate), message.make(gate));
        if (!(count >= 0)) judge.find(`publish returns ${count}`);
      } catch (error) {
        // The server was given no hub.
        if (error instanceof DOMException && error.name === "InvalidStateError" && /hub/.test(error.message)) return;
        if (hubs.length === 0 && socket.role === "client") return;
        throw error;
      }
    },
  };
});

const facts = onSocket((random) => {
  const value = oneOf(random, [1, undefined, { a: 1 }]);
  return {
    text: "facts",
    call(socket) {
      socket.data = value;
      const { role, url, protocol, extensions, headers, remoteAddr, localAddr, roundTripTime, data } = socket;
      return [role, url, protocol, extensions, [...headers], remoteAddr, localAddr, roundTripTime, data];
    },
  };
});

const hubCall: Draw = (random) => {
  const [hubAt, socketAt] = [below(random, 3), below(random, 12)];
  const [name, options, message, extra] = [topic(random), subscribeOptions(random), data(random), sendOptions(random)];
  const what = oneOf(
    random,
    [
      "publish",
      "publish",
      "subscribe",
      "subscribe a pattern",
      "unsubscribe",
      "unsubscribe a pattern",
      "publishFrom",
      "drained",
      "counts",
      "close",
    ] as const,
  );
  return {
    text: `hub.${what}(${name.text} ${options.text} ${message.text} ${extra.text})`,
    run(world) {
      const { judge, gate } = world;
      const [hub, socket] = [world.pick(world.hubs, hubAt), world.pick(world.sockets, socketAt)];
      if (hub === undefined || socket === undefined || (what === "close" && hubAt > 0)) return;
      judge.call(`${this.text}, ${world.nameOf(socket)}`, { wrong: true }, () => {
        const of = () => name.make(gate);
        switch (what) {
          case "publish":
            return hub.publish(of(), message.make(gate), { ...extra.make(gate), except: socket });
          case "subscribe":
            return hub.subscribe(socket, of(), options.make(gate));
          case "subscribe a pattern":
            return hub.subscribe(socket, pattern`a/*`, options.make(gate));
          case "unsubscribe":
            return hub.unsubscribe(socket, of());
          case "unsubscribe a pattern":
            return hub.unsubscribe(socket, pattern`a/*`);
          case "publishFrom":
            return hub.publishFrom(socket, of(), message.make(gate), extra.make(gate));
          case "drained":
            return hub.drained(of());
          case "counts":
            return [hub.count(of()), [...hub.topics()], hub.topicsOf(socket), hub.dropped(socket), hub.stats];
          case "close":
            return hub.close();
        }
      });
    },
  };
};

const webCall: Draw = (random) => {
  const at = below(random, 4);
  const [what, code, reason] = [sendable(random), closeCode(random), closeReason(random)];
  const call = oneOf(random, ["send", "close", "binaryType", "handlers"] as const);
  return {
    text: `WebSocket ${call}(${call === "send" ? what.text : `${code.text}, ${reason.text}`})`,
    run(world) {
      const socket = world.pick(world.webSockets, at);
      if (socket === undefined) return;
      const { judge, gate } = world;
      // Its own rules: it throws while it connects, and for codes that only the protocol has.
      judge.call(`${this.text} in state ${socket.readyState}`, { wrong: true }, () => {
        if (call === "send" && socket.readyState !== 0) socket.send(untyped(what.make(gate)));
        if (call === "close") socket.close(code.make(gate), reason.make(gate));
        if (call === "binaryType") socket.binaryType = oneOf(random, ["arraybuffer", "blob"]);
        if (call === "handlers") socket.onmessage = socket.onclose = untyped(oneOf(random, [null, 5, () => {}, {}]));
        if (!(socket.bufferedAmount >= 0)) judge.find(`bufferedAmount ${socket.bufferedAmount} of a WebSocket`);
      });
    },
  };
};

const streamCall: Draw = (random) => {
  const at = below(random, 4);
  const [what, code, reason] = [sendable(random), closeCode(random), closeReason(random)];
  const call = oneOf(random, ["write", "read", "close", "cancel", "abort"] as const);
  return {
    text: `WebSocketStream ${call}(${call === "write" ? what.text : `${code.text}, ${reason.text}`})`,
    run(world) {
      const stream = world.pick(world.streams, at);
      if (stream === undefined) return;
      const { judge, gate } = world;
      judge.call(this.text, { wrong: true }, () => {
        if (call === "close") {
          return stream.close(untyped({ closeCode: code.make(gate), reason: reason.make(gate) }));
        }
        return stream.opened.then(async ({ readable, writable }) => {
          if (call === "write") {
            const writer = writable.getWriter();
            const writing = writer.write(untyped(what.make(gate)));
            writer.releaseLock();
            await writing;
          } else if (call === "read") {
            const reader = readable.getReader();
            await reader.read();
            reader.releaseLock();
          } else if (call === "cancel") await readable.cancel(reason.make(gate));
          else await writable.abort(reason.make(gate));
        });
      });
    },
  };
};

const comebackCall: Draw = (random) => {
  const at = below(random, 4);
  const [what, options, code, reason] = [data(random), sendOptions(random), closeCode(random), closeReason(random)];
  const call = oneOf(random, ["send", "send", "read", "close", "abort its socket", "facts"] as const);
  const wrong = call === "send" ? what.wrong || options.wrong : code.wrong || reason.wrong;
  const ignored = call === "send" && below(random, 2) === 0;
  return {
    text: `reconnecting ${call}(${call === "send" ? what.text : `${code.text}, ${reason.text}`})`,
    run(world) {
      const socket = world.pick(world.comebacks, at);
      if (socket === undefined) return;
      const { judge, gate } = world;
      judge.call(`${this.text} in state ${socket.state}`, { wrong, ignored }, () => {
        if (call === "send") return socket.send(what.make(gate), options.make(gate));
        if (call === "read") return Promise.allSettled([socket[Symbol.asyncIterator]().next()]);
        if (call === "close") return socket.close(code.make(gate), reason.make(gate));
        if (call === "abort its socket") return socket.socket?.abort();
        return [socket.failures, socket.delay, socket.lastClose, socket.bufferedAmount];
      });
    },
  };
};

const resetWire: Draw = (random) => {
  const [at, way] = [below(random, 12), oneOf(random, ["reset", "close", "closeWrite"] as const)];
  return {
    text: `an end in memory: ${way}`,
    run(world) {
      // The first two belong to an innocent connection.
      const wire = world.pick(world.wires.slice(2), at);
      if (wire === undefined || world.hosts.length > 1) return;
      world.judge.note(this.text);
      if (way === "reset") wire.reset();
      else if (way === "close") wire.close();
      else void wire.closeWrite();
    },
  };
};

const shutdown: Draw = (random) => {
  const [at, way] = [below(random, 4), oneOf(random, ["shutdown", "signal"] as const)];
  return {
    text: `${way} of a server`,
    run(world) {
      const host = world.pick(world.hosts, at);
      if (host === undefined) return;
      host.stopped = true;
      world.judge.note(this.text);
      if (way === "shutdown") void world.judge.watch("shutdown", host.shutdown());
      else world.pick(world.controllers, at)?.abort();
    },
  };
};

const wait: Draw = (random) => {
  const way = oneOf(random, ["a microtask", "a turn", "some turns", "some ms"] as const);
  const ms = below(random, 30);
  return {
    text: `wait for ${way}`,
    run(world) {
      world.judge.note(`wait for ${way}`);
      if (way === "a microtask") return Promise.resolve();
      if (way === "a turn") return turn();
      if (way === "some turns") return settle();
      return new Promise<void>((resolve) => world.judge.later(resolve, ms));
    },
  };
};

/** What is drawn, each as often as it is listed. */
const ACTS: readonly Draw[] = [
  ...Array(6).fill(send),
  ...Array(3).fill(pingIt),
  ...Array(3).fill(close),
  ...Array(6).fill(read),
  ...Array(4).fill(write),
  ...Array(4).fill(subscribe),
  ...Array(5).fill(hubCall),
  ...Array(4).fill(webCall),
  ...Array(4).fill(streamCall),
  ...Array(4).fill(rawSays),
  ...Array(9).fill(wait),
  burst,
  burst,
  sendAndTransfer,
  abort,
  tap,
  tap,
  facts,
  resetWire,
  rawEnds,
];

const MAKERS: readonly Draw[] = [pair, pair, byHand, raw, client, client, client, client];
const NETWORK: readonly Draw[] = [serveLoopback, serveDeno, serveOnNode];

/** Draws a program: it makes something, and then does anything with it. */
export function drawSteps(random: Random): Step[] {
  const network = HAS_NETWORK && below(random, 6) === 0;
  const steps: Step[] = [];
  if (below(random, 2) === 0) steps.push(makeHub(random));
  if (network) steps.push(oneOf(random, NETWORK)(random), client(random), comeback(random));
  else if (below(random, 3) > 0) steps.push(serveMemory(random), client(random));
  steps.push(oneOf(random, MAKERS)(random));
  for (let left = below(random, 40); left > 0; left--) {
    const draws = below(random, 10) === 0 ? MAKERS : below(random, 40) === 0 ? [shutdown] : ACTS;
    steps.push(oneOf(random, network && below(random, 6) === 0 ? [comebackCall] : draws)(random));
  }
  return steps;
}
