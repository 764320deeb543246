import { assert, assertEquals } from "@std/assert";
import { connect, type WebSocketConnection } from "../../mod.ts";
import { assertBytes } from "../_support/bytes.ts";
import { deno, denoOutput } from "../_support/child.ts";
import { soon } from "../_support/wait.ts";

const KIB = 1024;
const ID = "00000000-0000-4000-8000-000000000001";

/** The server with a folder of its own. */
async function uploads() {
  const folder = await Deno.makeTempDir({ prefix: "sluice-" });
  const child = deno(
    "run",
    "--no-prompt",
    "--allow-net=127.0.0.1",
    `--allow-read=${folder}`,
    `--allow-write=${folder}`,
    "examples/resume/server.ts",
    "0",
    folder,
  );
  const [, url, port] = await child.said(/(ws:\S+:(\d+))/);
  return {
    child,
    folder,
    url: url!,
    port: Number(port),
    async [Symbol.asyncDispose]() {
      await child[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** A proxy that cuts its first connections off, each after so many bytes of the client's. */
function cutting(port: number, cuts: number[]) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const done: Promise<unknown>[] = [];
  const carry = async (client: Deno.TcpConn, most: number) => {
    const server = await Deno.connect({ hostname: "127.0.0.1", port });
    const back = server.readable.pipeTo(client.writable).catch(() => {}); // closes both at its end
    let left = most;
    try {
      for await (const chunk of client.readable) {
        await server.write(chunk.subarray(0, left));
        if ((left -= chunk.length) <= 0) break;
      }
    } catch {
      // The client has gone.
    }
    // A half-close: to close with answers unread would reset the connection, and the server would lose what it has not read yet.
    await server.closeWrite().catch(() => {});
    await back;
  };
  const accepting = (async () => {
    for await (const conn of listener) done.push(carry(conn, cuts.shift() ?? Infinity));
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await Promise.all(done);
    },
  };
}

const content = (size: number) => Uint8Array.from({ length: size }, (_, index) => index % 251);

Deno.test("examples/resume continues after two interruptions, and the received file is the sent one", async () => {
  await using server = await uploads();
  await using proxy = cutting(server.port, [700 * KIB, 900 * KIB]);
  const bytes = content(2500 * KIB + 1);
  const path = await Deno.makeTempFile();
  await Deno.writeFile(path, bytes);
  const run = [
    "run",
    "--no-prompt",
    "--allow-net=127.0.0.1",
    `--allow-read=${path}`,
    "examples/resume/client.ts",
    path,
  ];
  const { code, stdout, stderr } = await denoOutput(...run, `ws://127.0.0.1:${proxy.port}`, ID);
  await Deno.remove(path);
  assertEquals(code, 0, stdout + stderr);
  assert(stdout.includes("They are the same"), stdout);
  const starts = Array.from(stdout.matchAll(/^From (\d+)$/gm), ([, from]) => Number(from));
  assertEquals([starts.length, starts[0]], [3, 0]);
  // The proxy cuts, and the server has all that it let through, but for what it cut in a frame.
  assert(starts[1]! > 500 * KIB && starts[1]! <= 700 * KIB, String(starts));
  assert(starts[2]! > starts[1]! + 700 * KIB && starts[2]! <= starts[1]! + 900 * KIB, String(starts));
  assertBytes(await Deno.readFile(`${server.folder}/${ID}`), bytes, "the file");
  assertEquals(Array.from(Deno.readDirSync(server.folder), ({ name }) => name), [ID]);
});

/** Says what the client says, and how the server answers, the end included. */
async function say(url: string, ...messages: (string | Uint8Array<ArrayBuffer>)[]): Promise<unknown[]> {
  const socket: WebSocketConnection = await connect(url);
  for (const message of messages) await socket.send(message).catch(() => {});
  const heard: unknown[] = [];
  try {
    for await (const message of socket) heard.push(JSON.parse(String(message)));
  } catch { /* the code says it */ }
  const { closeCode, reason } = await soon(socket.closed, "The end");
  return [...heard, closeCode, reason];
}

const head = (size: unknown, id: unknown = ID) => JSON.stringify({ id, size });

Deno.test("examples/resume refuses a chunk that is not a part of the file, never uses an id as a path, and recognizes a complete file", async () => {
  await using server = await uploads();
  for (const first of [head(1, "../../etc/passwd"), head(-1), head(1024 ** 3 + 1), "{}", "["]) {
    const [code] = await say(server.url, first);
    assertEquals(code, first === "[" ? 1007 : 1008, first);
  }
  assertEquals(await say(server.url, head(3), "text"), [{ stored: 0 }, 4000, "Expected bytes of the file"]);
  assertEquals(await say(server.url, head(3), content(4)), [{ stored: 0 }, 4000, "File is more than its 3 bytes"]);
  const sha256 = "ae4b3280e56e2faf83f414a6e3dabe9d5fbe18976544c05fed121accb85b53fc"; // of 0, 1, 2
  assertEquals(await say(server.url, head(3), content(3)), [{ stored: 0 }, { stored: 3, sha256 }, 1000, ""]);
  assertEquals(await say(server.url, head(3)), [{ stored: 3, sha256 }, 1000, ""]);
});

Deno.test("examples/resume: a second connection for the same file replaces the first", async () => {
  await using server = await uploads();
  const first = await connect(server.url);
  await first.send(head(3));
  assertEquals((await first[Symbol.asyncIterator]().next()).value, `{"stored":0}`);
  const second = await connect(server.url);
  await second.send(head(3));
  assertEquals((await soon(first.closed, "The end of the first")).closeCode, 1006);
  const reports = second[Symbol.asyncIterator]();
  assertEquals((await reports.next()).value, `{"stored":0}`);
  await second.send(content(3));
  assertEquals(JSON.parse(String((await reports.next()).value)).stored, 3);
  await second.closed;
});
