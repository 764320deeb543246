/**
 * Steps that make connections.
 *
 * @module
 */
import type { ConnectOptions } from "../../../mod.ts";
import { accept, connect, reconnecting, WebSocket, WebSocketStream } from "../../../mod.ts";
import {
  binary,
  closeFrame,
  connectedPair,
  continuation,
  ping,
  pong,
  rawFrame,
  rawPeer,
  text,
} from "../../../lib/testing/mod.ts";
import { below, type Random, randomBytes } from "../../_support/random.ts";
import { soon } from "../../_support/wait.ts";
import { oneOf } from "../_target.ts";
import { handler } from "./behaviours.ts";
import { clientOptions, ends, type Step } from "./hosts.ts";
import { Boom } from "./judge.ts";
import type { Host, World } from "./world.ts";

/** A client and a server in memory, with a handler or without. */
export function pair(random: Random): Step {
  const drawn = ends(random);
  const handled = below(random, 2) === 0 ? handler(random) : undefined;
  return {
    text: `connectedPair({ ${drawn.text}${handled ? `, handler ${handled.text}` : ""} })`,
    async run(world) {
      const made = await soon(
        world.judge.watch(
          this.text,
          connectedPair({
            server: drawn.server(world),
            client: drawn.client(world),
            ...handled && { handler: handled.make(world, world.hubs[0]) },
            onError: (error) => world.judge.reported("onError", error),
          }),
        ),
        "A pair",
      ).catch(() => undefined); // an upgrade that hangs
      world.judge.note(this.text);
      if (made === undefined) return;
      for (const socket of [made.client, made.server]) world.meet(socket);
      world.ends.push(() => made[Symbol.asyncDispose]());
    },
  };
}

/** `accept` and `connect`, given up at any moment. */
export function byHand(random: Random): Step {
  const drawn = ends(random);
  const streams = below(random, 3) === 0;
  const capacity = oneOf(random, [1, 100, 65_536]);
  const turns = below(random, 30);
  const trouble = oneOf(random, ["none", "none", "abort accept", "abort connect", "reset", "close", "aborted before"]);
  return {
    text: `accept and connect, ${streams ? "streams" : `capacity ${capacity}`}, trouble ${trouble}, ${drawn.text}`,
    async run(world) {
      const { judge } = world;
      const [near, far] = world.wire(capacity);
      const signals = [judge.controller("the signal of accept"), judge.controller("the signal of connect")] as const;
      if (trouble === "aborted before") signals[0].abort(new Boom("Aborted before"));
      judge.note(this.text);
      const accepting = judge.watch(
        "accept",
        accept(streams ? world.streamsOf(near) : near, { signal: signals[0].signal, ...drawn.server(world) }),
      );
      const connecting = judge.watch(
        "connect",
        connect("ws://localhost/x", { conn: far, signal: signals[1].signal, ...drawn.client(world) }),
      );
      for (let i = 0; i < turns; i++) await null;
      if (trouble === "abort accept") signals[0].abort(new Boom("Aborted"));
      if (trouble === "abort connect") signals[1].abort();
      if (trouble === "reset") near.reset();
      if (trouble === "close") far.close();
      // The two ends are independent: an end without a connection closes its side.
      void accepting.then((socket) => socket === undefined ? near.close() : world.meet(socket));
      void connecting.then((socket) => socket === undefined ? far.close() : world.meet(socket));
      await Promise.race([Promise.all([accepting, connecting]), soon(world.gate, "A handshake", 300).catch(() => {})]);
      world.ends.push(() => signals.forEach((signal) => signal.abort()));
    },
  };
}

/** A client of a server that runs. */
export function client(random: Random): Step {
  const at = below(random, 8);
  const { text, wrong, options } = clientOptions(random);
  const kind = oneOf(random, ["connect", "connect", "WebSocket", "WebSocketStream", "raw", "given up"] as const);
  const turns = below(random, 30);
  const throws = below(random, 3) === 0;
  return {
    text: `${kind} client ${text}`,
    async run(world) {
      const host = world.pick(world.hosts, at);
      if (host === undefined) return;
      const { judge } = world;
      const line = `${this.text} of ${host.text.slice(0, 40)}`;
      const given: ConnectOptions = { ...dialled(host), handshakeTimeout: 2_000, ...options };
      if (kind === "connect") {
        judge.note(line);
        const socket = await judge.watch(line, connect(`${host.url}/a`, { observer: world.observer(), ...given }));
        if (socket !== undefined) world.meet(socket);
        else given.conn && closeOf(given.conn);
      } else if (kind === "given up") {
        const controller = judge.controller("the signal of connect");
        judge.note(line);
        const connecting = judge.watch(line, connect(`${host.url}/a`, { ...given, signal: controller.signal }));
        for (let i = 0; i < turns; i++) await null;
        controller.abort();
        const socket = await connecting;
        if (socket !== undefined) world.meet(socket);
        else given.conn && closeOf(given.conn);
      } else if (kind === "raw") {
        if (given.conn === undefined) return;
        const peer = rawPeer(given.conn, "client", { deadline: 200 });
        judge.note(line);
        world.peers.push(peer);
        await peer.shakeHands().catch(() => peer.close());
      } else if (kind === "WebSocket") {
        const socket = judge.call(line, { wrong }, () => new WebSocket(`${host.url}/a`, given));
        if (socket === undefined) given.conn && closeOf(given.conn);
        else follow(world, socket, throws);
      } else {
        const stream = judge.call(
          line,
          { wrong },
          () => new WebSocketStream(`${host.url}/a`, { ...given, protocols: [] }),
        );
        if (stream === undefined) return given.conn && closeOf(given.conn);
        world.streams.push(stream);
        void judge.watch("WebSocketStream.opened", stream.opened);
        void judge.watch("WebSocketStream.closed", stream.closed);
      }
    },
  };
}

function dialled(host: Host): ConnectOptions {
  const conn = host.dial?.();
  return conn === undefined ? {} : { conn };
}

function closeOf(conn: NonNullable<ConnectOptions["conn"]>): void {
  if ("close" in conn) conn.close();
}

/** Expects the events of a `WebSocket` in their order. */
function follow(world: World, socket: WebSocket, throws: boolean): void {
  world.webSockets.push(socket);
  let events = "";
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const type of ["open", "message", "error", "close"]) {
    socket.addEventListener(type, () => {
      events = (events + type[0]).replace(/m+$/, "m");
      if (!/^(om?)?e?c?$/.test(events)) world.judge.find(`events of a WebSocket in the order ${events}`);
      if (type === "close") resolve();
      if (throws) throw new Boom("A listener failed");
    });
  }
  void world.judge.watch("the close event of a WebSocket", promise);
}

/** A client that comes back, to a server on loopback. */
export function comeback(random: Random): Step {
  const at = below(random, 8);
  const { text, wrong, options } = clientOptions(random);
  const hook = oneOf(random, ["none", "sends", "throws", "rejects", "closes", "hangs", "reads"] as const);
  const deciding = oneOf(random, ["none", "yes", "throws", "a promise"] as const);
  const failing = below(random, 8) === 0;
  return {
    text: `reconnecting(${text}), onConnect ${hook}, shouldReconnect ${deciding}${failing ? ", onState throws" : ""}`,
    run(world) {
      const host = world.pick(world.hosts.filter(({ dial }) => dial === undefined), at);
      if (host === undefined) return;
      const { judge } = world;
      const controller = judge.controller("the signal of reconnecting");
      let states = "";
      const made = judge.call(this.text, { wrong }, () =>
        reconnecting(`${host.url}/a`, {
          delay: { first: 5, most: 20 },
          maxOutboxMessages: 5,
          maxAttempts: 20,
          signal: controller.signal,
          onConnect: async (socket) => {
            world.meet(socket);
            if (hook === "sends") await socket.send("hello again");
            if (hook === "throws") throw new Boom("onConnect failed");
            if (hook === "rejects") await Promise.reject(undefined);
            if (hook === "closes") socket.close();
            if (hook === "hangs") await world.gate;
            if (hook === "reads") await socket[Symbol.asyncIterator]().next();
          },
          onState({ state }) {
            states += state === "closed" ? "!" : ".";
            if (/!./.test(states)) judge.find(`a state after closed: ${states}`);
            if (failing) throw new Boom("onState failed");
          },
          ...deciding !== "none" && {
            shouldReconnect() {
              if (deciding === "throws") throw new Boom("shouldReconnect failed");
              return deciding === "yes";
            },
          },
          ...options,
        }));
      if (made === undefined) return;
      world.comebacks.push(made);
      world.controllers.push(controller);
      void judge.watch("closed of reconnecting", made.closed);
      world.checks.push(() => {
        if (made.state !== "closed") judge.find(`reconnecting is ${made.state} after its end`);
      });
    },
  };
}

/** A peer that keeps no rule, in memory. */
export function raw(random: Random): Step {
  const drawn = ends(random);
  return {
    text: `accept, a raw client, ${drawn.text}`,
    async run(world) {
      const [near, far] = world.wire();
      const peer = rawPeer(far, "client", { deadline: 200 });
      world.peers.push(peer);
      world.judge.note(this.text);
      void world.judge.watch("accept", accept(near, drawn.server(world))).then((socket) => {
        if (socket === undefined) near.close();
        else world.meet(socket);
      });
      await peer.shakeHands().catch(() => peer.close());
    },
  };
}

/** What a raw peer says. */
export function rawSays(random: Random): Step {
  const at = below(random, 8);
  const bytes = randomBytes(random, 1 + below(random, 40));
  const says = oneOf(
    random,
    [
      ["a text", () => [text("raw")]],
      ["much", () => [binary(new Uint8Array(60_000))]],
      ["half a message", () => [text("ha", { fin: false })]],
      ["the rest of a message", () => [continuation("lf")]],
      ["a ping", () => [ping("?")]],
      ["a pong", () => [pong("!")]],
      ["a close", () => [closeFrame(1000)]],
      ["a close and a text", () => [closeFrame(1001), text("late")]],
      ["a close with a bad code", () => [closeFrame(1005)]],
      ["no UTF-8", () => [rawFrame(1, Uint8Array.of(255))]],
      ["a frame that is not masked", () => [text("x", { masked: false })]],
      ["bytes", () => [bytes]],
    ] as const,
  );
  return {
    text: `a raw peer sends ${says[0]}`,
    async run(world) {
      const peer = world.pick(world.peers, at);
      if (peer === undefined) return;
      world.judge.note(this.text);
      await Promise.race([peer.send(...says[1]()).catch(() => {}), soon(world.gate, "Room", 50).catch(() => {})]);
    },
  };
}

/** A raw peer ends. */
export function rawEnds(random: Random): Step {
  const at = below(random, 8);
  const way = oneOf(random, ["closes", "resets", "ends its side", "reads all"] as const);
  return {
    text: `a raw peer ${way}`,
    run(world) {
      const peer = world.pick(world.peers, at);
      if (peer === undefined) return;
      world.judge.note(this.text);
      if (way === "closes") peer.close();
      else if (way === "resets") "reset" in peer.conn && peer.reset();
      else if (way === "ends its side") void peer.closeWrite().catch(() => {});
      else void peer.readToEnd().catch(() => {});
    },
  };
}
