import { assertEquals } from "@std/assert";
import { readUpgradeRequest } from "../../lib/handshake/server_handshake.ts";
import { RequestHeadParser } from "../../lib/handshake/http_head.ts";
import { DEFAULT_LIMITS } from "../../lib/limits.ts";
import { decide, type Judge } from "../../lib/ws/decision.ts";
import { ClosedSocket, UpgradeMessage } from "../../lib/ws/stand_ins.ts";
import { utf8 } from "../_support/frames.ts";
import { requestText } from "../_support/raw_peer.ts";

const head = new RequestHeadParser(DEFAULT_LIMITS).push(utf8(requestText({ "Sec-WebSocket-Protocol": "one, two" })))!;
const upgrade = readUpgradeRequest(head);
const message = new UpgradeMessage(upgrade, new ClosedSocket(undefined, undefined, false));
const OPEN: Judge = { stopping: false, shouldHandle: () => true };

Deno.test("the agreed values: the first subprotocol, the data, and header fields that a listener adds", async () => {
  assertEquals(await decide(OPEN, upgrade, message, 7), { protocol: "one", data: 7 });
  const shown = { ...OPEN, showHeaders: (lines: string[]) => void lines.push("X-A: 1") };
  assertEquals(await decide(shown, upgrade, message, 7), { protocol: "one", headers: [["X-A", "1"]], data: 7 });
  const none = { ...OPEN, handleProtocols: () => false as const };
  assertEquals(await decide(none, upgrade, message, 7), { protocol: "", data: 7 });
});

Deno.test("refusals: 400 for another path, 401 of verifyClient, 503 of a server that stops", async () => {
  const refusals: Partial<Judge>[] = [
    { shouldHandle: () => false },
    { verifyClient: () => false },
    { verifyClient: (_info, answer) => answer(false, 402) },
    { stopping: true },
  ];
  const statuses = await Promise.all(refusals.map(async (judge) => {
    const answer = await decide({ ...OPEN, ...judge }, upgrade, message, undefined);
    return answer instanceof Response && answer.status;
  }));
  assertEquals(statuses, [400, 401, 402, 503]);
});
