/** An extension list means what splitting it says, in one field or several, and survives being written again. */
import { assert, assertStrictEquals } from "@std/assert";
import { HandshakeError } from "../../lib/errors.ts";
import { type ExtensionOffer, parseExtensions, serializeExtensions } from "../../lib/handshake/extension_header.ts";
import { bytesOf, randomText, textOf } from "../handshake/_support.ts";
import { below, type Random, randomBytes } from "../_support/random.ts";
import { naiveExtensions } from "./_naive_extensions.ts";
import { type FuzzTarget, fuzzTarget, mutateBytes, oneOf } from "./_target.ts";

const NAMES = ["permessage-deflate", "client_max_window_bits", "__proto__", "constructor", "a", "!"];
const space = (random: Random) => oneOf(random, ["", "", "", " ", "\t", " \t "]);

function randomValue(random: Random): string {
  const token = () => below(random, 2) === 0 ? oneOf(random, NAMES) : randomText(random);
  const around = (text: string) => `${space(random)}${text}${space(random)}`;
  const quoted = () => `"${Array.from(token(), (char) => below(random, 4) === 0 ? `\\${char}` : char).join("")}"`;
  const value = () => oneOf(random, [token, token, quoted, () => '""', () => '"a b"', () => ""])();
  const param = () => around(token()) + (below(random, 2) === 0 ? `=${around(value())}` : "");
  const params = () => Array.from({ length: below(random, 4) }, param);
  const offer = () => below(random, 8) === 0 ? space(random) : [around(token()), ...params()].join(";");
  return Array.from({ length: below(random, 4) }, offer).join(",");
}

/** What the parser says, as text; any error but `refuse`'s is thrown again. */
function parsed(values: readonly string[]): string {
  try {
    return shown(parseExtensions(values));
  } catch (error) {
    if (error instanceof HandshakeError && error.status === 400) return "refused";
    throw error;
  }
}

/** As JSON; a value that is absent is `null` there. */
function shown(offers: readonly ExtensionOffer[] | undefined): string {
  if (offers === undefined) return "refused";
  return JSON.stringify(
    offers.map(({ name, params }) => [name, ...params.map(({ name, value }) => [name, value ?? null])]),
  );
}

/** The target. */
export const target: FuzzTarget = fuzzTarget({
  name: "extension_header",
  // A line feed, which no field holds, stands between two fields.
  make(random) {
    const text = Array.from({ length: 1 + below(random, 3) }, () => randomValue(random)).join("\n");
    const bytes = below(random, 16) === 0 ? randomBytes(random, below(random, 40)) : mutateBytes(random, bytesOf(text));
    return { bytes, options: {} };
  },
  check({ bytes }) {
    const values = bytes.length === 0 ? [] : textOf(bytes).split("\n");
    const expected = shown(naiveExtensions(values));
    assertStrictEquals(parsed(values), expected);
    if (values.length > 0) assertStrictEquals(parsed([values.join(",")]), expected, "as one field");
    if (expected === "refused") return;

    const offers = parseExtensions(values);
    const texts = offers.flatMap((
      { name, params },
    ) => [name, ...params.flatMap(({ name, value = "" }) => [name, value])]);
    assert(texts.join("").length <= bytes.length, "more text than input");
    if (offers.length > 0) assertStrictEquals(parsed([serializeExtensions(offers)]), expected, "written again");
  },
});
