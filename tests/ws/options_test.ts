import { assertEquals, assertThrows } from "@std/assert";
import { acceptOptionsOf, connectOptionsOf } from "../../lib/ws/options.ts";

Deno.test("the option names of ws are mapped to Sluice's, with the defaults of its documentation", () => {
  assertEquals(acceptOptionsOf({}, false), {
    maxMessageBytes: 100 * 1024 * 1024,
    closeTimeout: 30_000,
    perMessageDeflate: false,
  });
  assertEquals(acceptOptionsOf({ maxPayload: 10, maxFragments: 5, closeTimeout: 1 }, false), {
    maxMessageBytes: 10,
    maxFragments: 5,
    closeTimeout: 1,
    perMessageDeflate: false,
  });
  const { maxMessageBytes, maxFragments } = acceptOptionsOf({ maxPayload: 0, maxFragments: 0 }, false);
  assertEquals([maxMessageBytes, maxFragments], [Infinity, Infinity]);
});

Deno.test("Sluice's options pass under their own names, and unknown ones are ignored", () => {
  const options = acceptOptionsOf({ pingInterval: 0, origins: "any", ...{ somethingElse: 1 } }, false);
  assertEquals([options.pingInterval, options.origins, "somethingElse" in options], [0, "any", false]);
});

Deno.test("if the application judges clients it judges origins too, unless it lists allowed origins", () => {
  assertEquals(acceptOptionsOf({}, true).origins, "any");
  assertEquals(acceptOptionsOf({ origins: ["https://example.com"] }, true).origins, ["https://example.com"]);
});

Deno.test("perMessageDeflate: the options of ws, and the supported zlib options", () => {
  const { perMessageDeflate } = acceptOptionsOf({
    perMessageDeflate: {
      serverNoContextTakeover: false,
      clientNoContextTakeover: true,
      serverMaxWindowBits: 10,
      clientMaxWindowBits: true,
      threshold: 7,
      zlibDeflateOptions: { level: 3, memLevel: 7 },
      zlibInflateOptions: { chunkSize: 1 },
      concurrencyLimit: 1,
    },
  }, false);
  assertEquals(perMessageDeflate, {
    serverContextTakeover: true,
    clientContextTakeover: false,
    serverMaxWindowBits: 10,
    threshold: 7,
    level: 3,
    memLevel: 7,
  });
});

Deno.test("a client's certificates are texts or bytes, and unsupported options throw", () => {
  const bytes = new TextEncoder().encode("pem");
  const { caCerts, cert, key, serverName } = connectOptionsOf({
    ca: [bytes, "text"],
    cert: bytes,
    key: "key",
    servername: "a",
  });
  assertEquals([caCerts, cert, key, serverName], [["pem", "text"], "pem", "key", "a"]);
  assertEquals(connectOptionsOf({}).perMessageDeflate, true);
  assertThrows(() => connectOptionsOf({ protocolVersion: 8 }), RangeError, "supported: 13");
});
