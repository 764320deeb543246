import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { consolePage } from "../../lib/standalone/console_page.ts";
import { deno } from "../_support/child.ts";
import { launch, NO_CHROMIUM, type Page } from "../_support/chromium.ts";
import { unless } from "../_support/needs.ts";

Deno.test("the console may load nothing, and connect only to its own server", async () => {
  const response = consolePage();
  const policy = response.headers.get("content-security-policy") ?? "";
  const [, nonce] = /script-src 'nonce-([0-9a-f-]{36})'/.exec(policy) ?? [];
  assert(nonce);
  assertStringIncludes(policy, "default-src 'none'; connect-src 'self'; img-src data:; style-src");
  assertStringIncludes(policy, "frame-ancestors 'none'");
  const html = await response.text();
  assertEquals(html.match(/<(script|style)[^>]*>/g)?.every((tag) => tag.includes(`nonce="${nonce}"`)), true);
  assertEquals(html.match(/\b(src|href)="(?!data:)/g), null);
  assertEquals(html.match(/\son[a-z]+="/g), null);
  assertNotEquals(consolePage().headers.get("content-security-policy"), policy);
});

/** The rows of the log, without their times. */
const ROWS = `Array.from(document.querySelectorAll("#log li"), (row) =>
  row.innerText.replace(/(· )?\\d\\d:\\d\\d:\\d\\d\\.\\d{3}/, "").replace(/\\s+/g, " ").trim())`;

const $ = (id: string) => `document.getElementById("${id}")`;

/** Waits until the log has a row, and returns it. */
async function row(page: Page, pattern: RegExp): Promise<string> {
  return String(await page.until(`${ROWS}.find((row) => ${pattern}.test(row))`));
}

/** Types and sends a message. */
async function send(page: Page, text: string, type: "text" | "binary"): Promise<void> {
  await page.evaluate(`${$(`as-${type}`)}.click(); ${$("data")}.focus()`);
  await page.call("Input.insertText", { text });
  for (const event of ["keyDown", "keyUp"]) {
    await page.call("Input.dispatchKeyEvent", { type: event, key: "Enter", code: "Enter", windowsVirtualKeyCode: 13 });
  }
}

Deno.test({
  ...unless(
    NO_CHROMIUM,
    "the console of `deno task serve` connects, sends text and bytes, pings, measures, closes and fits, in Chromium",
  ),
  async fn(t) {
    await using server = deno("task", "--quiet", "serve", "--port", "0", "--deflate", "--log-level", "error");
    const [, url] = await server.said(/Open (\S+)/);
    await using browser = await launch();
    const page = await browser.open("about:blank");
    await page.call("Page.addScriptToEvaluateOnNewDocument", {
      source: `globalThis.problems = [];
        addEventListener("securitypolicyviolation", (event) => problems.push("policy: " + event.violatedDirective));
        addEventListener("error", (event) => problems.push("error: " + event.message));
        addEventListener("unhandledrejection", (event) => problems.push("rejection: " + event.reason));
        for (const level of ["error", "warn"]) console[level] = (...args) => problems.push(level + ": " + args.join(" "));`,
    });
    await page.call("Page.navigate", { url: url! });

    await t.step("it connects by itself, and shows the extensions", async () => {
      assertMatch(await row(page, /open/), /^· open \/echo · permessage-deflate/);
      assertEquals(await page.evaluate(`${$("extensions")}.textContent`), "permessage-deflate");
      assertMatch(String(await page.evaluate(`${$("state")}.textContent`)), /^connected to 127\.0\.0\.1:\d+\/echo$/);
    });

    await t.step("it offers the handlers", async () => {
      const names = await page.evaluate(`Array.from(${$("resource")}.options, (option) => option.value).join(" ")`);
      assertEquals(names, "/abort /bench /chat /clock /close /cookie /echo /origin_check");
    });

    await t.step("text is sent and comes back, with its opcode and size", async () => {
      await send(page, "héllo", "text");
      assertEquals(await row(page, /↑ text/), "↑ text 0x1 6 B héllo");
      assertEquals(await row(page, /↓ text/), "↓ text 0x1 6 B héllo");
      assertEquals(await page.evaluate(`${$("data")}.value`), "");
    });

    await t.step("a long message is folded, and can be opened", async () => {
      await send(page, "long ".repeat(1_000), "text");
      await row(page, /↓ text 0x1 4.9 KiB/);
      const last = `document.querySelector("#log li:last-child")`;
      const height = `${last}.querySelector("pre").clientHeight`;
      const folded = Number(await page.evaluate(height));
      await page.evaluate(`${last}.querySelector(".fold button").click()`);
      assert(Number(await page.evaluate(height)) > 3 * folded, "it opens");
      assertEquals(await page.evaluate(`${last}.querySelector(".fold button").textContent`), "Show less");
    });

    await t.step("bytes are sent and come back in hex; invalid hex is reported", async () => {
      await send(page, "00 ff7a", "binary");
      assertEquals(await row(page, /↑ binary/), "↑ binary 0x2 3 B 00 ff 7a");
      assertEquals(await row(page, /↓ binary/), "↓ binary 0x2 3 B 00 ff 7a");
      await page.evaluate(`${$("data")}.value = ""`);
      await send(page, "0", "binary");
      assertMatch(await row(page, /^!/), /pairs of hexadecimal digits/);
    });

    await t.step("a ping has a round trip, and appears in the chart", async () => {
      await page.evaluate(`${$("ping")}.click()`);
      assertMatch(await row(page, /↓ ping/), /^↓ ping 0x9 answered in \d+(\.\d+)? ms$/);
      assertMatch(String(await page.evaluate(`${$("round-trip")}.textContent`)), /^\d+(\.\d+)? ms$/);
      await page.until(`document.querySelector("#latency path.a").getAttribute("d")`);
    });

    await t.step("a benchmark ends with its figures, and appears in the charts", async () => {
      await page.evaluate(`${$("bench-time")}.value = 1; ${$("bench")}.requestSubmit()`);
      await page.until(`/^Done: [1-9][\\d,]* echoes in \\d\\.\\d\\d s$/.test(${$("bench-state")}.textContent)`);
      const figures = ["rate", "data", "p50", "p99"].map((name) => `${$(`bench-${name}`)}.textContent`);
      const [rate, data, p50, p99] = String(await page.evaluate(`[${figures}].join("|")`)).split("|");
      assertMatch(rate!, /^[\d,.]+K?\/s$/);
      assertMatch(data!, /^[\d.]+ MB\/s$/);
      for (const time of [p50, p99]) assertMatch(time!, /^[\d.]+ ms$/);
      assert(parseFloat(p50!) <= parseFloat(p99!));
      await page.until(`document.querySelector("#latency path.b").getAttribute("d")`);
      const heights = `document.querySelector("#throughput path.b").getAttribute("d").match(/ [\\d.]+/g)`;
      await page.until(`new Set(${heights}).size > 1`);
    });

    await t.step("nothing overflows, light or dark, wide or narrow", async () => {
      const screenshots = Deno.env.get("SCREENSHOTS");
      for (const scheme of ["light", "dark"]) {
        await page.call("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
        for (const [width, height] of [[1280, 800], [390, 844], [320, 700]] as const) {
          const png = await page.screenshot(width, height);
          if (screenshots !== undefined) await Deno.writeFile(`${screenshots}/console-${scheme}-${width}.png`, png);
          assertEquals(await page.evaluate(`document.documentElement.scrollWidth <= innerWidth`), true, `${width}`);
          const cut = await page.evaluate(`Array.from(document.querySelectorAll("button, h2, dt, label, .results dd"))
            .filter((element) => element.scrollWidth > element.clientWidth + 1).map((element) => element.textContent).join()`);
          assertEquals(cut, "", `${scheme} ${width}`);
        }
      }
    });

    await t.step("it closes with a code and a reason, and the handler replies", async () => {
      await page.evaluate(
        `${$("code")}.value = "4001"; ${$("reason")}.value = "so long"; ${$("closing")}.requestSubmit()`,
      );
      assertEquals(await row(page, /↑ close/), "↑ close 0x8 4001 so long");
      assertMatch(await row(page, /↓ close/), /^↓ close 0x8 4001/);
      assertMatch(String(await page.evaluate(`${$("state")}.textContent`)), /^closed with 4001/);
    });

    await t.step("it connects again, to another resource with a query and a subprotocol", async () => {
      await page.evaluate(
        `${$("resource")}.value = "/chat"; ${$("query")}.value = "room=tea"; ${$("connection")}.requestSubmit()`,
      );
      assertMatch(await row(page, /1 in tea/), /^↓ text 0x1 8 B 1 in tea$/);
      await page.evaluate(`${$("code")}.value = ""; ${$("closing")}.requestSubmit()`);
      await row(page, /↓ close 0x8 1005/);
      await page.evaluate(
        `${$("resource")}.value = "/echo"; ${$("protocols")}.value = "other, echo"; ${$("connection")}.requestSubmit()`,
      );
      await page.until(`${$("protocol")}.textContent === "echo"`);
    });

    await t.step("selecting another resource connects to it", async () => {
      const select = (name: string) =>
        `${$("resource")}.value = "${name}"; ${$("resource")}.dispatchEvent(new Event("change"))`;
      await page.evaluate(`${$("query")}.value = ""; ${$("protocols")}.value = ""; ${select("/cookie")}`);
      await row(page, /· open \/cookie/);
      await page.evaluate(select("/echo"));
      await page.until(`/\\/echo$/.test(${$("state")}.textContent) && ${$("state")}.dataset.state === "open"`);
    });

    await t.step("a code that a page must not use is reported, and the connection stays", async () => {
      await page.evaluate(`${$("code")}.value = "1002"; ${$("closing")}.requestSubmit()`);
      assertMatch(await row(page, /may close with/), /^! error/);
      assertEquals(await page.evaluate(`${$("state")}.dataset.state`), "open");
    });

    await t.step("every field has a label, and every control takes the focus", async () => {
      const { nodes } = await page.call("Accessibility.getFullAXTree") as {
        nodes: { role?: { value: string }; name?: { value: string } }[];
      };
      const roles = ["textbox", "button", "checkbox", "radio", "combobox", "spinbutton", "form", "log", "image"];
      const controls = nodes.filter(({ role }) => roles.includes(role?.value ?? ""));
      assert(controls.length > 20);
      assertEquals(controls.filter(({ name }) => !name?.value).map(({ role }) => role?.value), []);
    });

    assertEquals(await page.evaluate("problems"), []);
  },
});
