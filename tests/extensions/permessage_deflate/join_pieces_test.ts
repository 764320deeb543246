import { assertEquals, assertStrictEquals } from "@std/assert";
import { joinPieces } from "../../../lib/extensions/permessage_deflate/join_pieces.ts";
import { counting } from "../../_support/bytes.ts";

Deno.test("pieces are joined in order, a single one is not copied, and none are nothing", () => {
  const [one, two] = [counting(3), counting(2, 3)];
  assertEquals(joinPieces([one, new Uint8Array(0), two]), counting(5));
  assertStrictEquals(joinPieces([one]), one);
  assertEquals(joinPieces([]), new Uint8Array(0));
});
