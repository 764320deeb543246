import { assertEquals, assertThrows } from "@std/assert";
import { type OptionKinds, TEXT } from "../../lib/option_kinds.ts";
import { checkHandler, takeServing } from "../../lib/connection/check_handler.ts";

const says = (handler: unknown) => assertThrows(() => checkHandler("serve()", handler), TypeError).message;

Deno.test("a handler is a function, or an object with some of the five callbacks, or with none", () => {
  checkHandler("serve()", () => {});
  checkHandler("serve()", {});
  checkHandler("serve()", { open() {}, message() {}, drain() {}, close() {}, error() {} });
  checkHandler("serve()", { open: undefined, other: undefined });
  checkHandler("serve()", Object.assign(Object.create(null), { message() {} }));
});

Deno.test("callbacks may be methods of a class, which may have other members too", () => {
  class Base {
    message() {}
  }
  class Chat extends Base {
    rooms = new Map();
    #secret = 1;
    onTopic = () => this.#secret;
    onMessage() {}
  }
  checkHandler("serve()", new Chat());
});

Deno.test("a missing or invalid handler is a TypeError that says what is expected", () => {
  const wanted = 'a handler: a function, or an object with callbacks ("open", "message", "drain", "close" or "error")';
  assertEquals(says(undefined), `serve() needs ${wanted}`);
  assertEquals(says(null), `serve() needs ${wanted}, not null`);
  assertEquals(says("echo"), `serve() needs ${wanted}, not "echo"`);
  assertEquals(says([() => {}]), `serve() needs ${wanted}, not (a list)`);
  assertEquals(says(new Map()), `serve() needs ${wanted}, not an object with none of them`);
});

Deno.test("a callback that is not a function, or has an unknown name, is a TypeError", () => {
  assertEquals(says({ message: "hi" }), 'serve() cannot use the callback "message" "hi": it must be a function');
  assertEquals(says({ open: null }), 'serve() cannot use the callback "open" null: it must be a function');
  for (const name of ["onMessage", "onmessage", "mesage", "Message"]) {
    assertEquals(says({ [name]() {} }), `A handler has no callback "${name}": did you mean "message"?`);
  }
  assertEquals(says({ message() {}, onOpen() {} }), 'A handler has no callback "onOpen": did you mean "open"?');
  assertEquals(
    says({ fetch() {} }),
    'A handler has no callback "fetch": it takes "open", "message", "drain", "close" or "error"',
  );
  class Chat {
    message() {}
    onClose() {}
  }
  assertEquals(says(new Chat()), 'A handler has no callback "onClose": did you mean "close"?');
});

Deno.test("callbacks among the options get an error that says where they belong, and so does a handler that comes first", () => {
  interface Options {
    hostname?: string;
  }
  const kinds: OptionKinds<Options> = { hostname: TEXT };
  const serving = (options: unknown, handler?: unknown) =>
    assertThrows(() => Reflect.apply(takeServing, undefined, ["serve()", options, kinds, handler]), TypeError).message;
  for (const name of ["message", "onMessage", "open", "websocket", "handler"]) {
    assertEquals(
      serving({ hostname: "a", [name]: () => {} }),
      `serve() has no option "${name}": the handler with its callbacks is an argument of its own, behind the options`,
    );
  }
  assertEquals(serving(() => {}, {}), "serve() takes the options before the handler, such as {}");
  assertEquals(serving({ host: "a" }, {}), 'serve() has no option "host": did you mean "hostname"?');
  takeServing("serve()", { hostname: "a" }, kinds, {});
});
