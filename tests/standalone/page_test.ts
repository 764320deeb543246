import { assert, assertEquals } from "@std/assert";
import { CHROMIUM, launch } from "../_support/chromium.ts";
import { deno } from "../_support/child.ts";

Deno.test({
  name: CHROMIUM === undefined
    ? "ignored, Chromium is not installed: the page sends and shows echoes in Chromium"
    : "the page of `deno task serve` connects, sends text and bytes, shows the echoes and closes, in Chromium",
  ignore: CHROMIUM === undefined,
  async fn() {
    await using server = deno("task", "--quiet", "serve", "--port", "0");
    const [, url] = await server.said(/Open (\S+)/);
    await using browser = await launch();
    const page = await browser.open(url!);

    await page.until(`document.getElementById("state")?.hasAttribute("data-open")`);
    await page.evaluate(`document.getElementById("text").value = "héllo"; document.getElementById("send").click()`);
    await page.evaluate(
      `document.getElementById("text").value = "00 ff 7a"; document.getElementById("binary").click()`,
    );
    await page.until(`document.querySelectorAll("#log li").length === 4`);
    const rows = `Array.from(document.querySelectorAll("#log li"), (row) => row.innerText.split("\\n").join("|"))`;
    assertEquals(
      (await page.evaluate(rows) as string[]).toSorted(),
      [
        "→|héllo|text, 6 bytes",
        "→|00 ff 7a|binary, 3 bytes",
        "←|héllo|text, 6 bytes",
        "←|00 ff 7a|binary, 3 bytes",
      ].toSorted(),
    );

    const screenshots = Deno.env.get("SCREENSHOTS");
    for (const [width, height] of [[1280, 800], [390, 844]] as const) {
      const png = await page.screenshot(width, height);
      assert(png.length > 1000);
      assertEquals(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), true);
      if (screenshots !== undefined) await Deno.writeFile(`${screenshots}/echo-${width}.png`, png);
    }

    await page.evaluate(`document.getElementById("toggle").click()`);
    assertEquals(
      await page.until(
        `/^closed/.test(document.getElementById("state").textContent) && document.getElementById("state").textContent`,
      ),
      "closed with 1000",
    );
  },
});
