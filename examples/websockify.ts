// deno-lint-ignore-file no-console -- an example prints
// A bridge from WebSocket to TCP, like websockify: a page with noVNC, or any other client without TCP, can use a TCP service. The
// path selects one of the services that are named on the command line; nothing else can be reached.
//
//   deno run --allow-net examples/websockify.ts 8080 vnc=127.0.0.1:5900 mail=127.0.0.1:25
//
// Here ws://127.0.0.1:8080/vnc is the VNC server. Bytes are sent in binary messages, whose boundaries mean nothing.

import { serve } from "@sluice/websocket";

const [port = "8080", ...pairs] = Deno.args;
const services = new Map(pairs.map(serviceOf));
if (services.size === 0) {
  console.error("Which services? For example: vnc=127.0.0.1:5900");
  Deno.exit(2);
}

serve({
  port: Number(port),
  hostname: "127.0.0.1",
  protocols: "binary", // what noVNC offers
  maxConnections: 100,
  upgrade({ path }) {
    const service = services.get(path.slice(1));
    return service === undefined ? new Response("There is no such service\n", { status: 404 }) : { data: service };
  },
  onListen(addr) {
    if ("port" in addr) console.log(`${[...services.keys()].join(", ")} on ws://127.0.0.1:${addr.port}`);
  },
}, async (socket) => {
  const service = socket.data; // `upgrade` attached it
  let conn: Deno.TcpConn;
  try {
    conn = await Deno.connect(service);
  } catch (error) {
    console.error(`${service.hostname}:${service.port}: ${error}`);
    return void socket.close(1014, "The service cannot be reached"); // 1014: Bad Gateway
  }
  // A slow end slows the other one down. Each direction ends by itself; when one has failed, the other has nothing to go on for.
  const [up, down] = [socket.bytes.pipeTo(conn.writable), conn.readable.pipeTo(socket.writable)];
  await Promise.allSettled([up.catch(() => close(conn)), down.catch(() => socket.close(1011, "The service failed"))]);
  close(conn);
});

/** `vnc=127.0.0.1:5900`, or `vnc=[::1]:5900`. */
function serviceOf(pair: string): [name: string, service: { hostname: string; port: number }] {
  const [, name, hostname, port] = /^([\w.-]+)=\[?([^\]/]+?)\]?:(\d+)$/.exec(pair) ?? [];
  if (name === undefined || hostname === undefined) throw new TypeError(`${pair} is not like vnc=127.0.0.1:5900`);
  return [name, { hostname, port: Number(port) }];
}

function close(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch {
    // Its streams have closed it.
  }
}
