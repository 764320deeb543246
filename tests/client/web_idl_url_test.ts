import { assertEquals } from "@std/assert";
import { resolveUrl } from "../../lib/client/web_idl.ts";
import { runDeno } from "../_support/child.ts";
import { thrownName } from "./_web_support.ts";

Deno.test("http and https stand for ws and wss", () => {
  assertEquals(resolveUrl("https://example.com:443/chat").href, "wss://example.com/chat");
  assertEquals(resolveUrl(new URL("http://example.com")).href, "ws://example.com/");
});

Deno.test("a relative URL without a location, another scheme and a fragment are SyntaxErrors", () => {
  for (const url of ["", "/chat", "//example.com/", "invalid:", "ftp://example.com/", "ws://example.com/#", "ws://"]) {
    assertEquals(thrownName(() => resolveUrl(url)), "SyntaxError", url);
  }
});

Deno.test("a relative URL is relative to the program's location", async () => {
  const code = `
    import { resolveUrl } from ${JSON.stringify(new URL("../../lib/client/web_idl.ts", import.meta.url).href)};
    const urls = ["chat", "/chat?x=1", "//other.example/", "", "ws://third.example/"];
    const refused = ["#part", "ftp:x"].map((url) => {
      try { return resolveUrl(url).href; } catch (error) { return error.name; }
    });
    console.log(JSON.stringify([...urls.map((url) => resolveUrl(url).href), ...refused]));
  `;
  const script = `data:application/typescript;base64,${btoa(code)}`;
  const output = await runDeno(["run", "--no-check", "--location", "https://example.com/a/b", script]);
  assertEquals(JSON.parse(output), [
    "wss://example.com/a/chat",
    "wss://example.com/chat?x=1",
    "wss://other.example/",
    "wss://example.com/a/b",
    "ws://third.example/",
    "SyntaxError",
    "SyntaxError",
  ]);
});
