import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  flag,
  helpLine,
  kebabCase,
  named,
  print,
  readNumber,
  readValue,
  readWords,
  StartError,
  text,
} from "../../lib/standalone/command_line.ts";

const SPECS = {
  tlsCert: text("FILE", "a certificate"),
  deflate: flag("compress"),
  quiet: { ...flag("say nothing"), short: "q" },
};

Deno.test("options are written in kebab case", () => {
  assertEquals(["port", "tlsClientCa", "maxMessageBytes", "hixie75"].map(kebabCase), [
    "port",
    "tls-client-ca",
    "max-message-bytes",
    "hixie75",
  ]);
});

Deno.test("words are read in order, options by either name, and other words if they are allowed", () => {
  const args = ["--tls-cert", "a", "x", "--tls-cert=b", "-q", "--no-deflate", "--deflate", "--", "--y"];
  assertEquals(readWords(args, SPECS, { allowNegative: true, allowPositionals: true }), {
    given: [["tlsCert", "a"], ["tlsCert", "b"], ["quiet", "true"], ["deflate", "false"], ["deflate", "true"]],
    positionals: ["x", "--y"],
  });
});

Deno.test("an unexpected word is reported in one sentence", () => {
  for (
    const [arg, message] of [
      ["--cert", "Unknown option '--cert'"],
      ["--no-deflate", "Unknown option '--no-deflate'"],
      ["x", "Unexpected argument 'x'"],
      ["--tls-cert", "Option '--tls-cert <value>' argument missing"],
      ["--deflate=yes", "Option '--deflate' does not take an argument"],
    ] as const
  ) {
    const error = assertThrows(() => readWords([arg], SPECS), StartError);
    assertEquals([error.message, error.exitCode], [message, 2]);
  }
});

Deno.test("an option reads its value, and knows its previous value", () => {
  const list = { placeholder: "N", help: "", read: (text: string, before: string[] = []) => [...before, text] };
  assertEquals(readValue(list, "b", { written: "--list b", before: ["a"] }), ["a", "b"]);
  const { message } = assertThrows(
    () => readValue(text("FILE", ""), "", { written: "--tls-cert", before: undefined }),
    StartError,
  );
  assertEquals(message, "Cannot use --tls-cert: it must not be empty");
});

Deno.test("a number is its decimal digits, or Infinity", () => {
  assertEquals(["0", "42", "Infinity", "", "0x1", "1e3", "-1", " 1"].map(readNumber), [
    0,
    42,
    Infinity,
    NaN,
    NaN,
    NaN,
    NaN,
    NaN,
  ]);
});

Deno.test("a line of the help has the names, what they do, and the default where there is one", () => {
  const line = (name: keyof typeof SPECS, initial: unknown) => helpLine(name, SPECS[name], { initial, width: 16 });
  assertEquals(line("quiet", false), "  -q, --quiet       say nothing\n");
  assertEquals(line("tlsCert", "a.pem"), "  --tls-cert FILE   a certificate (a.pem)\n");
  assertEquals(line("tlsCert", undefined), "  --tls-cert FILE   a certificate\n");
});

Deno.test("print writes everything, however little the output takes at a time", () => {
  let written = "";
  print({ writeSync: (bytes) => (written += String.fromCharCode(bytes[0]!), 1) }, "hello");
  assertEquals(written, "hello");
});

Deno.test("a missing permission is reported with its flag", async () => {
  const { message } = await assertRejects(
    () =>
      named("log-file", "a.log", () => Promise.reject(new Deno.errors.NotCapable('Requires write access to "a.log"'))),
    StartError,
  );
  assertEquals(message, "Cannot use --log-file a.log: Deno needs --allow-write=a.log for that");
});
