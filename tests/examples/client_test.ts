import { assertEquals } from "@std/assert";
import { serve } from "../../mod.ts";
import { cert, key } from "../_support/tls.ts";
import { connectProxy } from "../client/_support.ts";

Deno.test("examples/client.ts goes through the environment's proxy, over TLS, and shows a refusal", async () => {
  await using proxy = connectProxy();
  await using server = serve({
    hostname: "127.0.0.1",
    port: 0,
    cert,
    key,
    upgrade: ({ path }) => path === "/echo" ? {} : new Response("Not here", { status: 404 }),
  }, (socket) => socket.readable.pipeTo(socket.writable));
  const outcome = async (path: string) => {
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--allow-net=127.0.0.1",
        "--allow-env",
        "--allow-read=tests/_support/tls",
        "examples/client.ts",
        `${server.url}${path}`,
        "hello",
        "tests/_support/tls/cert.pem",
      ],
      cwd: new URL("../..", import.meta.url),
      env: { HTTPS_PROXY: proxy.url, https_proxy: "", NO_PROXY: "", no_proxy: "" },
    }).output();
    return [code, new TextDecoder().decode(stdout)];
  };
  assertEquals(await outcome("/echo"), [0, `${server.url}/echo says hello\n`]);
  assertEquals(await outcome("/"), [1, "Server answered 404, not 101: Not here\n"]);
  assertEquals(proxy.requests.filter((head) => head.includes(new URL(server.url).host)).length, 2);
});
