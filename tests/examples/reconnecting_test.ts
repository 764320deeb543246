import { deno } from "../_support/child.ts";

Deno.test("examples/reconnecting.ts reconnects to a server that was stopped and started again", async () => {
  const serve = (port: string) => deno("run", "--allow-net=127.0.0.1", "examples/echo.ts", port);
  let server = serve("0");
  try {
    const [, url, port] = await server.said(/(ws:\S+:(\d+))/);
    await using client = deno("run", "--allow-net=127.0.0.1", "examples/reconnecting.ts", url!);
    await client.said(/^-- open\nHello again\n/);
    await server[Symbol.asyncDispose]();
    await client.said(/\n-- waiting\n-- /);
    server = serve(port!);
    await client.said(/\n-- open\nHello again\n(.*\n)*\d+\n/);
    client.process.kill("SIGINT");
    await client.said(/\n-- closed\n/);
  } finally {
    await server[Symbol.asyncDispose]();
  }
});
