/** Text: decoding a whole message beside `TextDecoder`, and checking one that comes in parts. */
import { decodeUtf8, Utf8Validator } from "../../lib/pipeline/bytes/utf8.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

const texts = {
  "32 B of ASCII": "abcdefghijklmnopqrstuvwxyz012345",
  "1 KB of ASCII": "abcdefgh".repeat(128),
  "1 KB of Greek and emoji": "κόσμε 🌍 ".repeat(64),
};

for (const [group, text] of Object.entries(texts)) {
  const bytes = encoder.encode(text);
  Deno.bench({ name: "TextDecoder", group, baseline: true, fn: () => void decoder.decode(bytes) });
  Deno.bench({ name: "decodeUtf8", group, fn: () => void decodeUtf8(bytes) });
  Deno.bench({ name: "Utf8Validator", group, fn: () => void new Utf8Validator().push(bytes) });
}
