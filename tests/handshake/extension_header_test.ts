import { assertEquals, assertThrows } from "@std/assert";
import { HandshakeError } from "../../lib/errors.ts";
import { type ExtensionOffer, parseExtensions, serializeExtensions } from "../../lib/handshake/extension_header.ts";
import { below, SEED, seeded } from "../_support/random.ts";
import { assertLinear, assertRefuses, randomText } from "./_support.ts";

/** Shorthand: a name, and parameters as `name` or `name=value`. */
function offer(name: string, ...params: string[]): ExtensionOffer {
  return {
    name,
    params: params.map((param) => {
      const [key = "", value] = param.split("=");
      return { name: key, value };
    }),
  };
}

/** A header's value, what it says, and whether it is as we write it. */
const VECTORS: [value: string, offers: ExtensionOffer[], canonical?: true][] = [
  ["foo", [offer("foo")], true],
  ["foo, bar; baz=2", [offer("foo"), offer("bar", "baz=2")], true], // RFC 6455 §9.1.
  [
    "permessage-deflate; client_max_window_bits; server_max_window_bits=10, permessage-deflate",
    [offer("permessage-deflate", "client_max_window_bits", "server_max_window_bits=10"), offer("permessage-deflate")],
    true,
  ],
  ["a; b=1; b=2; b", [offer("a", "b=1", "b=2", "b")], true],
  ["constructor; __proto__=1; toString", [offer("constructor", "__proto__=1", "toString")], true],
  ["!#$%&'*+-.^_`|~09AZaz", [offer("!#$%&'*+-.^_`|~09AZaz")], true],
  ['a; b="10"', [offer("a", "b=10")]],
  ['a; b="\\1\\0"', [offer("a", "b=10")]],
  ["\t a\t;\tb\t=\t1\t,\tc \t", [offer("a", "b=1"), offer("c")]],
  ["a;b=1;c,d", [offer("a", "b=1", "c"), offer("d")]],
  [",, a ,,b, ,", [offer("a"), offer("b")]],
];

Deno.test("extension lists are parsed as RFC 6455 §9.1 says, and serialized so that they parse the same", () => {
  for (const [value, offers, canonical] of VECTORS) {
    assertEquals(parseExtensions([value]), offers, value);
    const written = serializeExtensions(offers);
    if (canonical) assertEquals(written, value);
    assertEquals(parseExtensions([written]), offers, written);
  }
});

Deno.test("H17: several extension fields are one list, and no field is no extension", () => {
  assertEquals(parseExtensions(["a; b", "", "c, d"]), [offer("a", "b"), offer("c"), offer("d")]);
  assertEquals(parseExtensions([]), []);
});

Deno.test("H18: invalid syntax is refused with 400", () => {
  const bad = [
    ";",
    "=",
    '"a"',
    "a b",
    "a;",
    "a; ;b",
    "a;;b",
    "a,;b",
    "a=1",
    "a; b=",
    "a; b=, c",
    "a; b=;c",
    "a; =1",
    "a; b c",
    "a; b=1 2",
    "a; b==1",
    "a; b=1=2",
    "a/b",
    "a; b/c",
    "a; b=(1)",
    'a; b="',
    'a; b="1',
    'a; b="1\\',
    'a; b="1\\"',
    'a; b=""',
    'a; b="1 2"',
    'a; b="1,2"',
    'a; b="\\""',
    'a; b="1"2',
    'a; b="1" "2"',
    'a; "b"=1',
    'a; b=1"2"',
    "a\0",
    "a; b=\x7f",
  ];
  for (const value of bad) {
    assertRefuses(() => parseExtensions([value]), 400, "is malformed at character");
    assertRefuses(() => parseExtensions(["good", value]), 400, "is malformed at character");
  }
});

Deno.test("a field without extensions counts as no field", () => {
  for (const value of ["", " ", ",", " , ,"]) assertEquals(parseExtensions([value]), []);
});

Deno.test("an error shows the place of the fault", () => {
  assertRefuses(() => parseExtensions(["ab; c=?"]), 400, 'Extension list "ab; c=?" is malformed at character 6');
});

Deno.test("the caller chooses the error class", () => {
  const refuse = (message: string) => new RangeError(message);
  assertThrows(() => parseExtensions(["?"], refuse), RangeError);
});

Deno.test("Granian, CVE-2026-55517: bytes of 0x80 and more are refused with 400", () => {
  for (let byte = 0x80; byte <= 0xff; byte++) {
    const char = String.fromCharCode(byte);
    for (const value of [`a${char}`, `a; ${char}`, `a; b=${char}`, `a; b="${char}"`, `a; b="\\${char}"`]) {
      assertRefuses(() => parseExtensions([value]), 400);
    }
  }
});

Deno.test("GHSA-5v72-xg48-5rpm: names of Object.prototype are names like others", () => {
  for (const name of Object.getOwnPropertyNames(Object.prototype)) {
    assertEquals(parseExtensions([`${name}; ${name}=${name}`]), [offer(name, `${name}=${name}`)]);
  }
});

Deno.test("CVE-2020-7662, CVE-2020-7663: an unclosed string of a million escapes is refused in linear time", () => {
  for (const filler of ["\\c", "c", '"', "\\\\", " ", ";", ",", "; c", "=", ',a; b="c"']) {
    const value = `a; b="${filler.repeat(1_000_000 / filler.length)}`;
    assertLinear(() => assertRefuses(() => parseExtensions([value]), 400));
  }
});

Deno.test("a list of a million characters is read in linear time", () => {
  for (const element of ["a,", "a; b=1, ", 'a; b="1", ', "a; b; c; d; e, ", ", "]) {
    const value = `a, ${element.repeat(1_000_000 / element.length)}`;
    assertLinear(() => parseExtensions([value]));
  }
});

Deno.test("a value that is not a token cannot be serialized", () => {
  for (const text of ["", "a b", "a\r\nb", '"', "\u20ac"]) {
    assertThrows(() => serializeExtensions([{ name: text, params: [] }]), TypeError, "it is not a token");
    const params = [{ name: "a", value: text }];
    assertThrows(() => serializeExtensions([{ name: "a", params }]), TypeError, "it is not a token");
    assertThrows(() => serializeExtensions([{ name: "a", params: [{ name: text, value: undefined }] }]), TypeError);
  }
});

Deno.test("any serialized extensions are parsed back", () => {
  const random = seeded();
  for (let round = 0; round < 300; round++) {
    const offers = Array.from({ length: 1 + below(random, 4) }, () => ({
      name: randomText(random),
      params: Array.from({ length: below(random, 4) }, () => ({
        name: randomText(random),
        value: below(random, 2) === 0 ? undefined : randomText(random),
      })),
    }));
    assertEquals(parseExtensions([serializeExtensions(offers)]), offers, `SEED=${SEED}`);
  }
});

Deno.test("any text gives extensions that can be serialized again, or a HandshakeError", () => {
  const random = seeded();
  for (let round = 0; round < 20_000; round++) {
    const value = randomText(random, 'ab,;="\\ \t\xff', 20);
    let offers: ExtensionOffer[];
    try {
      offers = parseExtensions([value]);
    } catch (error) {
      if (error instanceof HandshakeError) continue;
      throw error;
    }
    assertEquals(parseExtensions([serializeExtensions(offers)]), offers, `SEED=${SEED}: ${JSON.stringify(value)}`);
  }
});
