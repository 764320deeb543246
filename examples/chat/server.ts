// deno-lint-ignore-file no-console -- an example prints
// A chat with rooms, and a web page for it. A room announces members who join and leave, and keeps its last fifty messages for
// members who join or reconnect later. Reloading a page is not announced.
//
//   deno run --allow-net --allow-read=examples/chat examples/chat/server.ts [port]

import { serve, type UpgradeRequest } from "@sluice/websocket";
import { createHub } from "@sluice/websocket/hub";
import { createPresence } from "@sluice/websocket/presence";
// The client for the page, as one file. A text needs no permission to be read.
import script from "../../lib/browser/sluice.js" with { type: "text" };

interface Guest {
  readonly name: string;
  readonly room: string;
}

/** What the page is sent, as JSON. What the page sends is the text alone: who says it, and where, is the connection's. */
type News =
  | { type: "said"; id: string; time: number; name: string; text: string }
  | { type: "here"; count: number; came: readonly string[]; left: readonly string[] };

const HISTORY = 50;
// A guest who does not read is disconnected, which is the hub's default. The page comes back, and asks for the history again.
const hub = createHub<Guest>({ history: { messages: HISTORY } });
const presence = createPresence<null>({
  leaveDelay: 3_000,
  onChange(room, { joined, left }) {
    presence.send(room, here(room, joined.map(({ id }) => id), left));
  },
});

serve({
  port: Number(Deno.args[0] ?? 8080),
  hostname: "127.0.0.1",
  hub,
  maxMessageBytes: 4 * 1024,
  http,
  upgrade,
  onListen(addr) {
    if ("port" in addr) console.log(`Open http://127.0.0.1:${addr.port}/`);
  },
}, {
  open(socket) {
    const { name, room } = socket.data; // `upgrade` attached it
    socket.subscribe(room, { history: HISTORY });
    presence.join(socket, room, { id: name, data: null });
    void socket.send(here(room));
  },
  message(socket, text) {
    const { name, room } = socket.data;
    if (typeof text !== "string") return void socket.close(1003, "Text only");
    if (text.trim() === "") return;
    // To all, and not by `socket.publish`, to all others: so everybody, the author too, sees the same order.
    const said: News = { type: "said", id: crypto.randomUUID(), time: Date.now(), name, text };
    hub.publish(room, JSON.stringify(said));
  },
});

/** How many guests a room has, and who came and left just now. */
function here(room: string, came: readonly string[] = [], left: readonly string[] = []): string {
  const news: News = { type: "here", count: presence.members(room).size, came, left };
  return JSON.stringify(news);
}

/** Lets a guest in. A name is what the guest says it is: to know better, look at a session's cookie in `headers` here. */
function upgrade({ url }: UpgradeRequest): { data: Guest } | Response {
  const { pathname, searchParams } = new URL(url);
  if (pathname !== "/chat") return new Response("No WebSocket here\n", { status: 404 });
  const [name, room] = ["name", "room"].map((key) => searchParams.get(key)?.trim() ?? "");
  if (!name || !room || name.length > 30 || room.length > 30) {
    return new Response("A guest has a name and a room, of at most 30 characters each\n", { status: 400 });
  }
  return { data: { name, room } };
}

/** Answers with the page, which may run only its own script and connect only to this server. */
async function http({ url }: Request): Promise<Response> {
  const { pathname } = new URL(url);
  if (pathname === "/sluice.js") return new Response(script, { headers: { "Content-Type": "text/javascript" } });
  if (pathname !== "/") return new Response("Not found\n", { status: 404 });
  const page = await Deno.readTextFile(new URL("page.html", import.meta.url));
  const nonce = crypto.randomUUID();
  return new Response(page.replaceAll("{nonce}", nonce), {
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; ` +
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    },
  });
}
