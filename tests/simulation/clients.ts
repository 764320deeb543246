/**
 * Our clients in a world: `connect`, the web's two classes, and the client that comes back.
 *
 * @module
 */
import { connect } from "../../lib/client/connect.ts";
import type { ConnectOptions } from "../../lib/client/client_options.ts";
import { reconnecting } from "../../lib/client/reconnecting.ts";
import { WebSocket } from "../../lib/client/websocket.ts";
import { WebSocketStream } from "../../lib/client/websocket_stream.ts";
import { ConnectionError, HandshakeError, WebSocketError } from "../../lib/errors.ts";
import type { CloseInfo } from "../../lib/connection/websocket_connection.ts";
import type { Conversation } from "./conversation.ts";
import { readAll, readStream, takes } from "./lanes.ts";
import { streamsOf } from "./network.ts";
import type { ClientPlan } from "./plan.ts";
import { ApplicationError, type Seat } from "./seat.ts";
import { surfaceOf } from "./surface.ts";

/** A client that was begun. */
export interface SimulatedClient {
  /** Ends it, wherever it stands. */
  leave(): void;
}

/** Starts the client of a conversation. */
export function startClient(conversation: Conversation, index: number, plan: ClientPlan): SimulatedClient {
  const url = `ws://${conversation.name}/${index}`;
  const { limits, deflate } = plan;
  const options: ConnectOptions = { ...limits, ...(deflate === undefined ? {} : { perMessageDeflate: deflate }) };
  switch (plan.kind) {
    case "connect":
      return startConnect(conversation, url, plan, options);
    case "WebSocket":
      return startWebSocket(conversation, url, plan, options);
    case "WebSocketStream":
      return startWebSocketStream(conversation, url, plan, options);
    case "reconnecting":
      return startReconnecting(conversation, url, plan, options);
  }
}

function startConnect(
  conversation: Conversation,
  url: string,
  plan: ClientPlan,
  given: ConnectOptions,
): SimulatedClient {
  const { world } = conversation;
  const giveUp = new AbortController();
  const seat = conversation.seatClient(plan.app, plan.limits);
  let options: ConnectOptions = { ...given, signal: giveUp.signal };
  if (plan.streams) options = { ...options, conn: streamsOf(conversation.dialled()) };
  if (plan.givesUpAfter !== undefined) {
    world.after(plan.givesUpAfter, () => giveUp.abort(new ApplicationError("Given up")));
  }
  const begun = world.now;
  const connecting = world.follow(`${seat.name} connect()`, connect(url, options));
  conversation.mustSettle(connecting, begun);
  connecting.then(
    async (socket) => {
      conversation.opens();
      seat.open(surfaceOf(socket), socket.closed);
      await read(seat, () => readAll(seat, socket));
    },
    (error) =>
      conversation.fails(
        error instanceof HandshakeError || error instanceof ConnectionError || error === giveUp.signal.reason,
        error,
      ),
  );
  return {
    leave: () => {
      if (seat.surface === undefined) giveUp.abort(new ApplicationError("The world ends"));
      else seat.close();
    },
  };
}

function startWebSocket(
  conversation: Conversation,
  url: string,
  plan: ClientPlan,
  options: ConnectOptions,
): SimulatedClient {
  const { world } = conversation;
  const seat = conversation.seatClient(plan.app, plan.limits);
  const socket = new WebSocket(url, options);
  socket.binaryType = "arraybuffer";
  const begun = world.now;
  let error: unknown;
  const { promise: closed, resolve } = Promise.withResolvers<CloseInfo>();
  conversation.mustSettle(
    new Promise((resolve) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("close", resolve);
    }),
    begun,
  );
  socket.onopen = () => {
    conversation.opens();
    seat.open({
      get state() {
        return socket.readyState;
      },
      get buffered() {
        return socket.bufferedAmount;
      },
      send: (data) => {
        const before = socket.bufferedAmount;
        socket.send(data as string | Uint8Array<ArrayBuffer>);
        const counted = socket.readyState === 1 || socket.bufferedAmount > before || (data as string).length === 0;
        world.must(counted, "too-late", () => `${seat.name}: bufferedAmount stays ${before} behind a close`);
        return undefined;
      },
      close: (code) => socket.close(code === undefined || code === 1000 || code >= 3000 ? code : 1000),
    }, closed);
  };
  socket.onmessage = ({ data }) => {
    try {
      void seat.take(typeof data === "string" ? data : new Uint8Array(data), false);
    } catch {
      seat.close(); // what an application throws in a listener is its own business
    }
  };
  socket.onerror = (event) => void (error = (event as ErrorEvent).error);
  socket.onclose = ({ code, reason, wasClean }) => {
    world.must(++seat.told === 1, "ends-once", () => `${seat.name}: ${seat.told} close events`);
    if (seat.surface === undefined) conversation.fails(error instanceof WebSocketError, error);
    else resolve({ closeCode: code, reason, wasClean, error });
  };
  return { leave: () => seat.surface === undefined ? socket.close() : seat.close() };
}

function startWebSocketStream(
  conversation: Conversation,
  url: string,
  plan: ClientPlan,
  options: ConnectOptions,
): SimulatedClient {
  const { world } = conversation;
  const seat = conversation.seatClient(plan.app, plan.limits);
  const begun = world.now;
  const { protocols: _, data: __, ...rest } = options;
  const stream = new WebSocketStream(url, rest);
  const opened = world.follow(`${seat.name}.opened`, stream.opened);
  conversation.mustSettle(opened, begun);
  const closed = world.follow(`${seat.name}.closed`, stream.closed);
  const ending = closed.then(
    ({ closeCode, reason }): CloseInfo => ({ closeCode, reason, wasClean: true }),
    (error): CloseInfo => ({ closeCode: error.closeCode ?? 1006, reason: error.reason ?? "", wasClean: false, error }),
  );
  let state = 1;
  void ending.then(() => state = 3);
  opened.then(async ({ readable, writable }) => {
    conversation.opens();
    const writer = writable.getWriter();
    world.follow(`${seat.name} writer.closed`, writer.closed).catch(() => {});
    seat.open({
      get state() {
        return state;
      },
      buffered: 0,
      send: (data) => writer.write(data as string | Uint8Array<ArrayBuffer>),
      close: (code) => {
        state = Math.max(state, 2);
        stream.close(code === undefined ? {} : { closeCode: code === 1000 || code >= 3000 ? code : 1000 });
      },
    }, ending);
    await read(seat, () => readStream(seat, readable, (message) => takes(seat, message)));
  }, (error) => conversation.fails(error instanceof WebSocketError, error));
  return { leave: () => seat.surface === undefined ? stream.close() : seat.close() };
}

function startReconnecting(
  conversation: Conversation,
  url: string,
  plan: ClientPlan,
  options: ConnectOptions,
): SimulatedClient {
  const seat = conversation.seatClient(plan.app, plan.limits);
  const { data: _, conn: __, headers: ___, ...rest } = options;
  const connection = reconnecting(url, { ...rest, delay: { first: 200, most: 2_000 }, stableInterval: 500 });
  let closing = false;
  seat.open({
    get state() {
      return connection.state === "closed" ? 3 : closing ? 2 : 1;
    },
    buffered: 0,
    comesBack: true,
    send: (data) => connection.send(data as string),
    close: (code) => {
      closing = true;
      void connection.close(code);
    },
  }, connection.closed);
  void read(seat, async () => {
    for await (const message of connection) if (await takes(seat, message)) return;
  });
  conversation.opens();
  return { leave: () => seat.close() };
}

/** Reads; that the connection ended uncleanly may be thrown, and what the application throws itself. */
async function read(seat: Seat, reading: () => Promise<void>): Promise<void> {
  try {
    await reading();
    seat.readerEnds();
  } catch (error) {
    const { world } = seat.options;
    if (error instanceof ApplicationError) return seat.close(1011);
    // A close frame may come in the middle of a message: one that is read as a stream must not look whole then.
    const cut = seat.options.plan.lane === "messages";
    world.must(
      seat.ended?.wasClean !== true || cut,
      "ends-once",
      () => `${seat.name} ended cleanly, and its reader hears ${error}`,
    );
  }
}
