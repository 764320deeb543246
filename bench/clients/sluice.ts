/**
 * Our client: `connect`, `for await` and `send`.
 *
 * @module
 */
import { connect } from "../../mod.ts";
import { count, outstanding, payload, url } from "./counting.ts";

const socket = await connect(url);
for (let sent = 0; sent < outstanding; sent++) void socket.send(payload);
for await (const _ of socket) {
  count();
  await socket.send(payload);
}
