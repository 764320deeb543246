import { assertEquals } from "@std/assert";
import { connectHttp2 } from "../../lib/http2/mod.ts";
import { connect } from "../../mod.ts";
import { deno } from "../_support/child.ts";
import { cert } from "../_support/tls.ts";

Deno.test("examples/http2.ts echoes over HTTP/2 and over HTTP/1.1 on one port, and talks to itself over two sockets", async () => {
  const files = ["cert", "key"].map((name) => `tests/_support/tls/${name}.pem`);
  const permissions = ["--allow-net=127.0.0.1,localhost", "--allow-read=tests/_support/tls"];
  await using child = deno("run", "--no-prompt", ...permissions, "examples/http2.ts", "0", ...files, "talk");
  const [, url] = await child.said(/Echoing on (https:\S+)/);
  await child.said(/Got hello \/news\nGot hello \/chat\n2 sockets over one connection\n/);
  await using session = await connectHttp2(url!, { caCerts: [cert] });
  for (const socket of [await session.connect("/"), await connect(url!, { caCerts: [cert] })]) {
    await socket.send("héllo");
    assertEquals((await socket[Symbol.asyncIterator]().next()).value, "héllo");
    const { closeCode, wasClean } = await socket.close(4321);
    assertEquals({ closeCode, wasClean }, { closeCode: 4321, wasClean: true });
  }
});
