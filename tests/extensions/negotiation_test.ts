import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  acceptExtensions,
  confirmExtensions,
  describeExtensions,
  offerExtensions,
  openExtensions,
} from "../../lib/extensions/negotiation.ts";
import { parseExtensions } from "../../lib/handshake/extension_header.ts";
import { type Frame, frame, Opcode, Rsv } from "../../lib/pipeline/frames/frame.ts";
import { lines, utf8 } from "../_support/frames.ts";
import { ask, flip, tag, type Toy, toy } from "../_support/toy_extensions.ts";
import { contextOf } from "./_support.ts";

/** A header's value as the handshake reads it. */
const offers = (header: string) => parseExtensions(header === "" ? [] : [header]);

/** The answer to offers. */
const answerTo = (header: string, ...extensions: Toy[]) =>
  describeExtensions(acceptExtensions(offers(header), extensions));

const RSV1 = { first: Rsv.RSV1 };
const RSV3 = { first: Rsv.RSV3, continuation: Rsv.RSV3 };

Deno.test("a server answers in the client's order, whatever its own", () => {
  const [a, b] = [tag("a", { reservedBits: RSV1 }), tag("b", { reservedBits: RSV3 })];
  assertEquals(answerTo("x-tag-b, x-tag-a", a, b), "x-tag-b, x-tag-a");
  assertEquals(answerTo("x-tag-a, x-tag-b", a, b), "x-tag-a, x-tag-b");
});

Deno.test("an extension that only one side knows is not accepted", () => {
  assertEquals(answerTo("x-other, x-flip, x-more; a=1", flip()), "x-flip");
  assertEquals(answerTo("x-other", flip()), "");
  assertEquals(answerTo("", flip()), "");
  assertEquals(answerTo("x-flip"), "");
});

Deno.test("an extension's first acceptable offer is accepted, and its others are not considered", () => {
  const tried: string[] = [];
  const picky = toy({
    takes: ([first]) => {
      tried.push(first?.name ?? "");
      return first?.name === "two";
    },
  });
  assertEquals(answerTo("x-toy; one, x-toy; two, x-toy; three", picky), "x-toy");
  assertEquals(tried, ["one", "two"]);
});

Deno.test("the answer has the processor's parameters at the time when it is written", () => {
  const params = [{ name: "key", value: "1" }];
  const [processor] = acceptExtensions(offers("x-toy"), [toy({ params })]);
  params.push({ name: "more", value: "2" });
  assertEquals(describeExtensions([processor!]), "x-toy; key=1; more=2");
});

for (
  const [what, one, other] of [
    ["a reserved bit of first frames", { reservedBits: RSV1 }, { reservedBits: { first: Rsv.RSV1 | Rsv.RSV2 } }],
    ["a reserved bit of continuations", { reservedBits: RSV3 }, { reservedBits: { continuation: Rsv.RSV3 } }],
    ["a reserved bit of control frames", { reservedBits: { control: 2 } }, { reservedBits: { control: 2 } }],
    ["an opcode", { reservedOpcodes: [3, 7] }, { reservedOpcodes: [7, 15] }],
  ] as const
) {
  Deno.test(`of two extensions that need ${what}, the first one offered gets it`, () => {
    const toys = [toy({ name: "one", ...one }), toy({ name: "other", ...other })];
    assertEquals(answerTo("one, other", ...toys), "one");
    assertEquals(answerTo("other, one", ...toys), "other");
  });

  Deno.test(`a client refuses a response with two extensions that need ${what}`, () => {
    const toys = [toy({ name: "one", ...one }), toy({ name: "other", ...other })];
    assertThrows(() => confirmExtensions(offers("one, other"), toys), Error, '"other", which conflicts with "one"');
  });
}

Deno.test("extensions may share a bit if they use it on different kinds of frames", () => {
  const toys = [toy({ name: "one", reservedBits: { first: 4 } }), toy({ name: "other", reservedBits: { control: 4 } })];
  assertEquals(answerTo("one, other", ...toys), "one, other");
});

Deno.test("a second offer that needs less is accepted if the first one conflicts", () => {
  const other = (params: readonly { name: string }[]) => params.length > 0;
  assertEquals(answerTo("x-flip, x-toy; small", flip(), toy({ takes: other })), "x-flip, x-toy");
});

Deno.test("a client offers everything in its order, each extension with all its offers", () => {
  const offersOfToy = [[{ name: "a", value: "1" }, { name: "b", value: undefined }], []];
  assertEquals(offerExtensions([flip(), toy({ offers: offersOfToy })]), "x-flip, x-toy; a=1; b, x-toy");
  assertEquals(offerExtensions([]), "");
});

Deno.test("a client accepts a response in the server's order", () => {
  const confirmed = confirmExtensions(offers("x-ask, x-flip"), [flip(), ask()]);
  assertEquals(confirmed.map(({ name }) => name), ["x-ask", "x-flip"]);
  assertEquals(confirmExtensions([], [flip()]), []);
});

Deno.test("a client refuses an extension that it did not offer, a duplicate, and wrong parameters", () => {
  assertThrows(() => confirmExtensions(offers("x-flip"), []), Error, '"x-flip", which was not offered');
  assertThrows(
    () => confirmExtensions(offers("x-toy, x-toy"), [toy({})]),
    Error,
    '"x-toy", which conflicts with "x-toy"',
  );
  assertThrows(() => confirmExtensions(offers("x-toy; a"), [toy({ takes: () => false })]), RangeError, "refuses");
});

Deno.test("without extensions there is no chain", () => {
  assertStrictEquals(openExtensions([], contextOf("server")), undefined);
});

Deno.test("RFC 6455 §9.1: frames go out through the extensions in the order of the answer, and come in the other way round", () => {
  const toys = [
    tag("a", { reservedBits: RSV1 }),
    tag("b", { reservedBits: { first: Rsv.RSV2 } }),
    tag("c", { reservedBits: RSV3 }),
  ];
  const chain = openExtensions(acceptExtensions(offers("x-tag-b, x-tag-c, x-tag-a"), toys), contextOf("server"))!;
  const hello = frame(Opcode.TEXT, utf8("Hello"));
  const encoded: Frame[] = [];
  chain.encode.push([hello], encoded);
  assertEquals(lines(encoded), lines([frame(Opcode.TEXT, utf8("acbHello"), { rsv: 7 })]));
  const decoded: Frame[] = [];
  chain.decode.push(encoded, decoded);
  assertEquals(lines(decoded), lines([hello]));
  assertEquals(toys.map(({ received }) => received.map(({ rsv }) => rsv)), [[7], [2], [3]]);
});

Deno.test("a chain owns everything that its extensions own, and takes partial frames if they all do", () => {
  const open = (...toys: Toy[]) => openExtensions(toys.map((toy) => toy.confirm([])), contextOf("client"))!;
  const { reservedBits, reservedOpcodes, splittable } = open(
    flip({ splittable: true }),
    ask(),
    toy({ reservedBits: { first: 1, control: 4 }, reservedOpcodes: [5] }),
  );
  assertEquals(reservedBits, { first: 3, continuation: 2, control: 4 });
  assertEquals(reservedOpcodes, [3, 11, 5]);
  assertEquals(splittable, false);
  assertEquals(open(flip({ splittable: true }), ask({ splittable: true })).splittable, true);
  assertEquals(open(flip()).splittable, false);
});

Deno.test("once messages are passed on in parts, codecs see a message limit of Infinity", () => {
  const one = flip();
  const chain = openExtensions([one.confirm([])], contextOf("client", { maxMessageBytes: 5 }))!;
  assertEquals(one.opened[0]?.maxMessageBytes, 5);
  chain.stream();
  assertEquals(one.opened[0]?.maxMessageBytes, Infinity);
});

Deno.test("frames before one that an extension refuses are decoded", () => {
  const refusing = toy({
    decode(frame) {
      if (frame.payload.length === 0) throw new RangeError("Empty");
      return frame;
    },
  });
  const inner = flip();
  const chain = openExtensions([inner, refusing].map((toy) => toy.confirm([])), contextOf("server"))!;
  const decoded: Frame[] = [];
  assertThrows(() => chain.decode.push([frame(2, utf8("1")), frame(2), frame(2, utf8("2"))], decoded), RangeError);
  assertEquals(lines(decoded), lines([frame(2, utf8("1"))]));
  assertEquals(inner.received.length, 1);
});

Deno.test("releasing a chain releases every codec that has something to release", () => {
  const toys = [flip(), ask()];
  const bare = toy({ name: "bare" }).confirm([]);
  const noRelease = {
    ...bare,
    open: () => ({ decode: { push: () => {} }, encode: { push: () => {} } }),
  };
  openExtensions([...toys.map((toy) => toy.confirm([])), noRelease], contextOf("server"))!.release();
  assertEquals(toys.map(({ released }) => released), [1, 1]);
});

Deno.test("A7: a chain has an encoding if all its processors have one, and none otherwise", () => {
  const encodingOf = (...extensions: Toy[]) => {
    const processors = acceptExtensions(offers(extensions.map(({ name }) => name).join(", ")), extensions);
    return openExtensions(processors, contextOf("server"))?.encoding;
  };
  const a = tag("a", { reservedBits: RSV1, encoding: "1" });
  const b = tag("b", { reservedBits: RSV3, encoding: '1"],["x-tag-c","1' });
  const keeps = toy({ name: "x-keeps" });
  assertStrictEquals(encodingOf(a), encodingOf(tag("a", { encoding: "1" })));
  const different = [
    encodingOf(a),
    encodingOf(b),
    encodingOf(a, b),
    encodingOf(b, a),
    encodingOf(tag("a", { encoding: "2" })),
  ];
  assertStrictEquals(new Set(different).size, 5);
  assertEquals([encodingOf(keeps), encodingOf(a, keeps), encodingOf()], [undefined, undefined, undefined]);
});
