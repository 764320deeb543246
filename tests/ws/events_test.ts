import { EventEmitter } from "node:events";
import { assertEquals } from "@std/assert";
import { WebListeners } from "../../lib/ws/events.ts";

Deno.test("an attribute is removed with the last listener, and a listener can be added again", () => {
  const emitter = new EventEmitter();
  const listeners = new WebListeners<"message", EventEmitter>(emitter, "message", { text: "text", wasClean: false });
  const seen: unknown[] = [];
  const listener = ({ data }: { data: unknown }) => void seen.push(data);
  listeners.handler = listener;
  listeners.add(listener, true);
  assertEquals(listeners.handler, listener);
  emitter.emit("message", "bytes", false);
  assertEquals(seen, ["text", "text"]);
  listeners.add(listener, false);
  emitter.emit("message", "bytes", false);
  assertEquals(seen.length, 4);
  emitter.removeAllListeners();
  assertEquals(listeners.handler, null);
  listeners.add(listener, false);
  emitter.emit("message", "bytes", false);
  assertEquals(seen.length, 5);
});
