import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { ConnectionError, HandshakeError } from "../../lib/errors.ts";
import type { AcceptOptions } from "../../lib/server/server_options.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { requestText } from "../_support/raw_peer.ts";
import { accepts, refused, statusLine } from "./_support.ts";
import { ORIGIN_REFUSED, overlook, printed } from "../_support/printed.ts";

overlook(ORIGIN_REFUSED);

Deno.test("an observer gets every refusal with its reason and its peer, also those before upgrade", async () => {
  const told: unknown[][] = [];
  const infos: unknown[] = [];
  const options: AcceptOptions = {
    maxHeaderBytes: 512,
    maxHeaderCount: 8,
    maxStartLineBytes: 128,
    proxies: ["unix"],
    upgrade(request, info) {
      infos.push(info);
      if (request.path === "/no") return new Response("No", { status: 410 });
      if (request.path === "/bug") throw new Error("mine");
    },
    observer: {
      refused(error, info) {
        infos.push(info);
        const client = info.remoteAddr !== undefined && "hostname" in info.remoteAddr ? info.remoteAddr.hostname : "";
        const reason = error instanceof HandshakeError ? [error.status, error.limit] : [error.name];
        told.push([...reason, client, info.request?.path]);
      },
    },
  };
  const line = (target: string) => `GET ${target} HTTP/1.1`;
  for (
    const request of [
      "GET / HTTP/1.1\nHost: x\n\n",
      requestText({}, line(`/${"x".repeat(200)}`)),
      requestText({ "X-Long": "x".repeat(500) }),
      requestText({ "X-1": "", "X-2": "", "X-3": "", "X-4": "" }),
      requestText({ "Sec-WebSocket-Version": "12" }),
      requestText({ Origin: "https://evil.example" }),
      requestText({ "X-Forwarded-For": "192.0.2.7" }, line("/no")),
    ]
  ) await refused(accepts(options), request);
  assertEquals(told, [
    [400, undefined, "", undefined],
    [414, "maxStartLineBytes", "", undefined],
    [431, "maxHeaderBytes", "", undefined],
    [431, "maxHeaderCount", "", undefined],
    [426, undefined, "", undefined],
    [403, undefined, "", "/chat"],
    [410, undefined, "192.0.2.7", "/no"],
  ]);
  assertStrictEquals(infos.at(-1), infos.at(-2), "upgrade and the observer are given the same object");

  told.length = 0;
  await refused(accepts(options), requestText({}, line("/bug")));
  assertEquals(told, [[500, undefined, "", "/bug"]]);
  told.length = 0;
  const gone = accepts(options);
  gone.peer.close();
  await assertRejects(() => gone.accepting, ConnectionError);
  assertEquals(told, [["ConnectionError", "", undefined]]);
});

Deno.test("an observer sees that a handshake timed out, and an observer that throws does not prevent the response", async () => {
  using time = new FakeTime();
  const limits: (string | undefined)[] = [];
  const { accepting, peer } = accepts({
    observer: { refused: (error) => void limits.push(error instanceof HandshakeError ? error.limit : error.name) },
  });
  await time.advance(10_000);
  peer.close();
  await assertRejects(() => accepting, HandshakeError);
  assertEquals(limits, ["handshakeTimeout"]);

  const errors = await printed(async () => {
    const { answer } = await refused(
      accepts({
        observer: {
          refused() {
            throw new Error("mine");
          },
        },
      }),
      requestText({ "Sec-WebSocket-Key": undefined }),
    );
    assertEquals(statusLine(answer), "HTTP/1.1 400 Bad Request");
  });
  assertEquals(errors.map(String), ["Error: mine"]);
});
