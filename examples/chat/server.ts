// deno-lint-ignore-file no-console -- an example prints
// A chat with rooms, and a web page for it. A room announces members who join and leave, and keeps its last fifty messages for
// members who join later. A page that was disconnected gets the messages that it missed, and sends again what did not arrive;
// if the missed messages are gone, it says so. Reloading a page is not announced.
//
//   deno run --allow-net --allow-read=examples/chat examples/chat/server.ts [port]

import { serve, type UpgradeRequest, type WebSocketConnection } from "@sluice/websocket";
import { createPresence } from "@sluice/websocket/presence";
import { createRecoverableHub, memoryLog, type Position, RECOVERY_PROTOCOL } from "@sluice/websocket/recovery";
// The client for the page, as one file. A text needs no permission to be read.
import script from "../../lib/browser/sluice.js" with { type: "text" };

interface Guest {
  readonly name: string;
  readonly room: string;
}

/** A message of a room, as JSON. What the page sends is the text alone: its name and its room belong to its connection. */
interface Said {
  readonly time: number;
  readonly name: string;
  readonly text: string;
}

/** What the server sends to one page, as JSON: where the history of the room begins, and who is in the room. */
type News =
  | { type: "welcome"; history: Position }
  | { type: "here"; count: number; came: readonly string[]; left: readonly string[] };

// `redisLog` and `jetStreamLog` keep the messages when this server restarts, and several servers can share them.
const log = memoryLog({ messages: 50 });
// A guest that does not read is disconnected, which is the default. Its page reconnects and catches up.
const hub = createRecoverableHub<Guest>({ log, authorize: ({ data }, room) => room === data?.room });
const presence = createPresence<null>({
  leaveDelay: 3_000,
  onChange(room, { joined, left }) {
    const news = here(room, joined.map(({ id }) => id), left);
    for (const socket of server.connections) if (socket.data?.room === room) void tell(socket, news);
  },
});

const server = serve(
  {
    port: Number(Deno.args[0] ?? 8080),
    hostname: "127.0.0.1",
    protocols: RECOVERY_PROTOCOL,
    maxMessageBytes: 4 * 1024,
    http,
    upgrade,
    onListen(addr) {
      if ("port" in addr) console.log(`Open http://127.0.0.1:${addr.port}/`);
    },
  },
  hub.handlers({
    async open(socket) {
      const { name, room } = guestOf(socket);
      presence.join(socket, room, { id: name, data: null });
      void tell(socket, here(room));
      const { epoch, from } = await log.read(room, Infinity, { messages: 1, bytes: 1 });
      void tell(socket, { type: "welcome", history: { epoch, offset: from } });
    },
    async message(socket, text, { id }) {
      const { name, room } = guestOf(socket);
      if (typeof text !== "string") return void socket.close(1003, "Text only");
      if (text.trim() === "") return;
      const said: Said = { time: Date.now(), name, text };
      // The page keeps the text until this promise resolves. With the `id`, a text that the page sends twice is published once.
      await hub.publish(room, JSON.stringify(said), { durable: true, id });
    },
  }),
);

/** Returns the guest of a connection, as `upgrade` attached it. */
function guestOf({ data }: WebSocketConnection<Guest>): Guest {
  if (data === undefined) throw new Error("The connection has no guest");
  return data;
}

function tell(socket: WebSocketConnection<Guest>, news: News): Promise<void> {
  return hub.send(socket, JSON.stringify(news));
}

/** How many guests a room has, and who came and left just now. */
function here(room: string, came: readonly string[] = [], left: readonly string[] = []): News {
  return { type: "here", count: presence.members(room).size, came, left };
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
