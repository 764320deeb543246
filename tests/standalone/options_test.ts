import { assertEquals, assertThrows } from "@std/assert";
import { DEFAULT_LIMITS, DEFAULT_SERVER_LIMITS } from "../../lib/limits.ts";
import { DEFAULT_OPTIONS, isOption, limitsOf, OPTION_GROUPS, OPTIONS } from "../../lib/standalone/options.ts";

Deno.test("every limit of a server is an option with the library's default; only client limits are missing", () => {
  const limits = { ...DEFAULT_LIMITS, ...DEFAULT_SERVER_LIMITS };
  const missing = Object.keys(limits).filter((name) => !isOption(name));
  assertEquals(missing, ["maxErrorBodyBytes", "maxRedirects"]);
  for (const [name, value] of Object.entries(limitsOf(DEFAULT_OPTIONS))) {
    assertEquals(value, new Map(Object.entries(limits)).get(name), name);
  }
  assertEquals(Object.keys(limitsOf(DEFAULT_OPTIONS)).length, Object.keys(limits).length - missing.length);
});

Deno.test("the groups of the help contain every option once", () => {
  const shown = OPTION_GROUPS.flatMap(([, specs]) => Object.keys(specs));
  assertEquals(shown.toSorted(), Object.keys(OPTIONS).toSorted());
});

Deno.test("values are read by their types", () => {
  assertEquals(OPTIONS.port.read("0"), 0);
  assertEquals([OPTIONS.workers.read("1"), OPTIONS.workers.read("1024")], [1, 1024]);
  assertEquals(OPTIONS.maxMessageBytes.read("1024"), 1024);
  assertEquals(OPTIONS.maxMessageBytes.read("Infinity"), Infinity);
  assertEquals(OPTIONS.pingInterval.read("Infinity"), 0);
  assertEquals(OPTIONS.origins.read("any"), "any");
  assertEquals(OPTIONS.origins.read("https://a.example, null"), ["https://a.example", "null"]);
  assertEquals(OPTIONS.proxies.read("127.0.0.1, 10.0.0.0/8,unix"), ["127.0.0.1", "10.0.0.0/8", "unix"]);
  assertEquals(OPTIONS.logLevel.read("warn"), "warn");
  assertEquals(OPTIONS.logFormat.read("json"), "json");
  assertEquals([OPTIONS.deflate.read("true"), OPTIONS.deflate.read("false")], [true, false]);
});

Deno.test("an invalid value is refused with the reason", () => {
  const bad = [
    [() => OPTIONS.port.read("65536"), "from 0 to 65535"],
    [() => OPTIONS.port.read("0x50"), "from 0 to 65535"],
    [() => OPTIONS.port.read(""), "from 0 to 65535"],
    [() => OPTIONS.hostname.read(""), "must not be empty"],
    [() => OPTIONS.workers.read("0"), "from 1 to 1024"],
    [() => OPTIONS.workers.read("Infinity"), "from 1 to 1024"],
    [() => OPTIONS.maxMessageBytes.read("1e3"), "must be a whole number from 1"],
    [() => OPTIONS.maxConnections.read("0"), "must be a whole number from 1"],
    [() => OPTIONS.closeTimeout.read("99999999999"), "must be a whole number from 0 to 2147483647"],
    [() => OPTIONS.origins.read("example.com"), "not an origin as a browser writes it"],
    [() => OPTIONS.proxies.read("nginx"), "it must be an IP address"],
    [() => OPTIONS.basicAuth.read("me"), "USER:PASSWORD"],
    [() => OPTIONS.logLevel.read("loud"), "one of error, warn, info, debug"],
    [() => OPTIONS.logFormat.read("xml"), "one of text, json"],
  ] as const;
  for (const [read, reason] of bad) assertThrows(read, Error, reason);
});
