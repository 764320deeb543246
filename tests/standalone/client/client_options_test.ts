import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  CLIENT_OPTIONS,
  clientUsage,
  DEFAULT_CLIENT_OPTIONS,
  readClientOptions,
} from "../../../lib/standalone/client/client_options.ts";
import { kebabCase, StartError } from "../../../lib/standalone/command_line.ts";

const URL_HERE = "ws://127.0.0.1:8080/echo";

Deno.test("a URL is enough: every option has its default", () => {
  assertEquals(readClientOptions([URL_HERE]), { options: { ...DEFAULT_CLIENT_OPTIONS }, url: URL_HERE });
});

Deno.test("options are read by type, before or after the URL; header fields and subprotocols accumulate", () => {
  const { options, url } = readClientOptions([
    ...["-H", "Cookie: a=b: c", "--protocol", "chat", URL_HERE, "--header=X-Empty:", "--protocol", "v2", "--deflate"],
    ...[
      "--ca",
      "ca.pem",
      "--proxy",
      "http://127.0.0.1:3128",
      "--timeout",
      "2.5",
      "--ping",
      "20",
      "--binary",
      "--hex",
      "--one",
      "--no-close",
    ],
    ...["--linger", "0", "--close", "4000", "-q"],
  ]);
  assertEquals(url, URL_HERE);
  assertEquals(options, {
    header: [["Cookie", "a=b: c"], ["X-Empty", ""]],
    protocol: ["chat", "v2"],
    deflate: true,
    ca: "ca.pem",
    proxy: "http://127.0.0.1:3128",
    timeout: 2_500,
    ping: 20_000,
    binary: true,
    hex: true,
    one: true,
    noClose: true,
    linger: 0,
    close: 4000,
    quiet: true,
    help: false,
  });
});

Deno.test("an error names the option", () => {
  for (
    const [args, message] of [
      [[], "The URL to connect to is missing"],
      [[URL_HERE, "x"], "Unexpected argument 'x': there can be only one URL"],
      [["ftp://example.com"], 'Cannot use URL scheme "ftp:": it must be ws or wss'],
      [["--prt", URL_HERE], "Unknown option '--prt'"],
      [["--no-deflate", URL_HERE], "Unknown option '--no-deflate'"],
      [["--ping", "soon", URL_HERE], "Cannot use --ping soon: it must be a number from 0 to 2147483.647"],
      [["--timeout", "9999999", URL_HERE], "Cannot use --timeout 9999999: it must be a number from 0 to 2147483.647"],
      [["--close", "1006", URL_HERE], "Cannot use --close 1006: it must be 1000-1003, 1007-1014 or 3000-4999"],
      [["--protocol", "", URL_HERE], "Cannot use --protocol : it must not be empty"],
    ] as const
  ) {
    const error = assertThrows(() => readClientOptions(args), StartError);
    assertEquals([error.message, error.exitCode], [message, 2]);
  }
});

Deno.test("an invalid header field is refused and not shown, because it may be a password", () => {
  for (
    const [field, reason] of [["secret", "separated by a colon"], [": secret", "a colon"], [
      "a b: secret",
      "characters",
    ]]
  ) {
    const { message } = assertThrows(() => readClientOptions(["-H", field!, URL_HERE]), StartError);
    assertStringIncludes(message, "Cannot use --header: it");
    assertStringIncludes(message, reason!);
    assertEquals(message.includes("secret"), false);
  }
});

Deno.test("the help needs no URL, and has a line for each option, in columns, with defaults in the unit that is written", () => {
  assertEquals(readClientOptions(["--help"]).options.help, true);
  const help = clientUsage();
  const lines = help.split("\n").filter((line) => /^ {2}(-.*)?--/.test(line));
  assertEquals(
    lines.map((line) => /--([a-z-]+)/.exec(line)?.[1]).toSorted(),
    Object.keys(CLIENT_OPTIONS).map(kebabCase).toSorted(),
  );
  const column = lines[0]!.indexOf("add a header");
  for (const line of lines) assert(line[column] !== " " && line[column - 1] === " " && line.length <= 110, line);
  for (const initial of ["limit (10)", "answer (1)", "send (1000)"]) assertStringIncludes(help, initial);
  for (const line of help.split("\n")) assert(line.length <= 120, line);
  assertStringIncludes(help, "\nExit status: 0 if");
});
