// deno-lint-ignore-file no-console -- a benchmark prints
// npm:ws on Node. The folder that has `ws` installed is the first argument; the others are as in counting.ts.
const { createRequire } = require("node:module");
const { parseArgs } = require("node:util");
const { WebSocket } = createRequire(`${process.argv[2]}/package.json`)("ws");

const names = ["port", "pid", "outstanding", "size", "warmup", "duration"];
const { values } = parseArgs({
  args: process.argv.slice(3),
  options: { text: { type: "boolean" }, ...Object.fromEntries(names.map((name) => [name, { type: "string" }])) },
});
const payload = values.text ? "a".repeat(Number(values.size)) : Buffer.alloc(Number(values.size), "a");

let echoes = 0;
const socket = new WebSocket(`ws://127.0.0.1:${values.port}/`);
socket.on("open", () => {
  for (let sent = 0; sent < Number(values.outstanding); sent++) socket.send(payload);
});
socket.on("message", (data, binary) => {
  if (!binary) data.toString(); // what the others give
  echoes++;
  socket.send(payload);
});

setTimeout(() => {
  const [before, started] = [process.cpuUsage(), performance.now()];
  echoes = 0;
  setTimeout(() => {
    const seconds = (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(before);
    const cpu = echoes === 0 ? 0 : (user + system) / echoes;
    console.log(JSON.stringify({ value: echoes / seconds, cpu, busy: (user + system) / 1e6 / seconds }));
    process.exit();
  }, Number(values.duration));
}, Number(values.warmup));
