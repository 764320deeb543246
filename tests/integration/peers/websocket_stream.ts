/**
 * Deno's `WebSocketStream`, which needs `--unstable-net`: sends an echo server one message of each kind and size, closes with
 * 4001 and prints what it received. Arguments: the URL, the subprotocol, the sizes.
 *
 * @module
 */
import { assertMessage, messages } from "../../_support/messages.ts";

interface CloseInfo {
  closeCode?: number;
  reason?: string;
}

const [url, protocol, ...sizes] = Deno.args;
const socket = new WebSocketStream(url!, { protocols: [protocol!] });
const opened = await socket.opened;
const reader = opened.readable.getReader();
const writer = opened.writable.getWriter();
let echoed = 0;
for (const message of messages(sizes.map(Number))) {
  await writer.write(message);
  assertMessage((await reader.read()).value, message);
  echoed++;
}
// Deno 2.9 takes and gives `closeCode`, as the WHATWG says; its types still say `code`.
const goodbye: CloseInfo = { closeCode: 4001, reason: "größer" };
socket.close(goodbye);
// On a busy machine Deno 2.9 rejects `closed` after a clean close, with its own server too: two of its reads compete for the
// close frame. So what the server answered is not compared here.
await socket.closed.catch(() => {});
// deno-lint-ignore no-console -- it is what the test reads
console.log(JSON.stringify({ protocol: opened.protocol, echoed }));
