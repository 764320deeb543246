// deno-lint-ignore-file no-console -- an example prints
// A message that is never in memory as a whole: the client produces it while it is sent, and the server counts it while it
// arrives. You can send a file in the same way: `socket.send(file.readable)`.
//
//   deno run --allow-net examples/big_message.ts [MiB]

import { connect, serve } from "@sluice/websocket";

const MiB = 1024 * 1024;

await using server = serve({ port: 0, hostname: "127.0.0.1" }, async (socket) => {
  for await (const message of socket.messages()) {
    let length = 0;
    for await (const chunk of message.readable) length += chunk.length;
    await socket.send(`${message.type}, ${length / MiB} MiB`);
  }
});

async function* zeros(count: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const chunk = new Uint8Array(MiB);
  for (let i = 0; i < count; i++) yield chunk;
}

await using socket = await connect(server.url);
await socket.send(zeros(Number(Deno.args[0] ?? 1024)));
for await (const message of socket) {
  console.log(`The server counted: ${message}`);
  break;
}
