import { assertEquals } from "@std/assert";
import { connect } from "../../mod.ts";
import { deno } from "../_support/child.ts";

for (const example of ["echo", "pipeline", "extension"]) {
  Deno.test(`examples/${example}.ts echoes text and binary messages, answers pings and the closing handshake`, async () => {
    await using child = deno("run", "--allow-net=127.0.0.1", `examples/${example}.ts`, "0");
    const [, url] = await child.said(/(ws:\S+)/);
    for (let round = 0; round < 2; round++) {
      const socket = await connect(url!);
      const replies = socket[Symbol.asyncIterator]();
      for (const message of ["héllo", Uint8Array.of(0, 255), "", "x".repeat(100_000)]) {
        await socket.send(message);
        assertEquals((await replies.next()).value, message);
      }
      await socket.ping("are you there");
      const { closeCode, wasClean } = await socket.close(4321);
      assertEquals({ closeCode, wasClean }, { closeCode: 4321, wasClean: true });
    }
  });
}
