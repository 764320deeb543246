// deno-lint-ignore-file no-console -- an example prints
// A client that reconnects. Stop its server and start it again: the client then sends what it counted meanwhile.
//
//   deno run --allow-net examples/echo.ts
//   deno run --allow-net examples/reconnecting.ts [ws://…]

import { reconnecting } from "@sluice/websocket";

const connection = reconnecting(Deno.args[0] ?? "ws://127.0.0.1:8080", {
  delay: { first: 500, most: 30_000 },
  maxOutboxMessages: 60,
  // Called first on each connection: authenticate and subscribe here.
  onConnect: (socket) => socket.send("Hello again"),
  onState({ state, failures, delay, lastClose }) {
    console.log(`-- ${state}`);
    if (state !== "waiting") return;
    console.log(`-- ${lastClose?.error ?? lastClose?.closeCode}; ${failures} failed, next in ${Math.ceil(delay)} ms`);
  },
});

let count = 0;
const timer = setInterval(() => {
  // The promise tells whether the message was sent.
  const message = `${++count}`;
  connection.send(message).catch((error) => console.log(`-- ${message} is not sent: ${error.message}`));
}, 1_000);

Deno.addSignalListener("SIGINT", () => {
  clearInterval(timer);
  void connection.close();
});
for await (const message of connection) console.log(message);
Deno.exit();
