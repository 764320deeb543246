import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { FLAG, type Kind, type OptionKinds, required, TEXT } from "../lib/option_kinds.ts";
import { bag, checkOptions, checkValues, nearest, pick, unknownName, without } from "../lib/options.ts";
import { CONNECT_OPTION_KINDS } from "../lib/client/client_options.ts";
import { SERVE_OPTION_KINDS } from "../lib/server/server_options.ts";

interface Options {
  hostname?: string;
  secure?: boolean;
}
const KINDS: OptionKinds<Options> = { hostname: TEXT, secure: FLAG };
const check = (options: unknown) => Reflect.apply(checkOptions, undefined, ["call()", options, KINDS]);

Deno.test("known options with values of their kinds pass, and undefined counts as absent", () => {
  check({});
  check({ hostname: "a", secure: undefined });
  check({ anything: undefined });
  check(Object.create({ inherited: 1 }));
});

Deno.test("an unknown option is a TypeError with the nearest name, or with all names if they are few", () => {
  const says = (options: object) => assertThrows(() => check(options), TypeError).message;
  assertEquals(says({ host: "a" }), 'call() has no option "host": did you mean "hostname"?');
  assertEquals(says({ hostName: "a" }), 'call() has no option "hostName": did you mean "hostname"?');
  assertEquals(says({ hostnmae: "a" }), 'call() has no option "hostnmae": did you mean "hostname"?');
  assertEquals(says({ colour: "a" }), 'call() has no option "colour": it takes "hostname" or "secure"');
});

Deno.test("options that are not an object are a TypeError", () => {
  for (const options of [null, 1, "a", () => {}]) {
    assertThrows(() => check(options), TypeError, "call() takes an object of options, not ");
  }
});

Deno.test("values are checked wherever they come from", () => {
  assertThrows(() => check({ hostname: 1 }), TypeError, "Cannot use hostname 1: it must be a string");
  class Given {
    get secure() {
      return "yes";
    }
  }
  assertThrows(() => check(new Given()), TypeError, 'Cannot use secure "yes": it must be true or false');
});

Deno.test("a missing required option throws", () => {
  const kinds = { ...KINDS, hostname: required(TEXT) };
  assertThrows(() => checkValues<Options>({}, kinds), TypeError, "hostname is missing: it must be a string");
});

Deno.test("nested options have full names in errors", () => {
  const { check } = bag(KINDS);
  check({ hostname: "a" }, "proxy");
  assertThrows(() => check({ hostname: 1 }, "proxy"), TypeError, "Cannot use proxy.hostname 1");
  assertThrows(
    () => check({ host: "a" }, "proxy"),
    TypeError,
    'Option "proxy" has no option "host": did you mean "hostname"?',
  );
  for (const value of [1, [], null]) {
    assertThrows(() => check(value, "proxy"), TypeError, 'an object with "hostname" or "secure"');
  }
});

Deno.test("kinds and options can be picked by name", () => {
  assertEquals(Object.keys(without(KINDS, "secure")), ["hostname"]);
  assertEquals(pick<Options>({ hostname: "a", ...{ other: 1 } }, KINDS), { hostname: "a" });
  assertEquals(pick<Options>(Object.create({ hostname: "a" }), KINDS), { hostname: "a" });
  const given = Reflect.apply(pick, undefined, [{ hostname: "a", secure: undefined }, KINDS]);
  assertEquals(Object.keys(given), ["hostname"]);
});

/** What people write who come from elsewhere, and what it is here. */
const GUESSES: readonly [guess: string, kinds: object, ours: string | readonly string[]][] = [
  ["host", SERVE_OPTION_KINDS, "hostname"],
  ["maxPayload", SERVE_OPTION_KINDS, "maxMessageBytes"],
  ["maxPayloadLength", SERVE_OPTION_KINDS, "maxMessageBytes"],
  ["max_size", SERVE_OPTION_KINDS, "maxMessageBytes"],
  ["fetch", SERVE_OPTION_KINDS, "http"],
  ["compress", SERVE_OPTION_KINDS, "perMessageDeflate"],
  ["perMessageDefalte", SERVE_OPTION_KINDS, "perMessageDeflate"],
  ["permessageDeflate", SERVE_OPTION_KINDS, "perMessageDeflate"],
  ["idleTimeout", SERVE_OPTION_KINDS, ["pingInterval", "pongTimeout"]],
  ["backpressureLimit", SERVE_OPTION_KINDS, "maxQueuedBytes"],
  ["origin", SERVE_OPTION_KINDS, "origins"],
  ["protocol", SERVE_OPTION_KINDS, "protocols"],
  ["verifyClient", SERVE_OPTION_KINDS, "upgrade"],
  ["onerror", SERVE_OPTION_KINDS, "onError"],
  ["header", CONNECT_OPTION_KINDS, "headers"],
  ["ca", CONNECT_OPTION_KINDS, "caCerts"],
  ["servername", CONNECT_OPTION_KINDS, "serverName"],
];

Deno.test("another library's option name, and a typing error, lead to the right option", () => {
  for (const [guess, kinds, ours] of GUESSES) {
    assertEquals(nearest(guess, Object.keys(kinds)), typeof ours === "string" ? [ours] : ours, guess);
  }
  assertEquals(nearest("colour", Object.keys(SERVE_OPTION_KINDS)), []);
  assertStringIncludes(
    unknownName("serve()", "option", "colour", { known: Object.keys(SERVE_OPTION_KINDS) }).message,
    "options-and-limits.md",
  );
});

Deno.test("every kind describes its values in words", () => {
  for (const [name, kind] of Object.entries<Kind>({ ...SERVE_OPTION_KINDS, ...CONNECT_OPTION_KINDS })) {
    assertEquals(kind.takes.length > 3, true, name);
  }
});
