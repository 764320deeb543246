import { assert, assertEquals, assertRejects } from "@std/assert";
import { ConnectionError } from "../../lib/errors.ts";
import { memoryPair } from "../../lib/testing/memory_pair.ts";
import { DEFAULT_LIMITS } from "../../lib/limits.ts";
import { type CompleteRequest, type Exchange, http1Exchange } from "../../lib/server/exchange.ts";
import { utf8 } from "../_support/frames.ts";
import { connPair } from "../_support/pair.ts";
import { RawPeer, requestText, text } from "../_support/raw_peer.ts";
import { settle, soon } from "../_support/wait.ts";

/** Reads a request to its end: what is left is to accept it. */
async function complete(exchange: Exchange): Promise<CompleteRequest> {
  const opening = (await exchange.readHead()).check({ secure: false });
  assert("request" in opening);
  return await opening.complete();
}

/** An exchange in HTTP/1.1 and the peer that asks. */
function exchanging({ ordinary = false, early }: { ordinary?: boolean; early?: Uint8Array<ArrayBuffer> } = {}) {
  const [near, far] = connPair();
  const exchange = http1Exchange(near, { limits: DEFAULT_LIMITS, legacy: undefined, ordinary }, early);
  return { exchange, peer: new RawPeer(far, "client") };
}

Deno.test("an accepted exchange over HTTP/1.1 returns the transport, and the frames that came with the request", async () => {
  const { exchange, peer } = exchanging({ early: utf8(requestText().slice(0, 20)) });
  await peer.send(utf8(requestText().slice(20)), text("early"));
  const head = await exchange.readHead();
  assertEquals(head.fields[0], ["host", "127.0.0.1"]);
  const opening = head.check({ secure: true });
  assert("request" in opening);
  assertEquals(opening.request.url, "wss://127.0.0.1/chat?x=1");
  assertEquals(opening.complete() instanceof Promise, false, "nothing is waited for");
  const { first, framing, transport } = await (await opening.complete()).accept({});
  assertEquals([first.length, framing], [2 + 4 + 5, undefined]);
  assertEquals((await peer.readHead()).split("\r\n")[0], "HTTP/1.1 101 Switching Protocols");
  transport.close();
});

Deno.test("an ordinary request is passed on checked, with the bytes behind its head, if the server answers such requests", async () => {
  const { exchange, peer } = exchanging({ ordinary: true });
  const request = "GET / HTTP/1.1\r\nHost: a\r\n\r\nbody";
  await peer.send(utf8(request));
  const ordinary = (await exchange.readHead()).check({ secure: true });
  assert("method" in ordinary);
  assertEquals(new TextDecoder().decode(ordinary.first), "body");
  assertEquals([ordinary.method, ordinary.url, ordinary.framing], ["GET", "https://a/", 0]);
  exchange.drop();
});

Deno.test("a refusal ends only after the hash of the key, which began while the application decided", async () => {
  const { exchange, peer } = exchanging();
  await peer.send(utf8(requestText()));
  const hashing = Promise.withResolvers<ArrayBuffer>();
  const { digest } = crypto.subtle;
  crypto.subtle.digest = () => hashing.promise;
  await complete(exchange).finally(() => crypto.subtle.digest = digest);
  let over = false;
  const refusing = exchange.refuse({ status: 503, body: utf8("Late\n") }).then(() => over = true);
  assertEquals((await peer.readText()).split("\r\n")[0], "HTTP/1.1 503 Service Unavailable");
  peer.close();
  await settle();
  assertEquals(over, false);
  hashing.reject(new Error("a failed hash ends it as well"));
  await soon(refusing, "The refusal");
});

Deno.test("H23: a refused exchange can no longer be accepted, whichever call is late", async () => {
  const { exchange, peer } = exchanging();
  await peer.send(utf8(requestText()));
  const request = await complete(exchange);
  const accepting = assertRejects(async () => await request.accept({}), ConnectionError, "given up");
  const refusing = exchange.refuse({ status: 503, body: utf8("Late\n") });
  await accepting;
  const answer = await peer.readText();
  assertEquals([answer.split("\r\n")[0], answer.includes(" 101 ")], ["HTTP/1.1 503 Service Unavailable", false]);
  peer.close();
  await soon(refusing, "The end");
});

Deno.test("a request has one response: an accepted exchange that is refused later, or during the response, is dropped", async () => {
  for (const capacity of [20, 65_536]) {
    const [near, far] = memoryPair({ capacity });
    const exchange = http1Exchange(
      near,
      { limits: DEFAULT_LIMITS, legacy: undefined, ordinary: false },
      utf8(requestText()),
    );
    const accepting = Promise.resolve((await complete(exchange)).accept({})).catch((error: unknown) => error);
    await settle();
    await soon(exchange.refuse({ status: 503, body: utf8("Late\n") }), "The end");
    await soon(accepting, "The answer");
    let seen = "";
    const buffer = new Uint8Array(1_000);
    for (let count = await far.read(buffer); count !== null; count = await far.read(buffer)) {
      seen += String.fromCharCode(...buffer.subarray(0, count));
    }
    assertEquals(seen.split("HTTP/1.1").length, 2, seen);
  }
});
