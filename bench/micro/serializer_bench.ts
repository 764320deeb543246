/** Frames to bytes. A client masks, and takes its keys from a pool of random bytes. */
import { frame, Opcode } from "../../lib/pipeline/frames/frame.ts";
import { FrameSerializer } from "../../lib/pipeline/frames/frame_serializer.ts";

const batches = {
  "64 frames of 32 B": Array.from({ length: 64 }, () => frame(Opcode.BINARY, new Uint8Array(32))),
  "a frame of 1 KiB": [frame(Opcode.BINARY, new Uint8Array(1024))],
  "a frame of 64 KiB": [frame(Opcode.BINARY, new Uint8Array(64 * 1024))],
};

for (const [group, batch] of Object.entries(batches)) {
  for (const role of ["server", "client"] as const) {
    const serializer = new FrameSerializer({ role });
    Deno.bench({ name: `as a ${role}`, group: `serialize ${group}`, fn: () => serializer.push(batch, []) });
  }
}
