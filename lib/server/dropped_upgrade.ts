/**
 * Prints to the console that a proxy drops `Upgrade`. Without that, the server's log shows an ordinary request, and the client sees
 * only that the answer is not 101.
 *
 * @module
 */
import type { RequestHead } from "../handshake/http_head.ts";
import { isUpgradeDropped } from "../handshake/server_handshake.ts";

let printed = false;

/**
 * Prints a hint for a request that lost `Upgrade` on its way. It does so once in a process, because clients can send any number of
 * such requests.
 *
 * @param head The head of a request.
 */
export function noticeDroppedUpgrade(head: Pick<RequestHead, "version" | "fields">): void {
  if (printed || !isUpgradeDropped(head)) return;
  printed = true;
  // deno-lint-ignore no-console -- the operator can fix it, and the server shows it nowhere else
  console.warn(
    "A request has Sec-WebSocket-Key, but not Upgrade, Connection and HTTP/1.1: a proxy in front of this server drops them. " +
      "Let it pass them on: in nginx, proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; " +
      'proxy_set_header Connection "upgrade"; (docs/how-to/proxies.md)',
  );
}
