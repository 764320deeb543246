/**
 * An echo server for a process with few file descriptors: it prints where it listens and every error.
 *
 * @module
 */
import { serve } from "../../../mod.ts";

// deno-lint-ignore no-console -- the test reads it
const print = console.log;
const server = serve({
  port: 0,
  hostname: "127.0.0.1",
  onError: (error) => print(`error: ${error}`),
}, {
  message: (socket, data) => void socket.send(data),
});
print(`listening on ${server.url}`);
