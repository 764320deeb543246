import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Child, deno } from "../_support/child.ts";
import { soon, until } from "../_support/wait.ts";

/** Deno's own client, and what it heard. */
class Client {
  readonly heard: unknown[] = [];
  readonly closed: Promise<CloseEvent>;
  readonly #socket: WebSocket;
  readonly #opened: Promise<unknown>;

  constructor(url: string) {
    this.#socket = new WebSocket(url);
    this.#opened = new Promise((resolve) => this.#socket.onopen = resolve);
    this.closed = new Promise((resolve) => this.#socket.onclose = resolve);
    this.#socket.onmessage = ({ data }) => this.heard.push(data);
  }
  /** Asks, and waits for the answer. */
  async ask(text: string): Promise<unknown> {
    await soon(this.#opened, "The connection");
    const before = this.heard.length;
    this.send(text);
    await until(() => this.heard.length > before, "The answer");
    return this.heard.at(-1);
  }
  send(text: string): void {
    this.#socket.send(text);
  }
  async close(): Promise<void> {
    this.#socket.close();
    await soon(this.closed, "The end");
  }
}

/** Many clients, by the worker that has them: the kernel decides by the client's port. */
async function clientsOf(url: string): Promise<[Client[], Client[]]> {
  const clients = Array.from({ length: 40 }, () => new Client(url));
  const who = await Promise.all(clients.map((client) => client.ask("who")));
  return [clients.filter((_, i) => who[i] === "0"), clients.filter((_, i) => who[i] === "1")];
}

/** The server, and where it is. */
async function start(): Promise<{ server: Child; url: string }> {
  const args = ["--no-prompt", "--quiet", "--unstable-net", "--allow-net=127.0.0.1", "--allow-read"];
  const server = deno("run", ...args, "tests/workers/_server.ts");
  const [, url] = await soon(server.said(/^url (\S+)$/m), "The start");
  return { server, url: url! };
}

Deno.test("two workers share a port: both have connections, and a message of one reaches those of the other", async () => {
  const { server, url } = await start();
  await using _server = server;
  const [first, second] = await clientsOf(url);
  assert(first.length > 0 && second.length > 0, `${first.length} and ${second.length} of 40`);
  first[0]!.send("hello");
  const all = [...first, ...second];
  await until(() => all.every(({ heard }) => heard.at(-1) === "hello"), "The message");
  assertEquals(all.filter(({ heard }) => heard.length !== 2), []);
  await Promise.all(all.map((client) => client.close()));
});

Deno.test("T13: one shutdown closes the connections of every worker with 1001, and then the process can exit", async () => {
  const { server, url } = await start();
  await using _server = server;
  const clients = (await clientsOf(url)).flat();
  server.process.kill("SIGTERM");
  const codes = await soon(Promise.all(clients.map(({ closed }) => closed)), "The end of all");
  assertEquals(new Set(codes.map(({ code, wasClean }) => `${code} ${wasClean}`)), new Set(["1001 true"]));
  await soon(server.said(/^stopped$/m), "The end");
  assertEquals((await soon(server.process.status, "The end of the process")).code, 0);
});

Deno.test("a worker that crashes loses only its own connections, and its replacement serves new ones", async () => {
  const { server, url } = await start();
  await using _server = server;
  const [first, second] = await clientsOf(url);
  first[0]!.send("crash");
  const ends = await soon(Promise.all(first.map(({ closed }) => closed)), "The end of the worker's connections");
  assertEquals(ends.filter(({ wasClean }) => wasClean), []);
  const [line] = await soon(server.said(/^error .*$/m), "The report");
  assertMatch(line, /^error Error: Worker 0 is gone: Uncaught .*Error: crash \(/);
  assertEquals(await second[0]!.ask("who"), "1");

  const others = [...second];
  let next: Client[] = [];
  for (let attempt = 0; next.length === 0 && attempt < 200; attempt++) { // it may not be there yet
    const [first, second] = await clientsOf(url);
    if (first.length > 0) others.push(...first, ...second);
    else await Promise.all(second.map((client) => client.close()));
    next = first;
  }
  // What was said before the new worker's broker was up did not reach it: delivery is at most once.
  const saying = setInterval(() => second[0]!.send("hello"), 50);
  try {
    await until(
      () => next.length > 0 && next.every(({ heard }) => heard.at(-1) === "hello"),
      "The new worker's message",
    );
  } finally {
    clearInterval(saying);
  }
  await Promise.all(others.map((client) => client.close()));
});
