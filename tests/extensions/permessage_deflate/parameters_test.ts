import { assertEquals, assertThrows } from "@std/assert";
import { parseExtensions, serializeExtensions } from "../../../lib/handshake/extension_header.ts";
import {
  type DeflateParameters,
  readParameters,
  writeParameters,
} from "../../../lib/extensions/permessage_deflate/parameters.ts";

const NONE: DeflateParameters = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  serverMaxWindowBits: undefined,
  clientMaxWindowBits: undefined,
};

/** Parameters as they stand behind the extension's name. */
const read = (params: string, from: "client" | "server") =>
  readParameters(parseExtensions([`permessage-deflate${params}`])[0]!.params, from);

const write = (parameters: DeflateParameters) =>
  serializeExtensions([{ name: "x", params: writeParameters(parameters) }]);

const BITS = [8, 9, 10, 11, 12, 13, 14, 15];

for (const from of ["client", "server"] as const) {
  Deno.test(`every combination of a ${from}'s parameters is parsed and serialized again`, () => {
    for (const serverNoContextTakeover of [false, true]) {
      for (const clientNoContextTakeover of [false, true]) {
        for (const serverMaxWindowBits of [undefined, ...BITS]) {
          for (const clientMaxWindowBits of [undefined, ...(from === "client" ? [true as const] : []), ...BITS]) {
            const parameters: DeflateParameters = {
              serverNoContextTakeover,
              clientNoContextTakeover,
              serverMaxWindowBits,
              clientMaxWindowBits,
            };
            assertEquals(readParameters(writeParameters(parameters), from), parameters);
          }
        }
      }
    }
  });

  Deno.test(`a ${from}'s parameters may come in any order, and their values in quotes`, () => {
    assertEquals(read('; client_max_window_bits=9; server_max_window_bits="10"; server_no_context_takeover', from), {
      ...NONE,
      serverNoContextTakeover: true,
      serverMaxWindowBits: 10,
      clientMaxWindowBits: 9,
    });
  });

  for (
    const [params, reason] of [
      ["; server_max_window_bits", "server_max_window_bits needs a value"],
      ["; server_no_context_takeover=1", "server_no_context_takeover takes no value, not 1"],
      ["; client_no_context_takeover=true", "client_no_context_takeover takes no value, not true"],
      ["; server_no_context_takeover; server_no_context_takeover", "server_no_context_takeover is repeated"],
      ["; client_max_window_bits=9; client_max_window_bits=9", "client_max_window_bits is repeated"],
      ["; client_max_window_bits; client_max_window_bits=9", "client_max_window_bits is repeated"],
      ["; mode=fast", "mode is unknown"],
      ["; Server_no_context_takeover", "Server_no_context_takeover is unknown"],
      ["; server_max_window_bits=10; x", "x is unknown"],
    ] as const
  ) {
    Deno.test(`H19: "${params.slice(2)}" of a ${from} is refused: ${reason}`, () => {
      assertThrows(() => read(params, from), RangeError, reason);
    });
  }

  Deno.test(`H19: a ${from}'s window bits are 8 to 15, digits only, without a leading zero (CVE-2026-2229)`, () => {
    for (const name of ["server_max_window_bits", "client_max_window_bits"]) {
      const bad = [
        "99",
        "7",
        "16",
        "0",
        "08",
        "010",
        "+9",
        "-9",
        "9.0",
        "1e1",
        "0x9",
        "a",
        "15a",
        "1000000000000000000",
      ];
      for (const value of bad) {
        assertThrows(() => read(`; ${name}=${value}`, from), RangeError, `${name} must be 8 to 15, not ${value}`);
      }
    }
  });
}

Deno.test("RFC 7692 §7.1.2.2: client_max_window_bits may stand alone in an offer, not in an answer", () => {
  assertEquals(read("; client_max_window_bits", "client"), { ...NONE, clientMaxWindowBits: true });
  assertThrows(() => read("; client_max_window_bits", "server"), RangeError, "client_max_window_bits needs a value");
});

Deno.test("no parameters serialize to nothing", () => {
  assertEquals(read("", "client"), NONE);
  assertEquals(writeParameters(NONE), []);
});

Deno.test("parameters are written in the RFC's order", () => {
  assertEquals(
    write({
      clientMaxWindowBits: true,
      serverMaxWindowBits: 8,
      clientNoContextTakeover: true,
      serverNoContextTakeover: true,
    }),
    "x; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=8; client_max_window_bits",
  );
});
