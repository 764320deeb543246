import { assertEquals } from "@std/assert";
import { denoOutput } from "../_support/child.ts";

const PRINTED = `Frames that the client makes
  TEXT              43 61 66 c3
  PING         FIN  74 68 65 72 65 3f
  CONTINUATION      a9 20 63 72
  CONTINUATION FIN  c3 a8 6d 65

42 bytes on the wire
  01 84 37 fa 21 3d 74 9b 47 fe 89 86 37 fa 21 3d 43 92 44 4f 52 c5 00 84 37 fa 21 3d 9e da 42 4f 80 84 37 fa 21 3d f4 52 4c 58

What the server reads, by the byte that completes it
byte 10
  TEXT              43 61 66 c3
byte 22
  PING         FIN  74 68 65 72 65 3f
  control frame 9, to be answered with 74 68 65 72 65 3f
byte 32
  CONTINUATION      a9 20 63 72
byte 42
  CONTINUATION FIN  c3 a8 6d 65
  message "Café crème"

A bit that no extension owns
  Reserved bits 100 were not negotiated (RFC 6455 §5.2), close with 1002
`;

Deno.test("examples/raw_frames.ts builds, masks, interleaves and reads frames byte by byte, and needs no permission", async () => {
  const { code, stdout } = await denoOutput("run", "--no-prompt", "examples/raw_frames.ts");
  assertEquals([code, stdout], [0, PRINTED]);
});
