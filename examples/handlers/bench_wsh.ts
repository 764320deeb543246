// Measures one way: "receive 1000 64" has it send 1000 binary messages of 64 bytes, and "send 1000" has it take in 1000 messages
// and answer with the number of their bytes or characters.
//
//   deno task serve
//   deno task connect ws://127.0.0.1:8080/bench

import type { HandlerRequest } from "@sluice/websocket/handlers";

export async function transferData({ stream }: HandlerRequest): Promise<void> {
  for await (const command of stream) {
    const [, verb, count, size] = /^(receive|send) (\d{1,7})(?: (\d{1,7}))?$/.exec(String(command)) ?? [];
    if (verb === undefined) return await stream.closeConnection(1008, 'Say "receive COUNT SIZE" or "send COUNT"');
    if (verb === "receive") {
      const message = new Uint8Array(Number(size ?? 0));
      for (let sent = 0; sent < Number(count); sent++) await stream.sendMessage(message);
    } else {
      let total = 0;
      for (let received = 0; received < Number(count); received++) {
        const message = await stream.receiveMessage();
        if (message === null) return;
        total += message.length;
      }
      await stream.sendMessage(String(total));
    }
  }
}
