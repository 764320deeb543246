import { assertEquals } from "@std/assert";
import { base64, decodeBase64 } from "../../../lib/pipeline/bytes/base64.ts";
import { assertBytes, counting } from "../../_support/bytes.ts";

Deno.test("base64 matches RFC 4648: the test vectors of section 10, both ways", () => {
  const vectors = {
    "": "",
    f: "Zg==",
    fo: "Zm8=",
    foo: "Zm9v",
    foob: "Zm9vYg==",
    fooba: "Zm9vYmE=",
    foobar: "Zm9vYmFy",
  };
  for (const [text, encoded] of Object.entries(vectors)) {
    const bytes = new TextEncoder().encode(text);
    assertEquals(base64(bytes), encoded);
    assertBytes(decodeBase64(encoded)!, bytes);
  }
});

Deno.test("base64 encodes any number of bytes", () => {
  for (const size of [8191, 8192, 8193, 1_000_000]) assertBytes(decodeBase64(base64(counting(size)))!, counting(size));
});

Deno.test("invalid base64 decodes to undefined", () => {
  for (const text of ["a", "****", "Zg=", "é"]) assertEquals(decodeBase64(text), undefined);
});
