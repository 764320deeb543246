import { assertEquals } from "@std/assert";
import { pageWithDiagrams } from "./diagrams.ts";
import { ORIGIN_REFUSED, overlook } from "../_support/printed.ts";

overlook(ORIGIN_REFUSED);

Deno.test("docs/explanation/handshakes.md matches both handshakes: `deno task diagrams` writes it", async () => {
  const page = new URL("../../docs/explanation/handshakes.md", import.meta.url);
  assertEquals(Deno.readTextFileSync(page), await pageWithDiagrams());
});
