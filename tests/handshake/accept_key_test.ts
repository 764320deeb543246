import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { decodeBase64 } from "@std/encoding/base64";
import { acceptKey, createKey, GUID, isKey } from "../../lib/handshake/accept_key.ts";
import { base64 } from "../../lib/pipeline/bytes/base64.ts";
import { assertLinear } from "./_support.ts";

Deno.test("the key of RFC 6455 §1.3 has the accept value that is given there", async () => {
  assertEquals(GUID, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
  assertEquals(await acceptKey("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
});

Deno.test("a new key is 16 bytes in base64, and always different", () => {
  const key = createKey();
  assert(isKey(key));
  assertEquals(decodeBase64(key).length, 16);
  assertNotEquals(createKey(), key);
});

Deno.test("Base64 encodes every byte value", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  assertEquals(decodeBase64(base64(bytes)), bytes);
});

Deno.test("H8, CVE-2026-5067, CVE-2026-5068: a key has 22 digits of base64 and two pads", () => {
  assert(isKey("dGhlIHNhbXBsZSBub25jZQ=="));
  assert(isKey("+/AAAAAAAAAAAAAAAAAAAA=="));
  const bad = [
    "",
    "x",
    "dGhlIHNhbXBsZSBub25jZQ=", // One pad.
    "dGhlIHNhbXBsZSBub25jZQ", // None.
    "dGhlIHNhbXBsZSBub25jZQ===",
    "dGhlIHNhbXBsZSBub25jZ===",
    "dGhlIHNhbXBsZSBub25jZQQQ", // 18 bytes.
    "dGhlIHNhbXBsZSBub25jZQA=", // 17 bytes.
    "dGhlIHNhbXBsZSBub25j", // 15 bytes.
    "dGhlIHNhbXBsZSBub25-_Q==", // Base64url.
    "dGhlIHNhbXBsZS Bub25jZQ=",
    " dGhlIHNhbXBsZSBub25jZQ==",
    "dGhlIHNhbXBsZSBub25jZQ==\n",
    "dGhlIHNhbXBsZSBub25jZ\xc1==",
    "=dGhlIHNhbXBsZSBub25jZQ=",
  ];
  for (const value of bad) assert(!isKey(value), value);
});

Deno.test("the unused bits of a key's last digit may have any value", () => assert(isKey("dGhlIHNhbXBsZSBub25jZf==")));

Deno.test("CVE-2026-5067: a key of a million characters is refused at once", () => {
  assertLinear(() => assert(!isKey("A".repeat(1_000_000))));
});
