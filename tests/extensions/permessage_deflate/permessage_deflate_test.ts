import { assertEquals, assertLess, assertRejects, assertThrows } from "@std/assert";
import { HandshakeError } from "../../../lib/errors.ts";
import { acceptExtensions, describeExtensions, offerExtensions } from "../../../lib/extensions/negotiation.ts";
import {
  permessageDeflate,
  type PerMessageDeflateOptions,
  withPerMessageDeflate,
} from "../../../lib/extensions/permessage_deflate/permessage_deflate.ts";
import { parseExtensions } from "../../../lib/handshake/extension_header.ts";
import { frame, Opcode } from "../../../lib/pipeline/frames/frame.ts";
import { flip } from "../../_support/toy_extensions.ts";
import { client } from "../_support.ts";
import { NO_TAKEOVER, openCodec, params, TAKEOVER } from "./_support.ts";

/** A server's answer to a header of offers. */
const answerTo = (header: string, options: PerMessageDeflateOptions = {}) =>
  describeExtensions(acceptExtensions(parseExtensions([header]), [permessageDeflate(options)]));

const D = "permessage-deflate";

for (
  const [options, offer, answer] of [
    // The server decides about its own context; what the client asks for is granted.
    [{}, "", NO_TAKEOVER],
    [{}, "client_max_window_bits", NO_TAKEOVER],
    [TAKEOVER, "", ""],
    [TAKEOVER, "client_max_window_bits", ""],
    [TAKEOVER, "server_no_context_takeover", "server_no_context_takeover"],
    [TAKEOVER, "client_no_context_takeover", "client_no_context_takeover"],
    [TAKEOVER, NO_TAKEOVER, NO_TAKEOVER],
    [{ serverContextTakeover: true }, "", "client_no_context_takeover"],
    [{ clientContextTakeover: true }, "", "server_no_context_takeover"],
    [{ clientContextTakeover: true }, "client_no_context_takeover", NO_TAKEOVER],
    // The smaller of two windows.
    [TAKEOVER, "server_max_window_bits=10", "server_max_window_bits=10"],
    [TAKEOVER, "server_max_window_bits=15", "server_max_window_bits=15"],
    [TAKEOVER, "server_max_window_bits=8", "server_max_window_bits=8"],
    [{ ...TAKEOVER, serverMaxWindowBits: 9 }, "server_max_window_bits=10", "server_max_window_bits=9"],
    [{ ...TAKEOVER, serverMaxWindowBits: 12 }, "server_max_window_bits=10", "server_max_window_bits=10"],
    [{ ...TAKEOVER, serverMaxWindowBits: 12 }, "", "server_max_window_bits=12"],
    [TAKEOVER, "client_max_window_bits=10", "client_max_window_bits=10"],
    [{ ...TAKEOVER, clientMaxWindowBits: 9 }, "client_max_window_bits=10", "client_max_window_bits=9"],
    [{ ...TAKEOVER, clientMaxWindowBits: 12 }, "client_max_window_bits=10", "client_max_window_bits=10"],
    [{ ...TAKEOVER, clientMaxWindowBits: 12 }, "client_max_window_bits", "client_max_window_bits=12"],
    // §7.1.2.2: not where the client did not say that it can be limited.
    [{ ...TAKEOVER, clientMaxWindowBits: 12 }, "", ""],
    [
      {},
      `${NO_TAKEOVER}; server_max_window_bits=11; client_max_window_bits=13`,
      `${NO_TAKEOVER}; server_max_window_bits=11; client_max_window_bits=13`,
    ],
  ] satisfies [PerMessageDeflateOptions, string, string][]
) {
  const header = (params: string) => params === "" ? D : `${D}; ${params}`;
  Deno.test(`a server with ${JSON.stringify(options)} answers "${offer}" with "${answer}"`, () => {
    assertEquals(answerTo(header(offer), options), header(answer));
  });
}

for (
  const bad of [
    "server_max_window_bits",
    "server_max_window_bits=99",
    "client_max_window_bits=7",
    "client_max_window_bits=010",
    "server_no_context_takeover=1",
    "server_no_context_takeover; server_no_context_takeover",
    "mode=fast",
  ]
) {
  Deno.test(`H19: an offer with "${bad}" is declined and the next one tried; if none is left there is no compression`, () => {
    assertEquals(
      answerTo(`${D}; ${bad}, ${D}; server_max_window_bits=10`),
      `${D}; ${NO_TAKEOVER}; server_max_window_bits=10`,
    );
    assertEquals(answerTo(`${D}; ${bad}`), "");
  });
}

Deno.test("a server accepts the first offer that it can parse, and only one", () => {
  assertEquals(answerTo(`${D}; server_max_window_bits=9, ${D}`, TAKEOVER), `${D}; server_max_window_bits=9`);
  assertEquals(answerTo(`x-other, ${D}, ${D}`, TAKEOVER), D);
});

for (
  const [options, offers] of [
    [{}, ["client_max_window_bits", ""]],
    [{ serverContextTakeover: false }, [
      "server_no_context_takeover; client_max_window_bits",
      "server_no_context_takeover",
    ]],
    [{ clientContextTakeover: false }, [
      "client_no_context_takeover; client_max_window_bits",
      "client_no_context_takeover",
    ]],
    [{ serverMaxWindowBits: 10 }, ["server_max_window_bits=10; client_max_window_bits", "server_max_window_bits=10"]],
    [{ clientMaxWindowBits: 8 }, ["client_max_window_bits=8", ""]],
  ] satisfies [PerMessageDeflateOptions, string[]][]
) {
  Deno.test(`a client with ${JSON.stringify(options)} offers "${offers.join('" or "')}"`, () => {
    const header = offers.map((params) => params === "" ? D : `${D}; ${params}`).join(", ");
    assertEquals(offerExtensions([permessageDeflate(options)]), header);
  });
}

for (
  const [options, answer, inForce] of [
    [{}, "", ""],
    [{}, NO_TAKEOVER, NO_TAKEOVER],
    [{}, "server_max_window_bits=8; client_max_window_bits=8", "server_max_window_bits=8; client_max_window_bits=8"],
    [{ serverContextTakeover: false }, "server_no_context_takeover", "server_no_context_takeover"],
    // §7.1.1.2, §7.1.2.2: what the client said of itself holds though the server does not repeat it.
    [{ clientContextTakeover: false }, "", "client_no_context_takeover"],
    [{ clientMaxWindowBits: 10 }, "", "client_max_window_bits=10"],
    [{ clientMaxWindowBits: 10 }, "client_max_window_bits=10", "client_max_window_bits=10"],
    [{ clientMaxWindowBits: 10 }, 'client_max_window_bits="9"', "client_max_window_bits=9"],
    [{}, "client_max_window_bits=15", "client_max_window_bits=15"],
    [{ clientMaxWindowBits: 10 }, "client_max_window_bits=9", "client_max_window_bits=9"],
    [{ serverMaxWindowBits: 10 }, "server_max_window_bits=9", "server_max_window_bits=9"],
  ] satisfies [PerMessageDeflateOptions, string, string][]
) {
  Deno.test(`a client with ${JSON.stringify(options)} that gets the response "${answer}" uses "${inForce}"`, () => {
    assertEquals(permessageDeflate(options).confirm(params(answer)).params, params(inForce));
  });
}

for (
  const [options, answer, reason] of [
    [{}, "server_max_window_bits=99", "server_max_window_bits must be 8 to 15, not 99"],
    [{}, "server_max_window_bits=08", "must be 8 to 15"],
    [{}, "client_max_window_bits=16", "must be 8 to 15"],
    [{}, "server_max_window_bits", "needs a value"],
    [{}, "client_max_window_bits", "needs a value"],
    [{}, "client_no_context_takeover=1", "takes no value"],
    [{}, "server_no_context_takeover; server_no_context_takeover", "is repeated"],
    [{}, "mode=fast", "is unknown"],
    [{ serverContextTakeover: false }, "", "server_no_context_takeover was requested"],
    [{ serverMaxWindowBits: 10 }, "", "server_max_window_bits must be 10 or less"],
    [{ clientMaxWindowBits: 12 }, "client_max_window_bits=13", "client_max_window_bits must be 12 or less"],
    [{ clientMaxWindowBits: 12 }, 'client_max_window_bits="15"', "client_max_window_bits must be 12 or less"],
    [{ clientMaxWindowBits: 12 }, "client_max_window_bits=09", "must be 8 to 15"],
    [{ clientMaxWindowBits: 12 }, "client_max_window_bits=9; client_max_window_bits=9", "is repeated"],
    [{ serverMaxWindowBits: 10 }, "server_max_window_bits=11", "server_max_window_bits must be 10 or less"],
  ] satisfies [PerMessageDeflateOptions, string, string][]
) {
  Deno.test(`a client with ${JSON.stringify(options)} fails a handshake with the response "${answer}" (CVE-2026-2229)`, async () => {
    const header = answer === "" ? D : `${D}; ${answer}`;
    const error = await assertRejects(() => client(header, { perMessageDeflate: options }), HandshakeError, reason);
    assertEquals(error.status, 101);
  });
}

Deno.test("a client that offered no compression, or gets it twice, fails the handshake", async () => {
  await assertRejects(() => client(D), HandshakeError, "which was not offered");
  await assertRejects(
    () => client(`${D}, ${D}`, { perMessageDeflate: true }),
    HandshakeError,
    `"${D}", which conflicts with "${D}"`,
  );
});

Deno.test("options out of range throw at once, with the name and the range", () => {
  const bad: [keyof PerMessageDeflateOptions, number[], string][] = [
    ["serverMaxWindowBits", [7, 16, 9.5, NaN], "8 to 15"],
    ["clientMaxWindowBits", [7, 16, -1], "8 to 15"],
    ["threshold", [-1, 0.5, NaN], "0 to 9007199254740991, or Infinity, in bytes"],
    ["level", [-1, 10], "0 to 9"],
    ["memLevel", [0, 10], "1 to 9"],
    ["maxRatio", [0, 1.5], "1 to 9007199254740991, or Infinity"],
    ["contextBudget", [-1, 0.5], "0 to 9007199254740991, or Infinity, in bytes"],
  ];
  for (const [name, values, range] of bad) {
    for (const value of values) {
      const message = `Cannot use ${name} ${value}: it must be a whole number from ${range}`;
      assertThrows(() => permessageDeflate({ [name]: value }), RangeError, message);
    }
  }
  permessageDeflate({ threshold: Infinity, maxRatio: Infinity, contextBudget: Infinity, level: 9, memLevel: 1 });
});

Deno.test("a peer that asks for a window of 9 bits gets level 6 by default, and the given level otherwise", () => {
  const sizeOf = (options: PerMessageDeflateOptions, header: string) => {
    const { encode, release } = openCodec("server", { extension: permessageDeflate(options), header });
    const rows = Array.from({ length: 2000 }, (_, i) => `{"id":${i},"name":"user ${i % 7}","active":true}`).join();
    const [sent] = encode(frame(Opcode.TEXT, new TextEncoder().encode(rows)));
    release();
    return sent!.payload.length;
  };
  const small = "server_max_window_bits=9";
  assertEquals(sizeOf({}, small), sizeOf({ level: 6 }, small));
  assertLess(sizeOf({}, small), sizeOf({ level: 1 }, small));
  assertEquals(sizeOf({}, ""), sizeOf({ level: 1 }, ""));
  assertEquals(sizeOf({ serverContextTakeover: true }, ""), sizeOf({ serverContextTakeover: true, level: 6 }, ""));
});

Deno.test("`perMessageDeflate` puts compression before the other extensions: true, options, or off", () => {
  const other = flip();
  const names = (perMessageDeflate?: boolean | PerMessageDeflateOptions) =>
    withPerMessageDeflate({ extensions: [other], ...(perMessageDeflate === undefined ? {} : { perMessageDeflate }) })
      .map(({ name }) => name);
  assertEquals([names(), names(false), names(true), names({ level: 9 })], [
    ["x-flip"],
    ["x-flip"],
    [D, "x-flip"],
    [D, "x-flip"],
  ]);
  assertEquals(withPerMessageDeflate({}), []);
});
