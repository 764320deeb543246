import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  DEFAULT_BROKER_LIMITS,
  DEFAULT_HUB_LIMITS,
  DEFAULT_JSON_LIMITS,
  DEFAULT_LIMITS,
  DEFAULT_RECONNECT_LIMITS,
  type Limits,
  resolveBrokerLimits,
  resolveHubLimits,
  resolveJsonLimits,
  resolveLimits,
  resolveReconnectLimits,
  resolveRequestLimits,
} from "../lib/limits.ts";

/** Every limit, with its default and the least that makes sense: 0 for a time that may be none, for no empty fragment and no redirect. */
const LIMITS: Record<keyof Limits, { byDefault: number; least: 0 | 1 }> = {
  maxMessageBytes: { byDefault: 16_777_216, least: 1 },
  maxStreamedMessageBytes: { byDefault: Infinity, least: 1 },
  maxFragments: { byDefault: 131_072, least: 1 },
  maxEmptyFragments: { byDefault: 128, least: 0 },
  messageTimeout: { byDefault: 60_000, least: 0 },
  handshakeTimeout: { byDefault: 10_000, least: 0 },
  maxHeaderBytes: { byDefault: 16_384, least: 1 },
  maxHeaderCount: { byDefault: 100, least: 1 },
  maxStartLineBytes: { byDefault: 8192, least: 1 },
  pingInterval: { byDefault: 20_000, least: 0 },
  pongTimeout: { byDefault: 20_000, least: 0 },
  closeTimeout: { byDefault: 10_000, least: 0 },
  highWaterMark: { byDefault: 65_536, least: 1 },
  maxQueuedBytes: { byDefault: 67_108_864, least: 1 },
  maxPingsPerSecond: { byDefault: 1_000, least: 1 },
  maxErrorBodyBytes: { byDefault: 65_536, least: 1 },
  maxRedirects: { byDefault: 0, least: 0 },
};

const NAMES = Object.keys(DEFAULT_LIMITS);

function isLimit(name: string): name is keyof Limits {
  return name in LIMITS;
}

Deno.test("every limit has a default, and all are finite except the one on data that is not kept in memory", () => {
  assertEquals(
    Object.entries(DEFAULT_LIMITS),
    Object.entries(LIMITS).map(([name, { byDefault }]) => [name, byDefault]),
  );
  const { maxStreamedMessageBytes: _, ...held } = DEFAULT_LIMITS;
  assert(Object.values(held).every(Number.isSafeInteger));
});

Deno.test("the defaults cannot be changed by accident", () => {
  assert(Object.isFrozen(DEFAULT_LIMITS));
  const limits = resolveLimits();
  limits.maxFragments = 1;
  assertStrictEquals(DEFAULT_LIMITS.maxFragments, 131_072);
});

Deno.test("resolveLimits fills in missing and undefined limits, and ignores other options", () => {
  assertEquals(resolveLimits(), { ...DEFAULT_LIMITS });
  const options = { protocols: ["chat"], maxFragments: 5 };
  assertEquals(resolveLimits(options), { ...DEFAULT_LIMITS, maxFragments: 5 });
  const unset = Object.fromEntries(NAMES.map((name) => [name, undefined]));
  assertEquals(resolveLimits(unset), { ...DEFAULT_LIMITS });
});

for (const name of NAMES.filter(isLimit)) {
  const { least } = LIMITS[name];

  const isTime = /(Timeout|Interval)$/.test(name);
  const most = isTime ? 2 ** 31 - 1 : Number.MAX_SAFE_INTEGER;

  Deno.test(`${name} is a whole number from ${least} to ${most}, or Infinity`, () => {
    for (const value of [least, 1, 12_345, most]) {
      assertEquals(resolveLimits({ [name]: value }), { ...DEFAULT_LIMITS, [name]: value });
    }
    assertStrictEquals(resolveLimits({ [name]: Infinity })[name], isTime ? 0 : Infinity);
    for (const value of [least - 1, -1, 1.5, NaN, -Infinity, most + 1]) {
      assertThrows(
        () => resolveLimits({ [name]: value }),
        RangeError,
        `Cannot use ${name} ${value}: it must be a whole number from ${least} to ${most}, or Infinity`,
      );
    }
    for (const value of ["10", null, true, 10n]) {
      const given = { [name]: value };
      const shown = typeof value === "string" ? `"${value}"` : `${value}`;
      assertThrows(() => Reflect.apply(resolveLimits, undefined, [given]), TypeError, `Cannot use ${name} ${shown}`);
    }
  });
}

Deno.test("the limits of reconnecting are checked like the others", () => {
  assertEquals(resolveReconnectLimits(), { ...DEFAULT_RECONNECT_LIMITS });
  assertEquals(resolveReconnectLimits({ stableInterval: Infinity, maxOutboxBytes: 1 }), {
    ...DEFAULT_RECONNECT_LIMITS,
    stableInterval: 0,
    maxOutboxBytes: 1,
  });
  for (const given of [{ maxAttempts: 0 }, { stableInterval: -1 }, { maxOutboxBytes: 0.5 }, { maxOutboxMessages: 0 }]) {
    assertThrows(() => resolveReconnectLimits(given), RangeError);
  }
});

Deno.test("a broker's limits have their defaults, and are checked like the others", () => {
  assertEquals(resolveBrokerLimits({ maxQueuedMessages: 10, pongTimeout: Infinity }), {
    maxQueuedMessages: 10,
    maxQueuedBytes: 8_388_608,
    maxMessageBytes: 1_048_576,
    pingInterval: 20_000,
    pongTimeout: 0,
  });
  for (const name of Object.keys(DEFAULT_BROKER_LIMITS)) {
    assertThrows(() => resolveBrokerLimits({ [name]: -1 }), RangeError, `Cannot use ${name} -1`);
  }
});

Deno.test("a hub's limits have defaults, and given values are checked in the same way", () => {
  assertEquals(resolveHubLimits(), { maxTopicsPerConnection: 1_000, maxTopicBytes: 1_024, maxBacklogBytes: 1_048_576 });
  assertEquals(resolveHubLimits({ maxTopicBytes: Infinity }), { ...DEFAULT_HUB_LIMITS, maxTopicBytes: Infinity });
  for (const value of [0, -1, 1.5, NaN]) assertThrows(() => resolveHubLimits({ maxBacklogBytes: value }), RangeError);
});

Deno.test("the limits of JSON messages and of requests have defaults, and are checked like the others", () => {
  assertEquals(resolveJsonLimits(), { maxDepth: 64 });
  assertEquals(resolveJsonLimits({ maxDepth: 2 }), { ...DEFAULT_JSON_LIMITS, maxDepth: 2 });
  assertThrows(() => resolveJsonLimits({ maxDepth: 0 }), RangeError);
  assertEquals(resolveRequestLimits({ requestTimeout: Infinity }), {
    maxPendingRequests: 1_000,
    maxRunningRequests: 100,
    requestTimeout: 0,
  });
  for (const given of [{ maxPendingRequests: 0 }, { maxRunningRequests: 1.5 }, { requestTimeout: -1 }]) {
    assertThrows(() => resolveRequestLimits(given), RangeError);
  }
});
