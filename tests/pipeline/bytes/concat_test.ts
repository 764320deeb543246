import { assertEquals, assertStrictEquals } from "@std/assert";
import { concatBytes } from "../../../lib/pipeline/bytes/concat.ts";
import { counting } from "../../_support/bytes.ts";

Deno.test("pieces are joined in order, a single one is not copied, and no pieces give nothing", () => {
  const [one, two] = [counting(3), counting(2, 3)];
  assertEquals(concatBytes([one, new Uint8Array(0), two]), counting(5));
  assertStrictEquals(concatBytes([one]), one);
  assertEquals(concatBytes([]), new Uint8Array(0));
});
