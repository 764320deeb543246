import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import type { MessageData } from "../../lib/pipeline/messages/message.ts";
import { hubFor, type Topics } from "../../lib/connection/topics.ts";
import type { SendOptions, SubscribeOptions } from "../../lib/connection/socket_options.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { open } from "./_support.ts";

Deno.test("subscribe, unsubscribe and publish pass their arguments and the connection to the hub", () => {
  const calls: unknown[] = [];
  const hub: Topics = {
    subscribe(socket: WebSocketConnection, topic: string, options?: SubscribeOptions) {
      calls.push([socket === connection, topic, options]);
      return true;
    },
    unsubscribe(socket: WebSocketConnection, topic: string) {
      calls.push([socket === connection, topic]);
      return false;
    },
    publishFrom(socket: WebSocketConnection, topic: string, data: MessageData, options?: SendOptions) {
      calls.push([socket === connection, topic, data, options]);
      return 7;
    },
  };
  const { connection, peer } = open({ hub });
  const answers = [
    connection.subscribe("a", { history: 3 }),
    connection.unsubscribe("a"),
    connection.publish("b", "hello", { compress: false }),
  ];
  assertEquals(answers, [true, false, 7]);
  assertEquals(calls, [[true, "a", { history: 3 }], [true, "a"], [true, "b", "hello", { compress: false }]]);
  assertStrictEquals(hubFor("subscribe", hub), hub);
  connection.abort();
  peer.close();
});

Deno.test("without a hub they throw InvalidStateError with a message that says what is missing", () => {
  const error = assertThrows(
    () => hubFor("publish", undefined),
    DOMException,
    "Cannot publish: the server was given no hub",
  );
  assertStrictEquals(error.name, "InvalidStateError");
});
