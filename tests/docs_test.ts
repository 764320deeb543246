/**
 * The documentation is true: its programs run, its links lead somewhere, and what is written from the source is up to date.
 * `deno test --doc` runs the fenced blocks; the files that a page has the reader write are run here, with the page's commands.
 *
 * @module
 */
import { assert, assertEquals, assertLessOrEqual, assertRejects, assertStringIncludes } from "@std/assert";
import { connect } from "../mod.ts";
import * as errors from "../lib/errors.ts";
import { loadHandlers } from "../lib/handlers/mod.ts";
import { CloseCode } from "../lib/pipeline/frames/close_code.ts";
import { serve } from "../lib/server/serve.ts";
import { type Child, deno, denoIn, denoOutput } from "./_support/child.ts";
import { launch, NO_CHROMIUM } from "./_support/chromium.ts";
import { within } from "./_support/deadline.ts";
import { blocksOf, filesOf, limitDefaults, pages, read, referencePage, tabledSources } from "./_support/docs.ts";
import { unless } from "./_support/needs.ts";
import { cert, key, otherCert, otherKey } from "./_support/tls.ts";
import { until } from "./_support/wait.ts";
import { installed, startServer } from "./hub/_servers.ts";

const ROOT = new URL("../", import.meta.url);
const BLOCKS = pages().flatMap(blocksOf);
const CONFIG: { exports: Record<string, string>; compilerOptions: unknown } = JSON.parse(read("deno.json"));
const ENTRY_POINTS = CONFIG.exports;

Deno.test("docs/reference/options-and-limits.md matches the source: `deno task docs:reference` writes it", () => {
  assertEquals(read("docs/reference/options-and-limits.md"), referencePage());
});

Deno.test("the doc comments of ServeOptions and ConnectOptions list all options: `deno task docs:reference` writes them", () => {
  for (const [path, text] of tabledSources()) assertEquals(read(path), text, path);
});

Deno.test("the doc comment of every limit names its default, which an editor shows", () => {
  for (const [name, named, is] of limitDefaults()) assertEquals(named, is, name);
});

Deno.test("the reference names every close code and every error class", () => {
  const codes = read("docs/reference/close-codes.md");
  for (const [name, code] of Object.entries(CloseCode)) {
    assert(new RegExp(`\\| ${code} +\\| \`${name}\``).test(codes), name);
  }
  const page = read("docs/reference/errors.md");
  for (const name of Object.keys(errors).filter((name) => name.endsWith("Error"))) {
    assert(new RegExp(`\\| \`${name}\` +\\|`).test(page), name);
  }
});

Deno.test("the reference names every status that a server refuses with", () => {
  const statuses = ["handshake", "server", "node", "http2"].flatMap((folder) => {
    const files = Array.from(Deno.readDirSync(new URL(`lib/${folder}/`, ROOT)), ({ name }) => `lib/${folder}/${name}`);
    const source = files.map((path) => read(path).replace(/^ *\*.*$/gm, "")).join("");
    const lines = source.split("\n").filter((line) => /\bstatus: |, \d{3}, "max/.test(line));
    return lines.flatMap((line) => line.match(/\b[45]\d\d\b/g) ?? []);
  });
  const named = Array.from(read("docs/reference/errors.md").matchAll(/^\| (\d{3}) +\|/gm), ([, status]) => status);
  assertEquals([...new Set(statuses)].sort(), named);
});

Deno.test("a program that `deno test --doc` skips has a reason: it is a file, or uses another library", () => {
  const unexplained = BLOCKS.filter(({ words }) =>
    words.includes("ignore") && !words.some((word) => /^(?:file|before|needs):./.test(word))
  );
  assertEquals(unexplained.map(({ page, line }) => `${page}:${line}`), []);
});

/** A new folder with the files of pages in it, a folder for each, where `@sluice/websocket` is this checkout. */
async function folderOf(...names: string[]) {
  const path = await Deno.makeTempDir({ prefix: "sluice-docs-" });
  const imports = Object.fromEntries(
    Object.entries(ENTRY_POINTS).map(([name, file]) => [`@sluice/websocket${name.slice(1)}`, new URL(file, ROOT).href]),
  );
  imports["@std/assert"] = new URL("links/assert/mod.ts", ROOT).href;
  const { compilerOptions } = CONFIG;
  await Deno.writeTextFile(`${path}/deno.json`, JSON.stringify({ imports, compilerOptions }));
  for (const name of names) {
    await Deno.mkdir(`${path}/${folderFor(name)}`, { recursive: true });
    for (const [file, text] of filesOf(name)) {
      if (file !== "deno.json") await Deno.writeTextFile(`${path}/${folderFor(name)}/${file}`, text);
    }
  }
  return {
    path: `${path}/${names.length === 1 ? folderFor(names[0]!) : ""}`,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** `docs/how-to/deployment.md` is `deployment`. */
function folderFor(page: string): string {
  return page.slice(page.lastIndexOf("/") + 1, -".md".length);
}

Deno.test("every file that the reader is to write passes `deno check`", async () => {
  await using folder = await folderOf(...pages().filter((page) => filesOf(page).size > 0));
  const { code, stderr } = await denoOutput("check", folder.path);
  assertEquals(code, 0, stderr);
});

/** The page's command for a file: the variables before it, and its arguments without `deno` or what stands for it. */
function commandFor(page: string, file: string): { env: Record<string, string>; args: string[] } {
  const lines = blocksOf(page).filter(({ words }) => words[0] === "sh").flatMap(({ text }) => text.split("\n"));
  const line = lines.find((line) => line.includes(` ${file}`));
  const [, variables, command] = /^((?:\w+=\S+ )*)(?:npx -y deno@2\.9\.6|deno) (run .*)$/.exec(line ?? "") ?? [];
  assert(variables !== undefined && command !== undefined, `${page} has no command for ${file}`);
  const env = Object.fromEntries(Array.from(variables.matchAll(/(\w+)=(\S+)/g), ([, name, value]) => [name!, value!]));
  return { env, args: command.split(" ").map((word) => word.replaceAll('"', "")) };
}

/** Runs a file of a page with the page's command, on a free port; variables come on top of the page's own. */
function run(
  page: string,
  file: string,
  { cwd, args = ["0"], env }: { cwd: string; args?: string[]; env?: Record<string, string> },
): Child {
  const command = commandFor(page, file);
  const [verb, ...rest] = command.args;
  const own = rest.slice(0, rest.indexOf(file) + 1).map((word) => word === file ? `${cwd}/${file}` : word);
  return denoIn({ ...command.env, ...env }, verb!, "--no-prompt", ...own, ...args);
}

Deno.test("docs/tutorial.md: the echo server, the client and the chat do what the page describes, with its commands", async () => {
  const page = "docs/tutorial.md";
  await using folder = await folderOf(page);
  const cwd = folder.path;
  await using echo = run(page, "echo.ts", { cwd });
  const [, echoUrl] = await echo.said(/Echoing on (ws:\S+)\n/);
  await using say = run(page, "say.ts", { cwd, args: [echoUrl!] });
  await say.said(/^hello\n/);

  await using chat = run(page, "chat.ts", { cwd });
  const [, url] = await chat.said(/Chatting on (http:\S+)\n/);
  assertStringIncludes(await (await fetch(url!)).text(), 'log.append(data, "\\n")');
  await using ann = await connect(`${url!.replace("http", "ws")}/?name=Ann`);
  await ann.send("is anybody here?");
  const messages = ann[Symbol.asyncIterator]();
  assertEquals((await messages.next()).value, "Ann: is anybody here?");
  await using cy = run(page, "say.ts", { cwd, args: [`${url!.replace("http", "ws")}/?name=Cy`] });
  await cy.said(/^Ann: is anybody here\?\n/); // the history comes first
  assertEquals((await messages.next()).value, "Cy: hello");
});

Deno.test(unless(NO_CHROMIUM, "docs/tutorial.md: two browsers chat"), async () => {
  await using folder = await folderOf("docs/tutorial.md");
  await using chat = run("docs/tutorial.md", "chat.ts", { cwd: folder.path });
  const [, url] = await chat.said(/Chatting on (http:\S+)\n/);
  await using browser = await launch();
  const ann = await browser.open(`${url}/?name=Ann`);
  await ann.until("socket.readyState === 1");
  await ann.evaluate(`document.forms[0].text.value = "hello <b>"; document.forms[0].requestSubmit();`);
  const bob = await browser.open(`${url}/?name=Bob`);
  for (const page of [ann, bob]) await page.until(`log.textContent === "Ann: hello <b>\\n"`);
});

Deno.test("docs/tutorial.md: the chat fits into 30 lines, and deno.json maps to the checkout's files", async () => {
  const files = filesOf("docs/tutorial.md");
  assertLessOrEqual(files.get("chat.ts")!.trimEnd().split("\n").length, 30);
  const { imports }: { imports: Record<string, string> } = JSON.parse(files.get("deno.json")!);
  for (const [name, target] of Object.entries(imports)) {
    const path = target.replace("../sluice/", "./");
    assertEquals(path, ENTRY_POINTS[name.replace("@sluice/websocket", ".")]);
    assert((await Deno.stat(new URL(path, ROOT))).isFile);
  }
});

Deno.test("docs/how-to/deployment.md: on SIGTERM the server closes with 1001 and ends", async () => {
  const page = "docs/how-to/deployment.md";
  await using folder = await folderOf(page);
  await using server = run(page, "server.ts", { cwd: folder.path });
  const [, url] = await server.said(/Listening on (ws:\S+)\n/);
  const socket = await connect(url!);
  await socket.ping();
  assertEquals(await (await fetch(`${url!.replace("ws", "http")}/health`)).text(), "1 connections\n");
  server.process.kill("SIGTERM");
  const { closeCode, reason } = await socket.closed;
  assertEquals([closeCode, reason, (await server.process.status).code], [1001, "restart", 0]);
});

/** Starts a file of the deployment page in its folder, where certificates are, and hears where it listens. */
async function startWithCertificates(folder: string, file: string, certificates: Record<string, string>) {
  for (const [name, pem] of Object.entries(certificates)) await Deno.writeTextFile(`${folder}/${name}.pem`, pem);
  const program = `Deno.chdir(${JSON.stringify(folder)}); await import("./${file}");`;
  await Deno.writeTextFile(`${folder}/main.ts`, program);
  const server = deno("run", "--no-prompt", "--allow-net=127.0.0.1", "--allow-read", `${folder}/main.ts`, "0");
  const [, url] = await server.said(/Listening on (wss:\S+)\n/);
  return {
    url: url!.replace("127.0.0.1", "localhost"),
    server,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Whether a server shows this certificate under this name: a client that trusts no other connects, and is answered. */
async function shows(url: string, trusted: string, serverName = "localhost"): Promise<boolean> {
  try {
    const socket = await connect(url, { caCerts: [trusted], serverName });
    await socket.send("hello");
    assertEquals((await socket[Symbol.asyncIterator]().next()).value, "hello");
    await socket.close();
    return true;
  } catch (error) {
    if (error instanceof errors.ConnectionError) return false;
    throw error;
  }
}

Deno.test("docs/how-to/deployment.md: the server over TLS, and the one whose certificate is renewed with SIGHUP", async () => {
  await using folder = await folderOf("docs/how-to/deployment.md");
  {
    await using fixed = await startWithCertificates(folder.path, "tls.ts", { cert, key });
    assert(await shows(fixed.url, cert));
  }
  await using renewed = await startWithCertificates(folder.path, "renew.ts", { cert, key });
  assert(await shows(renewed.url, cert));
  await Deno.writeTextFile(`${folder.path}/cert.pem`, otherCert);
  await Deno.writeTextFile(`${folder.path}/key.pem`, otherKey);
  renewed.server.process.kill("SIGHUP");
  await until(() => shows(renewed.url, otherCert), "The renewed certificate");
});

Deno.test("docs/how-to/deployment.md: a certificate for each host name", async () => {
  await using folder = await folderOf("docs/how-to/deployment.md");
  await using server = await startWithCertificates(folder.path, "names.ts", {
    "example.com": cert,
    "example.com-key": key,
    "chat.example.org": otherCert,
    "chat.example.org-key": otherKey,
  });
  assert(await shows(server.url, cert)); // an unknown name
  // The certificate of the tests is for another name: that it is shown is seen by what the client finds wrong with it.
  await assertRejects(
    () => connect(server.url, { caCerts: [otherCert], serverName: "chat.example.org" }),
    errors.ConnectionError,
  ).then(({ cause }) => assertStringIncludes(String(cause), "other.test"));
});

Deno.test("docs/how-to/other-servers.md: deno serve starts the module, with the page's command", async () => {
  const page = "docs/how-to/other-servers.md";
  await using folder = await folderOf(page);
  const command = blocksOf(page).find(({ text }) => text.startsWith("deno serve "))!.text.trim();
  const args = command.split(" ").slice(1, -1).map((word) => word.replace("--port=8000", "--port=0"));
  // `deno serve` says its port elsewhere.
  const main = `import server from "./served.ts"; const onListen = ({ port }) => console.log("port " + port);
export default { ...server, onListen };`;
  await Deno.writeTextFile(`${folder.path}/main.ts`, main);
  await using server = deno(...args, "--no-prompt", "--no-check", `${folder.path}/main.ts`);
  const [, port] = await within(server.said(/port (\d+)/), 30_000, "The start of deno serve");
  assertEquals(await (await fetch(`http://127.0.0.1:${port}/`)).text(), "Hello\n");
  const socket = await connect(`ws://127.0.0.1:${port}/echo`);
  await socket.send("hello");
  assertEquals((await socket[Symbol.asyncIterator]().next()).value, "hello");
  await socket.close();
});

Deno.test("docs/how-to/scaling-out.md: a message published in one worker reaches the others", async () => {
  const page = "docs/how-to/scaling-out.md";
  await using folder = await folderOf(page);
  const [verb, ...args] = commandFor(page, "main.ts").args;
  // The library is elsewhere in this case, and not below the program's folder.
  const allowed = args.filter((arg) => arg.startsWith("--")).map((arg) => arg.replace("=.", ""));
  await using server = deno(verb!, "--no-prompt", ...allowed, `${folder.path}/main.ts`, "0");
  const [, url] = await server.said(/Listening on (ws:\S+)\n/);
  // Among eight connections each worker has one, all but once in 128 times; then it is one worker's own affair.
  const sockets = await Promise.all(Array.from({ length: 8 }, () => connect(url!)));
  await Promise.all(sockets.map((socket) => socket.ping()));
  await sockets[0]!.send("hello");
  for (const socket of sockets) assertEquals((await socket[Symbol.asyncIterator]().next()).value, "hello");
  await Promise.all(sockets.map((socket) => socket.close()));
});

const NO_NATS = installed("nats") ? undefined : "nats-server is not installed";

Deno.test({
  ...unless(NO_NATS, "docs/how-to/scaling-out.md: a message published on one machine reaches the other, over NATS"),
  fn: async () => {
    const page = "docs/how-to/scaling-out.md";
    await using folder = await folderOf(page);
    await using nats = await startServer("nats");
    const text = filesOf(page).get("machine.ts")!;
    const there = text.replace(`["10.0.0.5:4222", "10.0.0.6:4222"]`, `"127.0.0.1:${nats.port}"`);
    assert(there !== text);
    await Deno.writeTextFile(`${folder.path}/machine.ts`, there);
    await using one = run(page, "machine.ts", { cwd: folder.path });
    await using other = run(page, "machine.ts", { cwd: folder.path });
    const urls = await Promise.all([one, other].map(async (machine) => {
      await machine.said(/Broker: up\n/);
      return (await machine.said(/Listening on (ws:\S+)\n/))[1]!;
    }));
    const [author, reader] = [await connect(urls[0]!), await connect(urls[1]!)];
    let heard: unknown;
    const reading = reader[Symbol.asyncIterator]().next().then(({ value }) => heard = value);
    // The reader's machine asks NATS for the topic when it has a subscriber, and no event reports that NATS has received it.
    const own = author[Symbol.asyncIterator]();
    await until(
      async () => {
        await author.send("hello");
        await own.next();
        return heard !== undefined;
      },
      "The reader's subscription",
      20_000,
    );
    assertEquals(heard, "hello");
    await reading;
    await Promise.all([author.close(), reader.close()]);
  },
});

Deno.test("docs/how-to/observability.md: Deno exports the server's counters, with the page's command", async () => {
  const page = "docs/how-to/observability.md";
  await using folder = await folderOf(page);
  const counted = Promise.withResolvers<void>();
  await using collector = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const text = await request.text();
    if (text.includes(`"websocket.connections"`)) counted.resolve();
    return Response.json({});
  });
  const { env } = commandFor(page, "watched.ts");
  assertEquals(Object.keys(env), ["OTEL_DENO", "OTEL_EXPORTER_OTLP_ENDPOINT"]);
  await using server = run(page, "watched.ts", {
    cwd: folder.path,
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.addr.port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_METRIC_EXPORT_INTERVAL: "100",
    },
  });
  const [, url] = await server.said(/Listening on (ws:\S+)\n/);
  await using socket = await connect(url!);
  await socket.send("hello");
  assertEquals((await socket[Symbol.asyncIterator]().next()).value, "hello");
  await within(counted.promise, 20_000, "The collector's metrics");
});

Deno.test("docs/how-to/port-mod-pywebsocket-handlers.md: the ported handler refuses, chooses, answers and says goodbye", async () => {
  await using folder = await folderOf("docs/how-to/port-mod-pywebsocket-handlers.md");
  const { upgrade, handler } = await loadHandlers({ root: folder.path });
  await using server = serve({ port: 0, hostname: "127.0.0.1", origins: "any", upgrade }, handler);
  const refusal = await connect(`${server.url}/shout`).catch((error) => error);
  assert(refusal instanceof errors.HandshakeError);
  assertEquals(refusal.status, 403);
  const headers = { Origin: "http://localhost:8000" };
  const socket = await connect(`${server.url}/shout`, { headers, protocols: ["shout"] });
  assertEquals(socket.protocol, "shout");
  await socket.send("hello");
  assertEquals((await socket[Symbol.asyncIterator]().next()).value, "HELLO");
  const { closeCode, reason } = await socket.close(4000);
  assertEquals([closeCode, reason], [4000, "bye"]);
});
