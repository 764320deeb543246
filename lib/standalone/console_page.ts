/**
 * The console: a page that talks to this server's WebSockets. It is put together here from three texts.
 *
 * @module
 */
import { CONSOLE_HTML } from "./console_html.ts";
import { CONSOLE_SCRIPT } from "./console_script.ts";
import { CONSOLE_STYLE } from "./console_style.ts";

/**
 * Responds with the console.
 *
 * @returns The page. Its content security policy forbids loading anything, and connecting to other servers.
 */
export function consolePage(): Response {
  const nonce = crypto.randomUUID();
  const policy =
    `default-src 'none'; connect-src 'self'; img-src data:; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; ` +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
  const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Sluice console</title>
<link rel="icon" href="${ICON}">
<style nonce="${nonce}">${CONSOLE_STYLE}</style>
${CONSOLE_HTML}
<script type="module" nonce="${nonce}">${CONSOLE_SCRIPT}</script>
</html>
`;
  return new Response(page, {
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": policy,
      "Cache-Control": "no-store",
      "Referrer-Policy": "no-referrer",
      "X-Content-Type-Options": "nosniff",
    },
  });
}

/** Two lanes, one for each direction. Without an icon, a browser would request one. */
const ICON = "data:image/svg+xml," + encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="4" fill="#0a5bc4"/>' +
    '<path d="M3 6h9L9 3M13 10H4l3 3" fill="none" stroke="#fff" stroke-width="1.6" stroke-linecap="round" ' +
    'stroke-linejoin="round"/></svg>',
);
