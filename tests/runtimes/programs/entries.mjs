// deno-lint-ignore-file no-console -- the test reads it
// Every entry point of the package: those of the brokers want the client that their user brings.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

const url = new URL("node_modules/@sluice/websocket/package.json", import.meta.url);
const { exports, peerDependencies } = JSON.parse(await readFile(url, "utf8"));
const peers = Object.keys(peerDependencies).sort();
assert.deepEqual(peers, ["@nats-io/jetstream", "@nats-io/transport-node", "redis"]);

const missing = [];
for (const entry of Object.keys(exports)) {
  try {
    assert(Object.keys(await import(`@sluice/websocket${entry.slice(1)}`)).length > 0, entry);
  } catch (error) {
    if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
    missing.push([entry, peers.some((peer) => error.message.includes(`'${peer}'`)) || error.message]);
  }
}
assert.deepEqual(missing, [
  ["./hub/nats", true],
  ["./hub/redis", true],
  ["./recovery/nats", true],
  ["./recovery/redis", true],
]);
console.log("ok");
