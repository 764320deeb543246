import { assertEquals, assertThrows } from "@std/assert";
import { ClosedSocket, fieldsIn, headersOf, PlannedRequest, ServerResponse } from "../../lib/ws/stand_ins.ts";

Deno.test("header fields are joined as node:http joins them", () => {
  const raw = ["Cookie", "a=1", "cookie", "b=2", "X-A", "1", "x-a", "2", "Host", "a", "host", "b", "Set-Cookie", "c"];
  assertEquals({ ...headersOf(raw) }, { cookie: "a=1; b=2", "x-a": "1, 2", host: "a", "set-cookie": ["c"] });
});

Deno.test("a stand-in socket has the addresses, and its methods do nothing", () => {
  const socket = new ClosedSocket({ transport: "tcp", hostname: "::1", port: 1 }, undefined, true);
  assertEquals([socket.remoteAddress, socket.remotePort, socket.remoteFamily], ["::1", 1, "IPv6"]);
  assertEquals([socket.localAddress, socket.encrypted, socket.destroyed], [undefined, true, true]);
  assertEquals(socket.end().destroy().setNoDelay().setTimeout(), socket);
  assertEquals(new ClosedSocket({ transport: "unix", path: "/x" }, undefined, false).remoteAddress, undefined);
});

Deno.test("a response is a stream of its body", async () => {
  const response = new ServerResponse(404, new Headers({ "X-A": "1" }), new TextEncoder().encode("none"));
  let body = "";
  for await (const chunk of response) body += new TextDecoder().decode(chunk);
  assertEquals([response.statusCode, response.headers["x-a"], body], [404, "1", "none"]);
});

Deno.test("a planned request has its header fields, and can be aborted", () => {
  const given: unknown[] = [];
  const headers = new Headers({ "X-A": "1" });
  const request = new PlannedRequest(new URL("ws://a:1/b?c"), headers, (error) => void given.push(error?.message));
  assertEquals([request.host, request.path, request.getHeader("x-a")], ["a:1", "/b?c", "1"]);
  request.setHeader("X-A", 2).removeHeader("x-b");
  assertEquals(headers.get("x-a"), "2");
  request.abort();
  request.destroy(new Error("no"));
  assertEquals(given, [undefined, "no"]);
});

Deno.test("an invalid header field throws TypeError", () => {
  assertEquals(fieldsIn(["A: b", "C:d"]), [["A", "b"], ["C", "d"]]);
  for (const line of ["", "no colon", ": x", "a b: c", "a: b\r\nc: d"]) {
    assertThrows(() => fieldsIn([line]), TypeError, "Cannot answer with the line");
  }
});
