import { assertEquals } from "@std/assert";
import { createScreen, type Screen, type ScreenOptions } from "../../../lib/standalone/client/screen.ts";

/** A screen, and what was written, with the standard error marked. */
function screen(
  { terminal = false, ...options }: { terminal?: boolean } & Partial<ScreenOptions>,
): { screen: Screen; written: () => string } {
  let written = "";
  const output = (mark: string) => ({
    isTerminal: terminal,
    write: (bytes: Uint8Array) =>
      void (written += mark + Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")),
  });
  return {
    screen: createScreen({
      stdout: output(""),
      stderr: output("E:"),
      typed: terminal,
      colors: false,
      binary: false,
      hex: false,
      quiet: false,
      ...options,
    }),
    written: () => written,
  };
}

const BYTES = Uint8Array.of(0x1b, 0xff);
const VIEW = `2 bytes\n00000000  1b ff${" ".repeat(45)}|..|\n`;

Deno.test("a pipe gets messages unchanged, each followed by a line feed", async () => {
  const { screen: pipe, written } = screen({});
  await pipe.message("\x1b[31m");
  await pipe.message(BYTES);
  assertEquals(written(), "\x1b[31m\n\x1b\xff\n");
});

Deno.test("with --binary a pipe gets messages with nothing between them", async () => {
  const { screen: pipe, written } = screen({ binary: true });
  await pipe.message("a");
  await pipe.message(BYTES);
  assertEquals(written(), "a\x1b\xff");
});

Deno.test("with --hex a pipe gets binary messages in hex, and text unchanged", async () => {
  const { screen: pipe, written } = screen({ hex: true });
  await pipe.message("a");
  await pipe.message(BYTES);
  await pipe.message(new Uint8Array(0));
  assertEquals(written(), `a\n${VIEW}0 bytes\n`);
});

Deno.test("a terminal gets no control characters from the peer, whatever the options: text is escaped, bytes are in hex", async () => {
  for (const binary of [false, true]) {
    const { screen: terminal, written } = screen({ terminal: true, binary });
    await terminal.message("\x1b]0;title\x07\n> fake");
    await terminal.message(BYTES);
    terminal.news("Closed with 1000: \x1b[2J\n");
    terminal.error("\x9b2J");
    assertEquals(
      written(),
      `< \\x1b]0;title\\x07\n  > fake\n< ${VIEW}E:Closed with 1000: \\x1b[2J \nE:client: \\x9b2J\n`,
    );
  }
});

Deno.test("messages and notices appear above the prompt, which returns until the input ends", async () => {
  const { screen: terminal, written } = screen({ terminal: true });
  terminal.ask();
  await terminal.message("a");
  terminal.news("b");
  assertEquals(written(), "> \r\x1b[K< a\n> \r\x1b[KE:b\n> ");
  terminal.answered();
  await terminal.message("c");
  terminal.ask();
  terminal.askNoMore();
  terminal.ask();
  terminal.news("d");
  assertEquals(written().slice("> \r\x1b[K< a\n> \r\x1b[KE:b\n> ".length), "< c\n> \r\x1b[KE:d\n");
});

Deno.test("there is no prompt without an interactive input, or without a terminal to show it", () => {
  for (const options of [{ terminal: true, typed: false }, { terminal: false, typed: true }]) {
    const { screen: silent, written } = screen(options);
    silent.ask();
    silent.askNoMore();
    assertEquals(written(), "");
  }
});

Deno.test("colours are only for terminals, and --quiet prints only errors", async () => {
  const { screen: colorful, written } = screen({ terminal: true, colors: true });
  await colorful.message("a");
  await colorful.message(Uint8Array.of(1));
  colorful.error("b");
  const dim = (text: string) => `\x1b[2m${text}\x1b[0m`;
  const incoming = "\x1b[36m<\x1b[0m";
  assertEquals(
    written(),
    `${incoming} a\n${incoming} ${dim("1 byte")}\n${dim("00000000")}  01${
      " ".repeat(48)
    }|.|\nE:\x1b[31mclient: b\x1b[0m\n`,
  );
  const { screen: quiet, written: said } = screen({ colors: true, quiet: true });
  quiet.news("a");
  quiet.error("b");
  assertEquals(said(), "E:client: b\n");
});
