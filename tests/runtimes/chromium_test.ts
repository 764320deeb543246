/**
 * The codec in a browser: `deno bundle` makes one file of the entry points that need no sockets, and a page loads it.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { runDeno } from "../_support/child.ts";
import { launch, NO_CHROMIUM } from "../_support/chromium.ts";
import { unless } from "../_support/needs.ts";
import { LOOPBACK, urlOf } from "../integration/_support.ts";

const PAGE = `<!doctype html><title>Codec</title>
<script type="module">
  import * as codec from "/codec.js";
  window.codec = codec;
</script>`;

Deno.test({
  ...unless(NO_CHROMIUM, "Chromium: a page round-trips messages through the codec"),
  async fn() {
    const module = new URL("browser.ts", import.meta.url).pathname;
    const code = await runDeno(["bundle", "--quiet", "--platform", "browser", module]);
    assertEquals(code.match(/\bfrom ?"|\bimport\(|\bDeno\./g), null);
    await using server = Deno.serve(
      { ...LOOPBACK, onListen: () => {} },
      (request) =>
        request.url.endsWith("/codec.js")
          ? new Response(code, { headers: { "Content-Type": "text/javascript" } })
          : new Response(PAGE, { headers: { "Content-Type": "text/html" } }),
    );
    await using browser = await launch();
    const page = await browser.open(urlOf(server.addr, "http"));
    await page.until("window.codec");
    for (const role of ["client", "server"]) {
      const received = await page.evaluate(`(async () => {
        const messages = ["größer", Uint8Array.of(0, 255), "", "x".repeat(70_000), new Uint8Array(70_000).fill(7)];
        const received = await codec.roundTrip(${JSON.stringify(role)}, messages);
        return received.map((message) => typeof message === "string" ? message : [...message]);
      })()`);
      assertEquals(received, ["größer", [0, 255], "", "x".repeat(70_000), new Array(70_000).fill(7)]);
    }
    // RFC 6455 §1.3.
    const key = await page.evaluate(`codec.acceptKey("dGhlIHNhbXBsZSBub25jZQ==")`);
    assertEquals(key, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  },
});
