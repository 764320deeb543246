/**
 * The faults that this project answers for, by number, and which tests name them. `tests/README.md` shows the map;
 * `deno task rows` writes it anew.
 *
 * @module
 */

import { SYSTEMS } from "./systems.ts";

const ROOT = new URL("../../", import.meta.url);
const README = new URL("tests/README.md", ROOT);

/** Every row: what goes wrong. */
export const ROWS: Readonly<Record<string, string>> = {
  T1: "half-open TCP: the peer disappears silently",
  T2: "RST in the middle of a frame",
  T3: "FIN in the middle of a frame, or between frames without a close frame",
  T4: "FIN after a close frame while we still have data to send",
  T5: "a peer that does not read",
  T6: "bytes one at a time",
  T7: "a message that is never finished",
  T8: "`accept` fails because no file descriptor is free",
  T9: "`accept` fails because the client gave up",
  T10: "the event loop stalls",
  T11: "TLS fails",
  T12: "abort in the middle of a send",
  T13: "SIGTERM, SIGINT, shutdown",
  T14: "reconnect storm",
  H1: "headers that never end",
  H2: "request line or headers too large or too many",
  H3: "malformed request line or header line",
  H4: "method not GET",
  H5: "HTTP/1.0, HTTP/2 preface",
  H6: "Host missing, duplicate or invalid",
  H7: "Upgrade or Connection lacks its token",
  H8: "Sec-WebSocket-Key missing, duplicate or invalid",
  H9: "version not 13",
  H10: "a body on the upgrade; bytes behind the head are frames",
  H11: "both Content-Length and Transfer-Encoding",
  H12: "target in absolute-form",
  H13: "fragment in the target",
  H14: "Origin refused",
  H15: "credentials missing",
  H16: "subprotocol header empty, bad or duplicate; none in common",
  H17: "Extensions or Protocol header repeated",
  H18: "bad extension syntax",
  H19: "bad permessage-deflate offer",
  H20: "the application's own header value with CR, LF or NUL",
  H21: "no handler for the path",
  H22: "a handshake hook throws",
  H23: "a handshake hook hangs",
  H24: "too many connections, in total or from one address",
  H25: "path traversal in dispatch",
  F1: "unmasked client frame, masked server frame",
  F2: "reserved bit that no extension owns",
  F3: "unknown opcode",
  F4: "control frame over 125 bytes or fragmented",
  F5: "length with its highest bit set or not in its shortest form",
  F6: "announced length above the limit",
  F7: "continuation without a message; new message inside a message",
  F8: "millions of fragments, empty or not",
  F9: "fragments that add up to more than the limit",
  F10: "text that is not UTF-8",
  F11: "ping",
  F12: "ping flood",
  F13: "unsolicited or duplicate pong",
  F14: "malformed close frame",
  F15: "empty close frame",
  F16: "data, close or ping after the peer's close",
  F17: "the closing handshake stalls",
  F18: "both sides close at once",
  F19: "send after close",
  F20: "close with a code or reason that must not be sent",
  D1: "compression bomb",
  D2: "invalid compressed data",
  D3: "blocks with BFINAL, several blocks",
  D4: "empty compressed message",
  D5: "compressed fragments, control frames between",
  D6: "back-reference beyond the window, or without context takeover",
  D7: "window of 8 bits",
  D8: "uncompressed message on a negotiated connection",
  D9: "secrets compressed together with data that others choose",
  X1: "hixie: length octets that never end",
  X2: "hixie: the byte FF inside a frame with a length",
  X3: "hixie: text that never ends",
  X4: "hixie: frames of an undefined type",
  X5: "hixie: text that is not UTF-8",
  X6: "hixie: FF 00",
  X7: "hixie-76: a key without digits, without spaces or out of range",
  X8: "hixie-76: the 8 bytes behind the head late, in parts, or with frames behind them",
  X9: "hixie: the application sends binary data, fragments or a ping",
  X10: "hixie: the application sends a lone surrogate, or the byte FF",
  X11: "an old draft that is not enabled",
  X12: "hixie: nothing is masked, and a proxy's cache may be poisoned",
  A1: "a handler throws",
  A2: "a handler returns while the connection is open",
  A3: "a handler hangs",
  A4: "the passive closing hook throws or hangs",
  A5: "a handler module that cannot be loaded",
  A6: "a slow subscriber",
  A7: "a broadcast storm",
  A8: "topic names: `__proto__`, a client's wildcard, prefix tricks",
  A9: "a broker that is down, slow or reconnecting",
  A10: "a broker's message that is too large or malformed",
  A11: "subscribers that come and go",
  A12: "the end of a connection races a message",
};

/** The titles that name each row, with their file. */
export function titlesByRow(): Map<string, string[]> {
  const titles = new Map<string, string[]>();
  for (const path of testFiles("tests/")) {
    const source = Deno.readTextFileSync(new URL(path, ROOT));
    // A title is a string that begins with row numbers and a colon.
    for (
      const [, rows, title] of source.matchAll(
        /["`]((?:[THFDXA]\d+)(?:(?:, | and )(?:[THFDXA]\d+|CVE-[\d-]+))*): ((?:[^"`\\]|\\.)*)["`]/g,
      )
    ) {
      for (const row of rows!.split(/, | and /).filter((name) => !name.startsWith("CVE"))) {
        const known = titles.get(row) ?? [];
        titles.set(row, [...known, `${path.slice("tests/".length)}: ${title!.replaceAll("\\", "")}`]);
      }
    }
  }
  return titles;
}

function* testFiles(folder: string): Generator<string> {
  const entries = [...Deno.readDirSync(new URL(folder, ROOT))].toSorted((a, b) => a.name < b.name ? -1 : 1);
  for (const { name, isDirectory } of entries) {
    if (isDirectory && name !== "_support") yield* testFiles(`${folder}${name}/`);
    else if (name.endsWith(".ts")) yield `${folder}${name}`;
  }
}

/** The map as Markdown: a line for each row with the first files that name it. */
function rowsTable(): string {
  const titles = titlesByRow();
  const lines = Object.entries(ROWS).map(([row, fault]) => {
    const found = titles.get(row) ?? [];
    const files = [...new Set(found.map((title) => title.slice(0, title.indexOf(":"))))];
    const where = files.map((file) => `[${file}](${file})`).join(", ");
    return `| ${row} | ${fault} | ${found.length} | ${where} |`;
  });
  return ["| row | fault | tests | in |", "| --- | --- | --- | --- |", ...lines].join("\n");
}

/** The systems as Markdown: a line for each thing that must work. */
function systemsTable(): string {
  const lines = SYSTEMS.map(({ system, what, file, title }) =>
    `| ${system} | ${what} | [${file}](${file}): ${title.replaceAll("|", "\\|")} |`
  );
  return ["| system | feature | test |", "| --- | --- | --- |", ...lines].join("\n");
}

/** `tests/README.md` with the maps of today. */
export function readmeWithRows(): string {
  return between(between(Deno.readTextFileSync(README), "rows", rowsTable()), "systems", systemsTable());
}

/** Puts a table between its marks. It is left as it is by `deno fmt`, whose columns would change with every title. */
function between(readme: string, mark: string, table: string): string {
  const [begin, end] = [`<!-- ${mark}: begin -->`, `<!-- ${mark}: end -->`];
  const [before, rest = ""] = readme.split(begin);
  const [, after = ""] = rest.split(end);
  return `${before}${begin}\n\n<!-- deno-fmt-ignore-start -->\n\n${table}\n\n<!-- deno-fmt-ignore-end -->\n\n${end}${after}`;
}

if (import.meta.main) Deno.writeTextFileSync(README, readmeWithRows());
