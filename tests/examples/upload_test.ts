import { assertEquals, assertMatch } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { connect, type Message, type WebSocketConnection } from "../../mod.ts";
import { assertBytes } from "../_support/bytes.ts";
import { type Child, deno, denoOutput } from "../_support/child.ts";
import { launch } from "../_support/chromium.ts";
import { soon, until } from "../_support/wait.ts";
import { inChromium, openPage, problemsOf } from "./_page.ts";

const KIB = 1024;

/** The server, and the folder that it writes to. */
interface Uploads extends AsyncDisposable {
  readonly child: Child;
  readonly folder: string;
  /** Its URL with `/` at the end. */
  readonly url: string;
  /** What is in the folder. */
  files(): Uint8Array[];
}

async function uploads(): Promise<Uploads> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-" });
  const permissions = ["--allow-net=127.0.0.1", "--allow-read=examples/upload", `--allow-write=${folder}`];
  const child = deno("run", "--no-prompt", ...permissions, "examples/upload/server.ts", "0", folder);
  const [, url] = await child.said(/(http:\S+)/);
  return {
    child,
    folder,
    url: url!,
    files: () => Array.from(Deno.readDirSync(folder), ({ name }) => Deno.readFileSync(`${folder}/${name}`)),
    async [Symbol.asyncDispose]() {
      await child[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

const open = (url: string): Promise<WebSocketConnection> => connect(`${url.replace("http", "ws")}upload`);

/** Bytes that do not repeat at the borders of chunks. */
const content = (size: number) => Uint8Array.from({ length: size }, (_, index) => index % 251);

const sha256 = async (bytes: Uint8Array<ArrayBuffer>) => encodeHex(await crypto.subtle.digest("SHA-256", bytes));

Deno.test("examples/upload stores each file unchanged, reports every 256 KiB and the hash, and uses no name as a path", async () => {
  await using server = await uploads();
  const socket = await open(server.url);
  const reports = socket[Symbol.asyncIterator]();
  for (
    const [name, size, steps] of [
      ["../../a.bin", 600 * KIB + 1, [256 * KIB, 512 * KIB]],
      ["exactly", 512 * KIB, [256 * KIB]],
      ["empty\n", 0, []],
    ] as const
  ) {
    const bytes = content(size);
    await socket.send(JSON.stringify({ name, size }));
    for (let at = 0; at < size; at += 64 * KIB) await socket.send(bytes.slice(at, at + 64 * KIB));
    const expected = [...steps.map((stored) => ({ stored })), { stored: size, sha256: await sha256(bytes) }];
    for (const report of expected) {
      assertEquals(JSON.parse(String((await soon(reports.next(), "The report")).value)), report);
    }
    const quoted = JSON.stringify(name).replace(/[.\\]/g, "\\$&");
    const [, path] = await server.child.said(new RegExp(`${quoted} is (${server.folder}/upload-\\w+)\\n`));
    assertBytes(await Deno.readFile(path!), bytes, name);
  }
  assertEquals(server.files().length, 3);
  assertEquals((await socket.close()).closeCode, 1000);
});

Deno.test("examples/upload reports a sender's error, and keeps no incomplete file", async (t) => {
  await using server = await uploads();
  const head = (size: unknown) => JSON.stringify({ name: "a", size });
  const wanted = "Expected a name and a size as JSON";
  const rows: [string, Message[], string][] = [
    ["bytes first", [content(1)], wanted],
    ["no JSON", ["a.txt"], wanted],
    ["no size", ['{"name": "a"}'], wanted],
    ["a size that is none", [head(-1)], wanted],
    ["half a byte", [head(0.5)], wanted],
    ["a file too large", [head(1024 ** 3 + 1)], "File of 1073741825 bytes is over 1073741824"],
    ["a text among the bytes", [head(2), content(1), "x"], "Expected bytes of the file"],
    ["no bytes in a message", [head(2), new Uint8Array(0)], "Expected bytes of the file"],
    ["more than was said", [head(2), content(3)], "File is more than its 2 bytes"],
  ];
  for (const [name, messages, mistake] of rows) {
    await t.step(name, async () => {
      const socket = await open(server.url);
      for (const message of messages) void socket.send(message);
      for await (const _ of socket);
      const { closeCode, reason } = await socket.closed;
      assertEquals([closeCode, reason], [4000, mistake]);
    });
  }
  await t.step("a chunk too large", async () => {
    const socket = await open(server.url);
    await socket.send(head(100 * KIB));
    await socket.send(content(65 * KIB));
    assertEquals((await socket.closed).closeCode, 1009);
  });
  for (
    const [name, leave] of Object.entries({
      "a sender who leaves": (socket: WebSocketConnection): void => void socket.close(),
      "a sender who is gone": (socket: WebSocketConnection): void => socket.abort(),
    })
  ) {
    await t.step(name, async () => {
      const socket = await open(server.url);
      await socket.send(head(512 * KIB));
      for (let i = 0; i < 4; i++) await socket.send(content(64 * KIB));
      await socket[Symbol.asyncIterator]().next(); // the report: some of it is there
      leave(socket);
      await socket.closed;
    });
  }
  await until(() => server.files().length === 0, "The end of what was begun");
});

Deno.test("examples/upload/client.ts uploads a file, shows progress, and checks that it arrived; a refusal is shown", async () => {
  await using server = await uploads();
  const path = `${server.folder}/original`;
  await Deno.writeFile(path, content(1024 * KIB));
  const upload = (path: string) => {
    const permissions = ["--allow-net=127.0.0.1", `--allow-read=${path}`];
    return denoOutput(
      "run",
      "--no-prompt",
      ...permissions,
      "examples/upload/client.ts",
      path,
      `${server.url.replace("http", "ws")}upload`,
    );
  };
  assertEquals(
    (await upload(path)).stdout,
    [
      "262144 of 1048576 bytes",
      "524288 of 1048576 bytes",
      "786432 of 1048576 bytes",
      "1048576 of 1048576 bytes",
      "They are the same",
      "",
    ].join("\n"),
  );
  assertEquals(server.files().length, 2);
  for (const file of server.files()) assertBytes(file, content(1024 * KIB));

  await Deno.truncate(path, 1024 ** 3 + 1); // which takes no room
  const { code, stdout } = await upload(path);
  assertEquals(code, 1);
  assertMatch(stdout, /^Closed with 4000: File of 1073741825 bytes is over 1073741824\n$/);
});

Deno.test({
  ...inChromium(
    "the page of examples/upload uploads one file after the other, is at most 1 MiB ahead of the server, and tells what failed",
  ),
  async fn() {
    await using server = await uploads();
    await using browser = await launch();
    const page = await openPage(browser, server.url);
    const choose = (files: string) =>
      page.evaluate(`{
        const transfer = new DataTransfer();
        for (const file of ${files}) transfer.items.add(file);
        document.getElementById("files").files = transfer.files;
        document.getElementById("files").dispatchEvent(new Event("change"));
      }`);
    await page.evaluate(`{
      const send = WebSocket.prototype.send;
      let sent = 0;
      globalThis.ahead = [];
      WebSocket.prototype.send = function (data) {
        if (typeof data === "string") sent = 0;
        else sent += data.byteLength;
        ahead.push(sent - document.querySelector("li label + label progress").value);
        send.call(this, data);
      };
    }`);
    const bytes = content(5 * 1024 * KIB + 3);
    await choose(`[new File([Uint8Array.from({ length: ${bytes.length} }, (_, index) => index % 251)], "<b>big</b>")]`);
    const state = (row: number) => `document.querySelectorAll(".state")[${row}].textContent`;
    assertEquals(await page.until(`${state(0)}.startsWith("SHA") && ${state(0)}`), `SHA-256 ${await sha256(bytes)}`);
    assertEquals(server.files().length, 1);
    assertBytes(server.files()[0]!, bytes);
    const most = Number(await page.evaluate("Math.max(...ahead)"));
    assertEquals(most <= 1024 * KIB, true, `${most}`);

    await choose(`[new File([], "empty"), new File(["hello"], "hello.txt")]`);
    assertEquals(
      await page.until(`${state(2)}?.startsWith("SHA") && ${state(2)}`),
      `SHA-256 ${await sha256(new TextEncoder().encode("hello"))}`,
    );
    assertMatch(String(await page.evaluate(state(1))), /^SHA-256 e3b0c442/);
    assertEquals(await page.evaluate(`document.querySelector("li bdi").textContent`), "<b>big</b>");

    // A file of another size than it says, as if it had changed meanwhile.
    await choose(`[new File(["hello"], "false")].map((file) => {
      const { slice } = Blob.prototype;
      Blob.prototype.slice = () => { Blob.prototype.slice = slice; return new Blob(["hello, world"]); };
      return file;
    })`);
    await page.until(`${state(3)} === "failed: File is more than its 5 bytes"`);
    assertEquals(await problemsOf(page), []);
  },
});
