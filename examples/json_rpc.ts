// deno-lint-ignore-file no-console -- an example prints
// JSON-RPC 2.0 over a WebSocket, typed at both ends. A procedure is described once, with guards for its parameters and its
// result. Both ends check incoming data with them, and the compiler checks outgoing data. Either end may call the other, and
// several calls may be sent as one batch. With `talk`, a client calls, is called, and exits.
//
//   deno run --allow-net examples/json_rpc.ts [port] [talk]

import { connect, type Message, serve, type WebSocketConnection } from "@sluice/websocket";

// 1. The contract: what both ends know.

type Guard<T> = (value: unknown) => value is T;

interface Procedure<Params, Result> {
  readonly name: string;
  readonly params: Guard<Params>;
  readonly result: Guard<Result>;
}

const isNumber = (value: unknown): value is number => typeof value === "number";
const isString = (value: unknown): value is string => typeof value === "string";
const isNumbers = (value: unknown): value is number[] => Array.isArray(value) && value.every(isNumber);
const isPair = (value: unknown): value is [number, number] => isNumbers(value) && value.length === 2;
const isNothing = (value: unknown): value is [] => Array.isArray(value) && value.length === 0;

const sum: Procedure<number[], number> = { name: "sum", params: isNumbers, result: isNumber };
const divide: Procedure<[number, number], number> = { name: "divide", params: isPair, result: isNumber };
const welcome: Procedure<[], string> = { name: "welcome", params: isNothing, result: isString };
const whoAreYou: Procedure<[], string> = { name: "whoAreYou", params: isNothing, result: isString }; // the server asks

// 2. The codec: messages to packets and back, as streams. What is malformed is a packet too: the error that answers it.

type Id = string | number | null;

class RpcError extends Error {
  constructor(readonly code: number, message: string) {
    super(message);
  }

  toJSON(): { code: number; message: string } {
    return { code: this.code, message: this.message };
  }
}

/** A request; with no id it is a notification, which is not answered. */
interface Call {
  readonly id?: Id;
  readonly method: string;
  readonly params?: unknown;
}

interface Answer {
  readonly id: Id;
  readonly result?: unknown;
  readonly error?: RpcError;
}

type Item = Call | Answer | RpcError;

/** A packet is an item, or a batch of them. */
interface Packets {
  readonly readable: ReadableStream<Item | Item[]>;
  readonly writable: WritableStream<Item | Item[]>;
}

function codec(socket: WebSocketConnection): Packets {
  const decoder = new TransformStream<Message, Item | Item[]>({
    transform: (message, controller) => controller.enqueue(decode(message)),
  });
  const encoder = new TransformStream<Item | Item[], string>({
    transform: (packet, controller) => controller.enqueue(encode(packet)),
  });
  encoder.readable.pipeTo(socket.writable).catch(() => {}); // the writer gets the error
  return { readable: socket.readable.pipeThrough(decoder), writable: encoder.writable };
}

function encode(packet: Item | Item[]): string {
  const item = (fields: Item) => ({ jsonrpc: "2.0", ...fields });
  return JSON.stringify(Array.isArray(packet) ? packet.map(item) : item(packet));
}

function decode(message: Message): Item | Item[] {
  let value: unknown;
  try {
    value = JSON.parse(isString(message) ? message : ""); // binary data is no JSON
  } catch {
    return new RpcError(-32700, "Parse error");
  }
  return Array.isArray(value) && value.length > 0 ? value.map(decodeItem) : decodeItem(value);
}

function decodeItem(value: unknown): Item {
  const invalid = new RpcError(-32600, "Invalid Request");
  if (!isObject(value) || value.jsonrpc !== "2.0") return invalid;
  const { id, method, params = [], result, error } = value;
  if (isString(method) && isObject(params)) {
    if (id === undefined) return { method, params };
    return isId(id) ? { id, method, params } : invalid;
  }
  if (!isId(id)) return invalid;
  if (isObject(error) && isNumber(error.code) && isString(error.message)) {
    return { id, error: new RpcError(error.code, error.message) };
  }
  return result === undefined ? invalid : { id, result };
}

const isId = (value: unknown): value is Id => isString(value) || isNumber(value) || value === null;
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

// 3. An end: it calls, and is called.

/** A procedure as the wire knows it: it takes anything, and looks at it first. */
type Method = (params: unknown) => unknown;

function implement<Params, Result>(
  { name, params: isParams }: Procedure<Params, Result>,
  run: (params: Params) => Result | Promise<Result>,
): [string, Method] {
  return [name, (params) => {
    if (!isParams(params)) throw new RpcError(-32602, "Invalid params");
    return run(params);
  }];
}

interface End {
  call<Params, Result>(procedure: Procedure<Params, Result>, params: Params): Promise<Result>;
  /** The calls that `make` makes before it returns go in one message. */
  batch<T>(make: () => T): T;
  /** Resolves when the connection has ended. */
  readonly ended: Promise<void>;
}

/** Who has more calls under way than this does not read the answers. */
const MAX_RUNNING = 1_000;

function endOf(socket: WebSocketConnection, methods: ReadonlyMap<string, Method>): End {
  const { readable, writable } = codec(socket);
  const writer = writable.getWriter();
  const waiting = new Map<Id, PromiseWithResolvers<unknown>>();
  let collecting: Item[] | undefined;
  let lastId = 0;
  let running = 0;

  const ended = (async () => {
    try {
      for await (const packet of readable) {
        // Not awaited: a method may call the other end, and the answer comes by this loop.
        void take(packet);
        if (running > MAX_RUNNING) void socket.close(1008, "Too many calls at once");
      }
    } catch {
      // `socket.closed` says why.
    }
    giveUp();
  })();

  function giveUp(): void {
    for (const { reject } of waiting.values()) reject(new RpcError(-32000, "The connection has ended"));
    waiting.clear();
  }

  async function take(packet: Item | Item[]): Promise<void> {
    running++;
    if (Array.isArray(packet)) {
      const answers = (await Promise.all(packet.map(answer))).filter((item) => item !== undefined);
      if (answers.length > 0) await writer.write(answers).catch(giveUp);
    } else {
      const item = await answer(packet);
      if (item !== undefined) await writer.write(item).catch(giveUp);
    }
    running--;
  }

  async function answer(item: Item): Promise<Answer | undefined> {
    if (item instanceof RpcError) return { id: null, error: item };
    if (!("method" in item)) return settle(item);
    const outcome = await run(item);
    return item.id === undefined ? undefined : { id: item.id, ...outcome };
  }

  async function run({ method, params }: Call): Promise<Pick<Answer, "result" | "error">> {
    try {
      const found = methods.get(method);
      if (found === undefined) throw new RpcError(-32601, "Method not found");
      return { result: await found(params) };
    } catch (error) {
      if (error instanceof RpcError) return { error };
      console.error(error); // ours to know, not the peer's
      return { error: new RpcError(-32603, "Internal error") };
    }
  }

  function settle({ id, result, error }: Answer): undefined {
    const call = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) call?.resolve(result);
    else call?.reject(error);
  }

  return {
    ended,
    async call({ name, result: isResult }, params) {
      const id = ++lastId;
      const { promise } = waiting.set(id, Promise.withResolvers()).get(id)!;
      if (collecting === undefined) writer.write({ id, method: name, params }).catch(giveUp);
      else collecting.push({ id, method: name, params });
      const result = await promise;
      if (!isResult(result)) throw new TypeError(`${name} returned ${JSON.stringify(result)}`);
      return result;
    },
    batch(make) {
      const items: Item[] = collecting = [];
      try {
        return make();
      } finally {
        collecting = undefined;
        if (items.length > 0) writer.write(items).catch(giveUp);
      }
    },
  };
}

// 4. A server and a client of it.

const server = serve({
  port: Number(Deno.args[0] ?? 8080),
  hostname: "127.0.0.1",
  maxMessageBytes: 64 * 1024,
  onListen(addr) {
    if ("port" in addr) console.log(`JSON-RPC on ws://127.0.0.1:${addr.port}`);
  },
}, async (socket) => {
  const client: End = endOf(
    socket,
    new Map([
      implement(sum, (numbers) => numbers.reduce((a, b) => a + b, 0)),
      implement(divide, ([a, b]) => {
        if (b === 0) throw new RpcError(1, "Cannot divide by 0");
        return a / b;
      }),
      implement(welcome, async () => `Hello ${await client.call(whoAreYou, [])}`),
    ]),
  );
  await client.ended;
});

if (Deno.args[1] === "talk") {
  await using socket = await connect(server.url);
  const { call, batch } = endOf(socket, new Map([implement(whoAreYou, () => "Ada")]));
  console.log(`sum: ${await call(sum, [1, 2, 3])}`);
  console.log(`welcome: ${await call(welcome, [])}`);
  // @ts-expect-error: the compiler knows what a procedure takes. The server looks all the same.
  await call(sum, ["1"]).catch(({ code, message }) => console.log(`sum: error ${code}, ${message}`));
  for (const outcome of await Promise.allSettled(batch(() => [call(divide, [1, 2]), call(divide, [1, 0])]))) {
    console.log(`divide: ${outcome.status === "fulfilled" ? outcome.value : outcome.reason.message}`);
  }
  await socket.close();
  await server.shutdown();
}
