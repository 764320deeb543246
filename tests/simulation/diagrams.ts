/**
 * Draws the two handshakes as they are: the closing one from its table, the opening one from the answers that a server gives. `deno
 * task diagrams` writes them into the documentation; a test keeps them true.
 *
 * @module
 */
import { CLOSE_HANDSHAKE } from "../../lib/connection/close_handshake.ts";
import { HandshakeError } from "../../lib/errors.ts";
import { accept } from "../../lib/server/accept.ts";
import type { AcceptOptions } from "../../lib/server/server_options.ts";
import { memoryPair } from "../../lib/testing/memory_pair.ts";
import { type HeadFields, requestText } from "../../lib/testing/raw_handshake.ts";

const PAGE = new URL("../../docs/explanation/handshakes.md", import.meta.url);

/** What a client may do wrong before the connection is open, or what the application may answer. */
interface Request {
  readonly what: string;
  readonly fields?: HeadFields;
  readonly line?: string;
  readonly options?: AcceptOptions;
}

/** Requests, in the order in which a server looks at them. */
const REQUESTS: readonly Request[] = [
  { what: "an HTTP version other than 1", line: "GET / HTTP/3.0" },
  { what: "a head over maxHeaderBytes", fields: { "X-Large": "x".repeat(20_000) } },
  { what: "a request line over maxStartLineBytes", line: `GET /${"x".repeat(9_000)} HTTP/1.1` },
  { what: "a header field that is malformed", fields: { "X-Bad": "a\0b" } },
  { what: "a method other than GET", line: "POST / HTTP/1.1" },
  { what: "HTTP/1.0", line: "GET / HTTP/1.0" },
  { what: "no Host", fields: { Host: undefined } },
  { what: "no Upgrade: websocket", fields: { Upgrade: undefined } },
  { what: "no Connection: Upgrade", fields: { Connection: undefined } },
  { what: "a key that is not 16 bytes", fields: { "Sec-WebSocket-Key": "short" } },
  { what: "a version other than 13", fields: { "Sec-WebSocket-Version": "12" } },
  { what: "an Origin that may not connect", fields: { Origin: "https://elsewhere.example" } },
  { what: "the upgrade hook answers with a Response", options: { upgrade: () => new Response(null, { status: 401 }) } },
  {
    what: "the upgrade hook throws",
    options: {
      upgrade: () => {
        throw new Error("a bug");
      },
    },
  },
  { what: "handshakeTimeout passes", fields: {}, line: "", options: { handshakeTimeout: 1 } },
  { what: "all is well" },
];

/** The closing handshake, as Mermaid draws state machines. */
export function closingDiagram(): string {
  const arrows = Object.entries(CLOSE_HANDSHAKE).flatMap(([state, cells]) =>
    Object.entries(cells).map(([event, { next, actions }]) =>
      `  ${state} --> ${next}: ${event}${actions.length === 0 ? "" : ` / ${actions.join(", ")}`}`
    )
  );
  return ["stateDiagram-v2", "  direction TB", "  [*] --> open", ...arrows, "  closed --> [*]"].join("\n");
}

/** The answers to an opening handshake, as Mermaid draws flow charts: one arrow for each request that was tried. */
export async function openingDiagram(): Promise<string> {
  const arrows: string[] = [];
  for (const request of REQUESTS) arrows.push(`  request -- "${request.what}" --> ${nodeOf(await answerTo(request))}`);
  return ["flowchart LR", "  request([GET, Upgrade: websocket])", ...arrows].join("\n");
}

function nodeOf(status: string): string {
  const [code] = status.split(" ");
  return `s${code}["${status}"]`;
}

/** The status line that a server answers with, without its version. */
async function answerTo({ fields = {}, line = "GET / HTTP/1.1", options = {} }: Request): Promise<string> {
  const [near, far] = memoryPair();
  const accepting = accept(near, options).then((socket) => socket.abort(), (error: unknown) => {
    if (!(error instanceof HandshakeError)) throw error;
  });
  if (line !== "") await far.write(new TextEncoder().encode(requestText(fields, line)));
  const buffer = new Uint8Array(2_000);
  const count = await far.read(buffer) ?? 0;
  far.close();
  await accepting;
  const [first = ""] = new TextDecoder().decode(buffer.subarray(0, count)).split("\r\n");
  return first.slice("HTTP/1.1 ".length);
}

/** The page with the diagrams of today. */
export async function pageWithDiagrams(): Promise<string> {
  let page = Deno.readTextFileSync(PAGE);
  for (const [mark, diagram] of [["opening", await openingDiagram()], ["closing", closingDiagram()]] as const) {
    const [begin, end] = [`<!-- ${mark}: begin -->`, `<!-- ${mark}: end -->`];
    const [before, rest = ""] = page.split(begin);
    const [, after = ""] = rest.split(end);
    page = `${before}${begin}\n\n\`\`\`mermaid\n${diagram}\n\`\`\`\n\n${end}${after}`;
  }
  return page;
}

if (import.meta.main) Deno.writeTextFileSync(PAGE, await pageWithDiagrams());
