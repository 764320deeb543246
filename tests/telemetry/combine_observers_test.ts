import { assertEquals } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import type { Observer } from "../../lib/connection/watch/observer.ts";
import { serve } from "../../lib/server/serve.ts";
import { combineObservers } from "../../lib/telemetry/combine_observers.ts";
import { printed } from "../_support/printed.ts";

Deno.test("several observers get every event, in order, even if one of them throws", async () => {
  const told: string[] = [];
  const noting = (name: string): Observer => ({
    opened() {
      told.push(`${name} opened`);
      return {
        received: () => void told.push(`${name} received`),
        sent: () => void told.push(`${name} sent`),
        roundTrip: () => void told.push(`${name} roundTrip`),
        held: () => void told.push(`${name} held`),
        closed: ({ closeCode }) => void told.push(`${name} closed ${closeCode}`),
      };
    },
    refused: (error) => void told.push(`${name} refused ${error.name}`),
  });
  const broken: Observer = {
    opened: () => ({
      sent() {
        throw new Error("mine");
      },
    }),
    refused() {
      throw new Error("mine too");
    },
  };
  const observer = combineObservers(noting("first"), {}, broken, noting("second"));
  const errors = await printed(async () => {
    await using server = serve({
      port: 0,
      hostname: "127.0.0.1",
      upgrade: ({ path }) => path === "/" ? undefined : new Response(null, { status: 404 }),
    }, {});
    const socket = await connect(server.url, { observer });
    await socket.ping();
    await socket.close();
    await connect(`${server.url}/nothing`, { observer }).catch(() => {});
  });
  const both = (what: string) => [`first ${what}`, `second ${what}`];
  assertEquals(
    told,
    ["opened", "sent", "received", "roundTrip", "sent", "received", "closed 1000", "refused HandshakeError"].flatMap(
      both,
    ),
  );
  assertEquals(new Set(errors.map(String)), new Set(["Error: mine", "Error: mine too"]));
});

Deno.test("a single observer of a connection is called directly, and without one nothing is called", () => {
  const watching = { closed() {} };
  const socket = {} as Parameters<NonNullable<Observer["opened"]>>[0];
  assertEquals(combineObservers({ opened: () => watching }, {}).opened?.(socket), watching);
  assertEquals(combineObservers({}, { opened() {} }).opened?.(socket), undefined);
});
