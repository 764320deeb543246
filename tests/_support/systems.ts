/**
 * The five earlier systems that this project covers, what of each must work here, and the test that shows it.
 *
 * @module
 */

/** One thing that must work. */
export interface SystemRow {
  /** Where it comes from. */
  readonly system: string;
  /** What it is. */
  readonly what: string;
  /** The test file, below `tests/`. */
  readonly file: string;
  /** The test's title, as it stands in the source. */
  readonly title: string;
}

const rows = (system: string, ...list: [what: string, file: string, title: string][]): SystemRow[] =>
  list.map(([what, file, title]) => ({ system, what, file, title }));

/** Every row. */
export const SYSTEMS: readonly SystemRow[] = [
  ...rows(
    "rpz.websocket (2010)",
    [
      "hixie-75 handshake: `WebSocket-Origin`, `WebSocket-Location`",
      "legacy/hixie_handshake_test.ts",
      "hixie-75: the exchange of rpz.websocket's documentation, with the status line that hixie-75's clients compare",
    ],
    [
      "hixie-76: keys 1 and 2, 8-byte body, MD5 answer",
      "legacy/hixie_handshake_test.ts",
      "hixie-76: the response is that of rpz.websocket's documentation, byte by byte",
    ],
    [
      "`0x00…0xFF` text frames, a persistent two-way connection",
      "legacy/serve_test.ts",
      "${version}: the documents' handshake, messages and the end, byte by byte, with ${what}",
    ],
    [
      "routing messages to clients",
      "legacy/serve_test.ts",
      "messages are routed between clients of every protocol, each in its own frames, and to some clients only",
    ],
  ),
  ...rows(
    "Serve WebSocket (2013)",
    ["accept key", "handshake/accept_key_test.ts", "the key of RFC 6455 §1.3 has the accept value that is given there"],
    ["the RFC's example frames", "pipeline/frames/frame_parser_test.ts", "a parser reads ${name}"],
    [
      "establishing a connection with no network, requests and responses modelled",
      "handshake/client_handshake_test.ts",
      "a client's request and a server's response arrive on the other side",
    ],
    [
      "receiving",
      "pipeline/messages/message_assembler_test.ts",
      "a text frame is a string, a binary frame its bytes, uncopied",
    ],
    [
      "sending, establishing a connection",
      "examples/echo_test.ts",
      "examples/${example}.ts echoes text and binary messages, answers pings and the closing handshake",
    ],
    [
      "serving a page whose script connects",
      "standalone/main_test.ts",
      "serve prints one line with the address for a browser, echoes on /echo and shows the console on /",
    ],
  ),
  ...rows(
    "mod_pywebsocket for Apache (2009)",
    [
      "handlers as files, found by resource name under a root, scanned at start",
      "handlers/handler_directory_test.ts",
      "handlers are found by resource name below the root, and the query is ignored",
    ],
    [
      "limiting the scan",
      "handlers/find_handlers_test.ts",
      "scanDir limits the search, and resource names are still relative to the root",
    ],
    [
      "extra handshake that may refuse by throwing",
      "handlers/handler_directory_test.ts",
      "H22: doExtraHandshake refuses with any status, by throwing or with a Response",
    ],
    [
      "`ws_location`, `ws_origin`, `ws_protocol`, `ws_resource`",
      "handlers/handler_request_test.ts",
      "a request has mod_pywebsocket's properties: resource, location, origin, version, and the header fields and address",
    ],
    [
      "draft-75 switch",
      "legacy/serve_test.ts",
      "X11, X12: hixie-75 stays off until it is enabled by name",
    ],
    ["running behind Apache", "integration/_proxies.ts", "behind ${name}, ${title}"],
    [
      "running inside an existing HTTP server",
      "node/serve_node_test.ts",
      "${name}: Sluice serves WebSockets, and the server keeps its ordinary requests",
    ],
  ),
  ...rows(
    "mod_pywebsocket standalone (2011)",
    ["command-line server", "standalone/main_test.ts", "a taken port prints one clear line, with exit code 1"],
    ["echo console page", "standalone/site_test.ts", "the console is on / and on /console"],
    [
      "the three handler functions",
      "handlers/handler_module_test.ts",
      "a handler must have transferData, and may have doExtraHandshake and passiveClosingHandshake",
    ],
    [
      "all `ws_*` properties",
      "handlers/handler_directory_test.ts",
      "the names of mod_pywebsocket work, from the handshake's header fields to the answer to a close",
    ],
    [
      "choosing a subprotocol",
      "handlers/handler_directory_test.ts",
      "doExtraHandshake chooses the subprotocol, and transferData sees the agreed values",
    ],
    [
      "`receive_message`",
      "handlers/handler_stream_test.ts",
      "receiveMessage returns text as strings and binary data as bytes, also empty ones, and null when the client closes",
    ],
    [
      "`send_message`",
      "handlers/handler_stream_test.ts",
      "sendMessage sends a string as text and bytes as binary data, unless the binary argument overrides it",
    ],
    [
      "`close_connection` waits for the acknowledgement",
      "handlers/handler_stream_test.ts",
      "closeConnection sends the code and the reason, and waits for the acknowledgement",
    ],
    [
      "and throws on a bad one",
      "handlers/handler_stream_test.ts",
      "closeConnection throws for an invalid acknowledgement",
    ],
    [
      "passive closing hook that returns code and reason",
      "handlers/handler_directory_test.ts",
      "passiveClosingHandshake chooses the answer to a close (${query})",
    ],
    [
      "extension processors that a handler may configure",
      "handlers/handler_directory_test.ts",
      "doExtraHandshake may remove an extension, and transferData sees the agreed ones",
    ],
    [
      "many clients at once",
      "handlers/handler_directory_test.ts",
      "many clients at once each have their own handler call",
    ],
  ),
  ...rows(
    "noio_ws (2017)",
    [
      "sans-I/O client and server",
      "pipeline/frames/frame_parser_test.ts",
      "a parser reads random conversations like the naive decoder, however they are cut",
    ],
    [
      "the states open, closing, closed",
      "simulation/close_search_test.ts",
      "the closing handshake holds for every order of events: both ends ${what}",
    ],
    [
      "control frames between fragments",
      "pipeline/messages/message_assembler_test.ts",
      "control frames pass beside the batch in the order of the wire, and affect no message",
    ],
    [
      "RSV bits and custom opcodes 3–7 and 11–15, on one connection and no other",
      "extensions/extension_test.ts",
      "a ${role} takes opcode ${opcode} on the connection whose extension owns it, and on no other",
    ],
    [
      "handshake helpers for both sides, subprotocols and extensions",
      "handshake/server_handshake_test.ts",
      "the response carries the accepted extensions and the application's fields",
    ],
  ),
];
