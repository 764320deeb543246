import { assertEquals } from "@std/assert";
import { connect } from "../../mod.ts";
import { deno, denoOutput } from "../_support/child.ts";
import { soon } from "../_support/wait.ts";

const RUN = ["run", "--no-prompt", "--allow-net=127.0.0.1", "examples/json_rpc.ts", "0"];

Deno.test("examples/json_rpc.ts calls in both directions, in batches, and returns errors", async () => {
  const { code, stdout } = await denoOutput(...RUN, "talk");
  assertEquals([code, stdout.split("\n").slice(1)], [0, [
    "sum: 6",
    "welcome: Hello Ada",
    "sum: error -32602, Invalid params",
    "divide: 0.5",
    "divide: Cannot divide by 0",
    "",
  ]]);
});

Deno.test("examples/json_rpc.ts answers as JSON-RPC 2.0 shows in its section 7", async (t) => {
  await using child = deno(...RUN);
  const [, url] = await child.said(/(ws:\S+)/);
  const socket = await connect(url!);
  const answers = socket[Symbol.asyncIterator]();
  const call = (id: unknown, method: unknown, params?: unknown) => ({ jsonrpc: "2.0", id, method, params });
  const failed = (code: number, message: string, id: unknown = null) => ({
    jsonrpc: "2.0",
    id,
    error: { code, message },
  });
  const parseError = failed(-32700, "Parse error");
  const invalid = failed(-32600, "Invalid Request");
  const rows: [string, string | Uint8Array<ArrayBuffer>, unknown][] = [
    ["a call", JSON.stringify(call(1, "sum", [42, 23])), { jsonrpc: "2.0", id: 1, result: 65 }],
    ["an id that is text", JSON.stringify(call("a", "sum", [])), { jsonrpc: "2.0", id: "a", result: 0 }],
    ["a method that there is not", JSON.stringify(call("1", "foobar")), failed(-32601, "Method not found", "1")],
    ["a name of every object", JSON.stringify(call(2, "__proto__")), failed(-32601, "Method not found", 2)],
    ["params that do not fit", JSON.stringify(call(3, "sum", { a: 1 })), failed(-32602, "Invalid params", 3)],
    ["an error of the method's own", JSON.stringify(call(4, "divide", [1, 0])), failed(1, "Cannot divide by 0", 4)],
    ["no JSON", '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', parseError],
    ["bytes", Uint8Array.of(1, 2), parseError],
    ["no request", '{"jsonrpc": "2.0", "method": 1, "params": "bar"}', invalid],
    ["another version", JSON.stringify({ id: 1, method: "sum", params: [] }), invalid],
    ["an empty batch", "[]", invalid],
    ["a batch of nonsense", "[1, 2, null]", [invalid, invalid, invalid]],
    [
      "a batch with a notification and nonsense in it",
      JSON.stringify([call("1", "sum", [1]), call(undefined, "sum", [7]), { foo: "boo" }, call("5", "foobar")]),
      [{ jsonrpc: "2.0", id: "1", result: 1 }, invalid, failed(-32601, "Method not found", "5")],
    ],
  ];
  for (const [name, message, expected] of rows) {
    await t.step(name, async () => {
      // Nothing is answered to a notification, alone, unknown or in a batch, nor to an unexpected response.
      await socket.send(JSON.stringify(call(undefined, "foobar")));
      await socket.send(JSON.stringify([call(undefined, "sum", [1])]));
      await socket.send(JSON.stringify({ jsonrpc: "2.0", id: 99, result: 1 }));
      await socket.send(message);
      assertEquals(JSON.parse(String((await soon(answers.next(), "The answer")).value)), expected);
    });
  }
  await socket.close();
});

Deno.test("examples/json_rpc.ts closes a connection with a thousand pending calls, and serves the others", async () => {
  await using child = deno(...RUN);
  const [, url] = await child.said(/(ws:\S+)/);
  const socket = await connect(url!);
  // Each of them waits for an answer of ours that never comes.
  for (let id = 0; id < 1_500 && socket.readyState === 1; id++) {
    void socket.send(JSON.stringify({ jsonrpc: "2.0", id, method: "welcome", params: [] }));
  }
  const reading = (async () => {
    for await (const _ of socket);
  })();
  const { closeCode, reason } = await soon(socket.closed, "The end");
  assertEquals([closeCode, reason], [1008, "Too many calls at once"]);
  await reading;
  const other = await connect(url!);
  await other.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "sum", params: [1] }));
  assertEquals((await other[Symbol.asyncIterator]().next()).value, '{"jsonrpc":"2.0","id":1,"result":1}');
  await other.close();
});
