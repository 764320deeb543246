import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { closeEvent, errorEvent, EventHandlerAttribute } from "../../lib/client/event_handlers.ts";

/** A target with a handler attribute for "ping", and what was called. */
function target() {
  const target = new EventTarget();
  const calls: string[] = [];
  const attribute = new EventHandlerAttribute<unknown>(target, "ping");
  return {
    target,
    attribute,
    call: (name: string) => () => calls.push(name),
    fire(): string[] {
      calls.length = 0;
      target.dispatchEvent(new Event("ping"));
      return calls;
    },
  };
}

Deno.test("a handler keeps its place among the listeners, and the next handler takes it over", () => {
  const { target: events, attribute, call, fire } = target();
  events.addEventListener("ping", call("before"));
  attribute.value = call("handler");
  events.addEventListener("ping", call("after"));
  assertEquals(fire(), ["before", "handler", "after"]);
  attribute.value = call("another");
  assertEquals(fire(), ["before", "another", "after"]);
});

Deno.test("null gives up the place", () => {
  const { target: events, attribute, call, fire } = target();
  attribute.value = call("handler");
  events.addEventListener("ping", call("listener"));
  attribute.value = null;
  assertEquals(fire(), ["listener"]);
  assertStrictEquals(attribute.value, null);
  attribute.value = call("again");
  assertEquals(fire(), ["listener", "again"]);
});

Deno.test("a value that is neither a function nor an object becomes null; an object is kept and not called", () => {
  const { attribute, call, fire } = target();
  for (const value of [1, "text", true, undefined]) {
    attribute.value = call("handler");
    attribute.value = value;
    assertStrictEquals(attribute.value, null);
  }
  const listener = { handleEvent: call("listener") };
  attribute.value = listener;
  assertStrictEquals(attribute.value, listener);
  assertEquals(fire(), []);
});

Deno.test("a handler's this is the target, and its argument the event", () => {
  const { target: events, attribute } = target();
  const seen: unknown[] = [];
  attribute.value = function (this: unknown, event: Event) {
    seen.push(this, event.type);
  };
  events.dispatchEvent(new Event("ping"));
  assertEquals(seen, [events, "ping"]);
});

for (
  const [name, make, fields] of [
    ["CloseEvent", closeEvent, { code: 4001, reason: "bye", wasClean: true }],
    ["ErrorEvent", errorEvent, { error: new Error("lost"), message: "lost" }],
  ] as const
) {
  Deno.test(`a ${name} is the platform's, or on Node 20, which lacks it, an Event with its fields`, () => {
    const type = name === "CloseEvent" ? "close" : "error";
    const create = () => Reflect.apply(make, undefined, [fields]);
    const told = (event: Event) => Object.keys(fields).map((field) => Reflect.get(event, field));
    const ours = create();
    assertEquals([ours.type, ours.constructor.name, ...told(ours)], [type, name, ...Object.values(fields)]);
    const platform = Object.getOwnPropertyDescriptor(globalThis, name);
    assert(platform !== undefined);
    Reflect.deleteProperty(globalThis, name);
    try {
      const event = create();
      assertEquals([event.type, event.constructor, ...told(event)], [type, Event, ...Object.values(fields)]);
    } finally {
      Object.defineProperty(globalThis, name, platform);
    }
  });
}
