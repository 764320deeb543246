/**
 * The examples' pages in Chromium.
 *
 * @module
 */
import { type Browser, NO_CHROMIUM, type Page } from "../_support/chromium.ts";
import { unless } from "../_support/needs.ts";

/** What a test that needs Chromium is called, and whether it runs. */
export function inChromium(title: string): { name: string; ignore: boolean } {
  return unless(NO_CHROMIUM, `${title}, in Chromium`);
}

/** Opens a page that takes note of every error, and of every breach of its policy, in `problems`. */
export async function openPage(browser: Browser, url: string): Promise<Page> {
  const page = await browser.open("about:blank");
  await page.call("Page.addScriptToEvaluateOnNewDocument", {
    source: `globalThis.problems = [];
      addEventListener("securitypolicyviolation", (event) => problems.push("policy: " + event.violatedDirective));
      addEventListener("error", (event) => problems.push("error: " + event.message));
      addEventListener("unhandledrejection", (event) => problems.push("rejection: " + event.reason));`,
  });
  await page.call("Page.navigate", { url });
  await page.until(`document.readyState === "complete" && location.href !== "about:blank"`);
  return page;
}

/** What is wrong with how a page looks: errors, and what is wider than the window, at two widths. */
export async function problemsOf(page: Page): Promise<unknown[]> {
  const found: unknown[] = [];
  for (const width of [1280, 390]) {
    await page.screenshot(width, 800);
    const problems = await page.evaluate(`[...problems, ...document.documentElement.scrollWidth > innerWidth
      ? ["wider than ${width}: " + document.documentElement.scrollWidth] : []]`);
    found.push(...(Array.isArray(problems) ? problems : [problems]));
  }
  return found;
}
