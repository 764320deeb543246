import { assert, assertEquals, assertInstanceOf, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import type { ConnectOptions } from "../../lib/client/client_options.ts";
import { loadHandlers } from "../../lib/handlers/mod.ts";
import { accept } from "../../lib/server/accept.ts";
import { utf8 } from "../_support/frames.ts";
import { connPair } from "../_support/pair.ts";
import { close, RawPeer, requestText, text } from "../_support/raw_peer.ts";
import { soon, until } from "../_support/wait.ts";
import { FIXTURES, folder, type Served, served } from "./_support.ts";

/** The only message that a handler sends before it returns. */
async function answer({ server }: Served, resource: string, options?: ConnectOptions): Promise<string> {
  const socket = await connect(server.url + resource, options);
  const messages = await soon(Array.fromAsync(socket), "The end");
  assertEquals(messages.length, 1);
  return String(messages[0]);
}

/** A raw client of a resource. */
async function dial({ port }: Served, resource: string): Promise<RawPeer> {
  const peer = await RawPeer.dial(port);
  await peer.ask(requestText({}, `GET ${resource} HTTP/1.1`));
  return peer;
}

/** The refusal that a raw client gets. */
async function refusal({ port }: Served, target: string): Promise<string> {
  using peer = await RawPeer.dial(port);
  await peer.send(utf8(requestText({}, `GET ${target} HTTP/1.1`)));
  return await peer.readText();
}

Deno.test("handlers are found by resource name below the root, and the query is ignored", async () => {
  await using handlers = await served();
  assertEquals(await answer(handlers, "/plain"), "plain /plain");
  assertEquals(await answer(handlers, "/plain?x=1/../2"), "plain /plain?x=1/../2");
  assertEquals(await answer(handlers, "/sub/plain"), "sub plain");
});

Deno.test("A5: a broken file causes a warning with its name, and the other files load", async () => {
  const { directory, warnings } = await served().then(async (handlers) => {
    await handlers.server.shutdown();
    return handlers;
  });
  const { pathname } = FIXTURES;
  assertEquals(warnings, [
    `${pathname}blank_wsh.ts is skipped: transferData is missing`,
    `${pathname}sub/non_callable_hook_wsh.ts is skipped: passiveClosingHandshake is not a function`,
    `${pathname}sub/non_callable_wsh.ts is skipped: transferData is not a function`,
    `${pathname}sub/throws_at_load_wsh.ts is skipped: Nothing works here`,
  ]);
  assertEquals(directory.resources.filter((name) => name.startsWith("/sub/")), ["/sub/plain"]);
});

Deno.test("A5: a file that does not parse, or has a missing import, causes a one-line warning with the cause", async () => {
  await using root = await folder({
    "good_wsh.js": "export function transferData() {}",
    "syntax_wsh.ts": "export function transferData( {",
    "import_wsh.js": 'import "./not_there.js"; export function transferData() {}',
  });
  const warnings: Error[] = [];
  const { resources } = await loadHandlers({ root: root.path, onWarning: (warning) => void warnings.push(warning) });
  assertEquals(resources, ["/good"]);
  assertEquals(warnings.length, 2);
  assertMatch(warnings[0]!.message, /\/import_wsh\.js is skipped: .*not_there\.js.*$/);
  assertMatch(warnings[1]!.message, /\/syntax_wsh\.ts is skipped: .*[^\n]$/);
  for (const { message, cause } of warnings) {
    assert(!message.includes("\n"));
    assertInstanceOf(cause, Error);
  }
});

Deno.test("A5: warnings are printed if there is no hook for them", async () => {
  await using root = await folder({ "blank_wsh.js": "" });
  const printed: unknown[] = [];
  const { warn } = globalThis.console;
  globalThis.console.warn = (...args) => void printed.push(...args);
  try {
    await loadHandlers({ root: root.path });
  } finally {
    globalThis.console.warn = warn;
  }
  assertEquals(printed, [`${root.path}/blank_wsh.js is skipped: transferData is missing`]);
});

Deno.test("root and mapFile are paths or file URLs", async () => {
  const onWarning = () => {};
  const byUrl = await loadHandlers({ root: FIXTURES, mapFile: new URL("map.txt", FIXTURES), onWarning });
  const byPath = await loadHandlers({ root: FIXTURES.pathname, mapFile: `${FIXTURES.pathname}map.txt`, onWarning });
  assertEquals(byPath.resources, byUrl.resources);
  assert(byUrl.resources.includes("/again"));
});

Deno.test("a missing root and a scanDir outside the root are errors", async () => {
  await assertRejects(() => loadHandlers({ root: new URL("nowhere/", FIXTURES) }), Deno.errors.NotFound);
  await assertRejects(() => loadHandlers({ root: FIXTURES, scanDir: ".." }), RangeError);
  await assertRejects(
    () => loadHandlers({ root: FIXTURES, scanDir: "sub", mapFile: new URL("nowhere", FIXTURES), onWarning() {} }),
    Deno.errors.NotFound,
  );
});

Deno.test("aliases from a map file and from the options add names to a resource; an alias without a target causes a warning", async () => {
  await using handlers = await served({
    root: FIXTURES,
    scanDir: ".",
    mapFile: new URL("map.txt", FIXTURES),
    aliases: { "/by-option": "/plain", "/neither": "/nor" },
  });
  assertEquals(await answer(handlers, "/"), "plain /");
  assertEquals(await answer(handlers, "/sub"), "sub plain");
  assertEquals(await answer(handlers, "/again"), "sub plain");
  assertEquals(await answer(handlers, "/by-option"), "plain /by-option");
  const map = `${FIXTURES.pathname}map.txt`;
  assertEquals(handlers.warnings.filter((warning) => !warning.includes("_wsh")), [
    `${map}: Line 8 is skipped: it must be an alias and a resource name, not "/one"`,
    `${map}: Line 9 is skipped: it must be an alias and a resource name, not "/a /b /c"`,
    "Alias /neither is skipped: there is no handler for /nor",
    "Alias /nowhere is skipped: there is no handler for /not/there",
    "Alias /refuse is skipped: it has a handler",
  ]);
});

Deno.test("H21: a resource without a handler is refused with 404", async () => {
  await using handlers = await served();
  for (const resource of ["/", "/nothing", "/sub", "/sub/", "/sub/no_wsh_at_the_end", "/sub/non_callable", "/PLAIN"]) {
    assertMatch(await refusal(handlers, resource), /^HTTP\/1\.1 404 Not Found\r\n/, resource);
  }
  assertEquals(await handlers.errors(), []);
});

Deno.test("H25: a request path is compared exactly and never used as a file path: it is not decoded, normalized or completed", async () => {
  await using handlers = await served({ root: FIXTURES, scanDir: "sub" });
  for (
    const target of [
      "/plain", // there, but outside of scanDir
      "//sub/plain",
      "/sub//plain",
      "/sub/plain/",
      "/sub%2Fplain",
      "/sub/%70lain",
      "/sub/plain_wsh.mjs",
      "/sub/plain%00",
      FIXTURES.pathname + "sub/plain",
      "/__proto__",
      "/constructor",
    ]
  ) assertMatch(await refusal(handlers, target), /^HTTP\/1\.1 404 /, target);
  for (
    const target of [
      "sub/plain",
      "/sub/../plain",
      "/sub/../sub/plain",
      "/sub/./plain",
      "/sub/%2e/plain",
      "/sub\\plain",
      "/../fixtures/sub/plain",
    ]
  ) assertMatch(await refusal(handlers, target), /^HTTP\/1\.1 400 /, target);
});

Deno.test("a target in absolute-form is looked up by its path", async () => {
  await using handlers = await served();
  using peer = await RawPeer.dial(handlers.port);
  await peer.ask(requestText({}, "GET http://127.0.0.1/plain HTTP/1.1"));
  await peer.expect(text("plain /plain"));
});

Deno.test("H22: doExtraHandshake refuses with any status, by throwing or with a Response", async () => {
  await using handlers = await served();
  assertMatch(await refusal(handlers, "/refuse?by=refuse"), /^HTTP\/1\.1 418 [^]*\r\n\r\nI am a teapot\n$/);
  assertMatch(await refusal(handlers, "/refuse?by=error"), /^HTTP\/1\.1 402 [^]*x-price: 1\r\n[^]*Pay first\n$/i);
  assertMatch(
    await refusal(handlers, "/refuse?by=response"),
    /^HTTP\/1\.1 401 [^]*www-authenticate: Basic\r\n[^]*Who are you\?$/i,
  );
  assertMatch(await refusal(handlers, "/refuse?by=abort"), /^HTTP\/1\.1 403 /);
  assertEquals(await handlers.errors(), []);
});

Deno.test("H22: any other error in doExtraHandshake is the server's: 500, and it is reported", async () => {
  await using handlers = await served();
  const told = await refusal(handlers, "/exception_in_handshake");
  assertMatch(told, /^HTTP\/1\.1 500 /);
  assert(!told.includes("bug"));
  assertEquals((await handlers.errors()).map(String), ["Error: A bug in the handshake"]);
});

Deno.test("doExtraHandshake chooses the subprotocol, and transferData sees the agreed values", async () => {
  await using handlers = await served();
  const protocols = ["chat", "superchat"];
  const socket = await connect(`${handlers.server.url}/protocol?choose=superchat`, { protocols });
  assertEquals(socket.protocol, "superchat");
  assertEquals(await Array.fromAsync(socket), [
    '{"protocol":"superchat","requestedProtocols":["chat","superchat"]}',
  ]);
  assertEquals(await answer(handlers, "/protocol"), '{"protocol":null,"requestedProtocols":[]}');
});

Deno.test("choosing a subprotocol that was not requested is the handler's error: 500, and it is reported", async () => {
  await using handlers = await served();
  assertMatch(await refusal(handlers, "/protocol?choose=chat"), /^HTTP\/1\.1 500 /);
  assertInstanceOf((await handlers.errors())[0], TypeError);
});

Deno.test("if doExtraHandshake chooses no subprotocol, the server's protocols decide", async () => {
  await using handlers = await served(undefined, { protocols: ["chat"] });
  assertEquals(
    await answer(handlers, "/protocol", { protocols: ["chat"] }),
    '{"protocol":"chat","requestedProtocols":["chat"]}',
  );
});

Deno.test("doExtraHandshake may remove an extension, and transferData sees the agreed ones", async () => {
  await using handlers = await served(undefined, { perMessageDeflate: true });
  const ask = async (resource: string) => JSON.parse(await answer(handlers, resource, { perMessageDeflate: true }));
  const requested = ["permessage-deflate", "permessage-deflate"];
  assertEquals(await ask("/extensions"), { requested, extensions: ["permessage-deflate"], deflate: true });
  assertEquals(await ask("/extensions?none"), { requested, extensions: [], deflate: false });
});

Deno.test("the names of mod_pywebsocket work, from the handshake's header fields to the answer to a close", async () => {
  await using handlers = await served();
  using peer = await RawPeer.dial(handlers.port);
  assertStringIncludes(await peer.ask(requestText({}, "GET /old_names HTTP/1.1")), "x-old: yes\r\n");
  await peer.send(text("ignored"), close(4321));
  await peer.expect(close(4000, "you said 4321"));
});

Deno.test("A2: when transferData returns, the connection is closed with 1000", async () => {
  await using handlers = await served();
  using peer = await dial(handlers, "/plain");
  await peer.expect(text("plain /plain"), close(1000));
  await peer.send(close(1000));
  await peer.expectEnd();
  peer.close();
  assertEquals(await handlers.errors(), []);
});

Deno.test("A1: when transferData throws, the connection is closed with 1011, it is reported, and others go on", async () => {
  await using handlers = await served();
  using other = await dial(handlers, "/exception_in_transfer");
  using peer = await dial(handlers, "/exception_in_transfer");
  await peer.send(text("one"));
  await peer.expect(close(1011));
  await peer.send(close(1011));
  await peer.expectEnd();
  peer.close();
  await other.send(text("two"));
  await other.expect(close(1011));
  other.close();
  assertEquals((await handlers.errors()).map(String), [
    "Error: A bug in the transfer of one",
    "Error: A bug in the transfer of two",
  ]);
});

Deno.test("A1: a HandlerAbortError drops the connection without a close frame, and is not reported", async () => {
  await using handlers = await served();
  using peer = await dial(handlers, "/abort");
  await peer.expectEnd();
  peer.close();
  assertEquals(await handlers.errors(), []);
});

for (
  const [query, reply] of [
    ["tuple", close(4001, "4321 bye")],
    ["object", close(4002, "4321 bye")],
    ["code", close(4003)],
    ["empty", close()],
    ["nothing", close(4321)],
  ] as const
) {
  Deno.test(`passiveClosingHandshake chooses the answer to a close (${query})`, async () => {
    await using handlers = await served();
    using peer = await dial(handlers, `/closing?${query}`);
    await peer.send(close(4321, "bye"));
    await peer.expect(reply);
    await peer.expectEnd();
    peer.close();
    assertEquals(await handlers.errors(), []);
  });
}

for (const [query, error] of [["throw", /A bug in the closing/], ["bad", /Cannot send close code 1006/]] as const) {
  Deno.test(`A4: if passiveClosingHandshake fails, the answer is 1011 and the error is reported (${query})`, async () => {
    await using handlers = await served();
    using peer = await dial(handlers, `/closing?${query}`);
    await peer.send(close(4321));
    await peer.expect(close(1011));
    await peer.closeWrite();
    await peer.expectEnd();
    assertMatch((await handlers.errors()).map(String).join(), error);
  });
}

Deno.test("A4: a HandlerAbortError in passiveClosingHandshake drops the connection without an answer", async () => {
  await using handlers = await served();
  using peer = await dial(handlers, "/closing?abort");
  await peer.send(close(4321));
  await peer.expectEnd();
  peer.close();
  assertEquals(await handlers.errors(), []);
});

Deno.test("A4: if passiveClosingHandshake hangs, the connection is dropped after closeTimeout, and the handler ends", async () => {
  await using handlers = await served(undefined, { closeTimeout: 100 });
  using peer = await dial(handlers, "/closing?hang");
  await peer.send(close(4321));
  await peer.expectEnd();
  peer.close();
  assertEquals(await handlers.errors(), []);
});

Deno.test("passiveClosingHandshake is not called if the server closes first", async () => {
  await using handlers = await served();
  using peer = await dial(handlers, "/closing?throw");
  void handlers.server.shutdown({ code: 1012 });
  await peer.expect(close(1012));
  await peer.send(close(1012));
  await peer.closeWrite();
  assertEquals(await handlers.errors(), []);
});

Deno.test("A3: the signal tells a handler that never receives about the end", async () => {
  await using handlers = await served();
  using peer = await dial(handlers, "/wait");
  await peer.expect(text("ready"));
  assertEquals([...handlers.server.connections].map(({ data }) => data?.request.resource), ["/wait"]);
  peer.close();
  await until(() => handlers.server.connections.size === 0, "The end of the connection");
  await soon(handlers.server.shutdown(), "The end of the handler");
});

Deno.test("many clients at once each have their own handler call", async () => {
  await using handlers = await served();
  const resources = Array.from({ length: 50 }, (_, i) => `/plain?${i}`);
  assertEquals(
    await Promise.all(resources.map((name) => answer(handlers, name))),
    resources.map((name) => `plain ${name}`),
  );
});

Deno.test("a directory also serves connections that were accepted elsewhere", async () => {
  const { upgrade, handler } = await loadHandlers({ root: FIXTURES, onWarning() {} });
  const [near, far] = connPair();
  const peer = new RawPeer(far, "client");
  const accepting = accept(near, { upgrade });
  await peer.ask(requestText({}, "GET /plain HTTP/1.1"));
  const socket = await accepting;
  await handler(socket);
  await peer.expect(text("plain /plain"));
  socket.abort();
});

Deno.test("a connection that the directory's upgrade did not accept has no handler", async () => {
  const { handler } = await loadHandlers({ root: FIXTURES, scanDir: "sub", onWarning() {} });
  const [near, far] = connPair();
  const accepting = accept<never>(near);
  await new RawPeer(far, "client").ask(requestText());
  const socket = await accepting;
  await assertRejects(() => handler(socket), TypeError, "did not choose one");
  socket.abort();
});
