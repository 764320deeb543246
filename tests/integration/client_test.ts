/**
 * The command-line client as a user runs it, against servers that we did not write: `npm:ws`, and Python's `websockets`; and on
 * a terminal, which Python makes.
 *
 * @module
 */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { within } from "../_support/deadline.ts";
import { unless } from "../_support/needs.ts";
import { CLIENT, runClient } from "../standalone/client/_support.ts";
import { NO_PYTHON, PYTHON, pythonServer } from "./_python.ts";
import { wsProcess } from "./_ws_process.ts";

Deno.test("the client talks to a server of ws", async (t) => {
  await using server = await wsProcess();
  const at = (path: string) => `ws://127.0.0.1:${server.port}${path}`;

  await t.step("lines are echoed, empty and long ones, in order, before it closes and exits with 0", async () => {
    const input = Array.from({ length: 200 }, (_, i) => `${i} ${"€".repeat(i * 10)}`).join("\n\n") + "\n";
    const { code, stdout, stderr } = await runClient([at("/echo")], { input });
    assertEquals([code, stderr], [0, `Connected to ${at("/echo")}\nClosed with 1000\n`]);
    assertEquals(stdout === input, true);
  });

  await t.step("a pipe gets no colours and no prompt, whatever the environment contains", async () => {
    const { stdout, stderr } = await runClient([at("/echo")], { input: "x\n", env: { FORCE_COLOR: "1" } });
    assertEquals([stdout, stderr.includes("\x1b"), stderr.includes(">")], ["x\n", false, false]);
  });

  await t.step("header fields, subprotocols and compression arrive", async () => {
    const args = ["--header", "X-One: 1", "-H", "Cookie: a=1; b=2", "--protocol", "v1", "--protocol", "v2", "--one"];
    const { code, stdout, stderr } = await runClient([...args, at("/about")]);
    const { protocol, headers } = JSON.parse(stdout);
    assertEquals([code, protocol, headers["x-one"], headers.cookie], [0, "v2", "1", "a=1; b=2"]);
    assertStringIncludes(stderr, "(v2)\n");
  });

  await t.step("--hex shows binary messages in hex, and without it they are written unchanged", async () => {
    const url = at("/say?hex=48656c6c6f0aff");
    const { stdout } = await runClient(["--hex", "--one", "-q", url]);
    assertEquals(stdout, `7 bytes\n00000000  48 65 6c 6c 6f 0a ff${" ".repeat(30)}|Hello..|\n`);
    const { bytes } = await runClient(["--binary", "--one", "-q", url]);
    assertEquals([...bytes], [0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x0a, 0xff]);
  });

  await t.step("the exit code shows how the connection ended", async () => {
    for (
      const [path, expected, told] of [
        ["/close?code=1000&reason=done", 0, "Closed with 1000: done"],
        ["/close", 0, "Closed with no code"],
        ["/close?code=1011", 3, "Closed with 1011"],
        ["/close?code=4001&reason=bye", 3, "Closed with 4001: bye"],
        ["/drop", 3, "client: Lost the connection: The connection ended without a close frame"],
        ["/refuse", 1, "client: Server answered 403, not 101: Not you, \\x1b[31mnot now"],
      ] as const
    ) {
      const { code, stderr } = await runClient(["--no-close", at(path)]);
      assertEquals([code, stderr.trimEnd().split("\n").at(-1)], [expected, told], path);
    }
  });

  await t.step("--ping prints round trips", async () => {
    const { stderr } = await runClient(["--ping", "0.05", "--linger", "0.3", at("/echo")]);
    assertMatch(stderr, /(Pong after \d+\.\d ms\n){2}/);
  });
});

Deno.test({
  ...unless(NO_PYTHON, `the client talks to a server of Python's websockets, with compression`),
  async fn() {
    await using server = await pythonServer<[number]>("websockets_echo.py", "server", "[{}]");
    const input = `hello\nzwölf €\n${"long ".repeat(10_000)}\n`;
    const { code, stdout, stderr } = await runClient(["--deflate", `ws://127.0.0.1:${server.ports[0]}/`], { input });
    assertEquals([code, stdout === input], [0, true]);
    assertMatch(stderr, /^Connected to \S+ \(permessage-deflate.*\)\nClosed with 1000\n$/);
  },
});

Deno.test({
  ...unless(
    NO_PYTHON,
    `on a terminal the client prompts, escapes received control characters, has colours, and closes on Ctrl-C`,
  ),
  async fn() {
    await using server = await wsProcess();
    for (const color of [true, false]) {
      const { NO_COLOR: _, ...env } = Deno.env.toObject();
      const run = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
      const child = new Deno.Command(PYTHON, {
        args: ["-c", run, Deno.execPath(), ...CLIENT, `ws://127.0.0.1:${server.port}/echo`],
        cwd: new URL("../..", import.meta.url),
        clearEnv: true,
        env: { ...env, ...(color ? {} : { NO_COLOR: "1" }) },
        stdin: "piped",
        stdout: "piped",
      }).spawn();
      const typing = child.stdin.getWriter();
      const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      let shown = "";
      const see = async (pattern: RegExp) => {
        while (!pattern.test(shown)) {
          const { done, value } = await within(output.read(), 20_000, `${pattern} in ${JSON.stringify(shown)}`);
          assertEquals(done, false, `${pattern} in ${JSON.stringify(shown)}`);
          shown += value;
        }
      };
      const type = (text: string) => typing.write(new TextEncoder().encode(text));
      try {
        await see(/Connected to .*\r\n> $/);
        await type("hello\n");
        await see(/hello\r\n[^]*hello\r\n> $/); // as it was typed, and as it came back
        await type("\x16\x1b[2J\n"); // Ctrl-V, so that the terminal takes the escape itself as typed
        await see(/\\x1b\[2J\r\n> $/);
        await type("\x03");
        await see(/Closed with 1000/);
        assertEquals((await within(child.status, 20_000)).code, 0);
      } finally {
        await typing.close().catch(() => {});
        while (!(await output.read()).done);
      }
      assertEquals(shown.includes("\x1b[2J"), false);
      assertEquals(shown.includes("\x1b[36m<\x1b[0m hello"), color, JSON.stringify(shown));
      assertEquals(shown.includes("< hello"), !color, JSON.stringify(shown));
    }
  },
});
