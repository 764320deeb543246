import { assertEquals, assertRejects } from "@std/assert";
import { StartError } from "../../lib/standalone/command_line.ts";
import { DEFAULT_OPTIONS } from "../../lib/standalone/options.ts";
import { readOptions } from "../../lib/standalone/read_options.ts";

/** A file for the length of `test`. */
async function withConfig(text: string, test: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(path, text);
    await test(path);
  } finally {
    await Deno.remove(path);
  }
}

async function complaint(...args: string[]): Promise<string> {
  const { exitCode, message } = await assertRejects(() => readOptions(args), StartError);
  assertEquals(exitCode, 2);
  return message;
}

Deno.test("without arguments every option has its default", async () => {
  assertEquals(await readOptions([]), { ...DEFAULT_OPTIONS });
});

Deno.test("the last of several values counts", async () => {
  assertEquals((await readOptions(["--handlers", "a", "--handlers=b"])).handlers, "b");
});

Deno.test("a configuration file has the same names; the command line takes precedence, flags too", async () => {
  const config = { "port": 9000, "max-message-bytes": 1024, "deflate": true, "legacy": true, "origins": ["null"] };
  await withConfig(JSON.stringify(config), async (path) => {
    const options = await readOptions(["--config", path, "--port", "9001", "--no-legacy"]);
    const { port, maxMessageBytes, deflate, legacy, origins } = options;
    assertEquals({ port, maxMessageBytes, deflate, legacy, origins }, {
      port: 9001,
      maxMessageBytes: 1024,
      deflate: true,
      legacy: false,
      origins: ["null"],
    });
  });
});

Deno.test("an unknown word, a missing value and an invalid one are reported by name", async () => {
  assertEquals(await complaint("--prt", "1"), "Unknown option '--prt'");
  assertEquals(await complaint("x"), "Unexpected argument 'x'");
  assertEquals(await complaint("--port"), "Option '--port <value>' argument missing");
  assertEquals(await complaint("--deflate=yes"), "Option '--deflate' does not take an argument");
  assertEquals(await complaint("--port", "http"), "Cannot use --port http: it must be a number from 0 to 65535");
  assertEquals(
    await complaint("--max-fragments", "0"),
    "Cannot use --max-fragments 0: it must be a whole number from 1 to 9007199254740991, or Infinity",
  );
  assertEquals(
    await complaint("--origins", "https://a.example/"),
    'Cannot use --origins https://a.example/: it is not an origin as a browser writes it, which would be "https://a.example"',
  );
});

Deno.test("a password is never shown", async () => {
  assertEquals(
    await complaint("--basic-auth", "secret"),
    "Cannot use --basic-auth: it must be USER:PASSWORD",
  );
});

Deno.test("an option that requires another one is an error without it", async () => {
  for (
    const [args, needed] of [
      [["--tls-cert", "x"], "tls-key"],
      [["--tls-key", "x"], "tls-cert"],
      [["--tls-client-ca", "x"], "tls-cert"],
      [["--map-file", "x"], "handlers"],
      [["--scan-dir", "x"], "handlers"],
      [["--watch"], "handlers"],
      [["--hixie75"], "legacy"],
    ] as const
  ) assertEquals(await complaint(...args), `Cannot use ${args[0]} without --${needed}`);
});

Deno.test("an invalid configuration file is reported with the file and the name", async () => {
  assertEquals(await complaint("--config", "no/such.json"), "Cannot use --config no/such.json: it does not exist");
  for (
    const [text, expected] of [
      ["[]", "Cannot use --config PATH: it must be an object of options"],
      [`{ "prt": 1 }`, "Unknown option 'prt' in PATH"],
      [`{ "tlsCert": "x" }`, "Unknown option 'tlsCert' in PATH"],
      [`{ "port": true }`, "Cannot use port in PATH: it must be text or a number"],
      [`{ "deflate": "yes" }`, "Cannot use deflate in PATH: it must be true or false"],
      [`{ "port": -1 }`, "Cannot use port -1 in PATH: it must be a number from 0 to 65535"],
    ] as const
  ) {
    await withConfig(text, async (path) => {
      assertEquals(await complaint("--config", path), expected.replace("PATH", path));
    });
  }
  await withConfig("{ port: 1 }", async (path) => {
    const message = await complaint("--config", path);
    assertEquals(message.startsWith(`Cannot use --config ${path}: `), true, message);
  });
});

Deno.test("--help is shown whatever the configuration file contains", async () => {
  assertEquals((await readOptions(["--help", "--config", "no/such.json"])).help, true);
});
