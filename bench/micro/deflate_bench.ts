/**
 * permessage-deflate on 1 KB of JSON, through zlib's handle, which keeps its context, and through zlib's public calls, which
 * make one for each message.
 */
import { createDeflater, createInflater } from "../../lib/extensions/permessage_deflate/zlib.ts";
import { json } from "../frames.ts";

const { payload } = json(11);
const SETTINGS = { windowBits: 15, level: 1, memLevel: 8 };
const TAIL_BYTES = 4;

const [sample] = createDeflater(SETTINGS, false).deflate(payload);
const compressed = sample!.slice(0, -TAIL_BYTES);

for (const [name, keepContext] of [["public calls", false], ["handle", true]] as const) {
  const deflater = createDeflater(SETTINGS, keepContext);
  const inflater = createInflater(SETTINGS.windowBits, keepContext);
  Deno.bench({
    name,
    group: "deflate 1 KB of JSON",
    baseline: !keepContext,
    fn() {
      deflater.deflate(payload);
      deflater.reset();
    },
  });
  Deno.bench({
    name,
    group: "inflate 1 KB of JSON",
    baseline: !keepContext,
    fn: () => void inflater.inflate(compressed, { last: true, forget: true, max: 1_000_000 }),
  });
}
