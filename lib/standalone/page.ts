/**
 * The page that `deno task serve` shows: it connects, sends text and binary data, and shows what comes back.
 *
 * @module
 */

/**
 * Answers with the page.
 *
 * @returns The page, with a policy that lets it load nothing and talk to nobody but its own server.
 */
export function page(): Response {
  const nonce = crypto.randomUUID();
  const policy = `default-src 'none'; connect-src 'self'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; ` +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
  return new Response(HTML.replaceAll("NONCE", nonce), {
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": policy,
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
    },
  });
}

const HTML = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sluice echo</title>
<style nonce="NONCE">
  :root { color-scheme: light dark; --line: light-dark(#d6dbe1, #363c44); --soft: light-dark(#5b6570, #9aa4af);
    --accent: light-dark(#0b62c4, #6db1ff); --card: light-dark(#fff, #1b1f24); }
  * { box-sizing: border-box; }
  body { margin: 0 auto; max-width: 46rem; padding: 2rem 1.25rem; font: 16px/1.5 system-ui, sans-serif;
    background: light-dark(#f5f7f9, #121519); color: light-dark(#1a2027, #e6eaee); }
  header { display: flex; align-items: baseline; gap: .75rem; flex-wrap: wrap; }
  h1 { font-size: 1.4rem; margin: 0; }
  #state { color: var(--soft); }
  #state::before { content: ""; display: inline-block; width: .6em; height: .6em; border-radius: 50%; margin-right: .45em;
    background: #c33; }
  #state[data-open]::before { background: #2a9d4a; }
  form { display: flex; gap: .5rem; margin: 1.25rem 0 1rem; flex-wrap: wrap; }
  input { flex: 1 1 14rem; min-width: 0; }
  input, button { font: inherit; padding: .45rem .8rem; border: 1px solid var(--line); border-radius: .4rem;
    background: var(--card); color: inherit; }
  button { cursor: pointer; }
  button[type=submit] { background: var(--accent); border-color: var(--accent); color: light-dark(#fff, #0b1622); }
  button:disabled { opacity: .5; cursor: default; }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
  #log { list-style: none; margin: 0; padding: 0; border: 1px solid var(--line); border-radius: .5rem; background: var(--card);
    font: 14px/1.5 ui-monospace, monospace; min-height: 12rem; max-height: 60vh; overflow: auto; }
  #log li { display: flex; gap: .75rem; padding: .35rem .8rem; border-bottom: 1px solid var(--line); }
  #log li:last-child { border-bottom: 0; }
  #log b { font-weight: 600; color: var(--accent); flex: none; width: 1em; }
  #log span { overflow-wrap: anywhere; flex: 1; }
  #log small { color: var(--soft); flex: none; }
</style>
<header><h1>Sluice echo</h1><span id="state" role="status">connecting</span></header>
<form id="form">
  <input id="text" aria-label="Message" placeholder="A message, or bytes such as 00 ff 7a" autocomplete="off" autofocus>
  <button type="submit" id="send" disabled>Send text</button>
  <button type="button" id="binary" disabled>Send bytes</button>
  <button type="button" id="toggle">Close</button>
</form>
<ol id="log" aria-live="polite" aria-label="Messages"></ol>
<script type="module" nonce="NONCE">
  const $ = (id) => document.getElementById(id);
  const url = new URL("/echo", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  let socket;

  const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const unhex = (text) => {
    const digits = text.replace(/\\s/g, "");
    if (!/^([0-9a-f]{2})*$/i.test(digits)) return undefined;
    return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  };

  function show(mark, text, note = "") {
    const row = document.createElement("li");
    for (const [tag, content] of [["b", mark], ["span", text], ["small", note]]) {
      row.append(Object.assign(document.createElement(tag), { textContent: content }));
    }
    $("log").append(row);
    if ($("log").childElementCount > 500) $("log").firstChild.remove();
    row.scrollIntoView({ block: "nearest" });
  }

  function showMessage(mark, data) {
    if (typeof data === "string") show(mark, data, "text, " + new Blob([data]).size + " bytes");
    else show(mark, hex(new Uint8Array(data)), "binary, " + data.byteLength + " bytes");
  }

  function state(open, text) {
    $("state").textContent = text;
    $("state").toggleAttribute("data-open", open);
    $("send").disabled = $("binary").disabled = !open;
    $("toggle").textContent = socket ? "Close" : "Connect";
  }

  function connect() {
    socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    state(false, "connecting");
    socket.onopen = () => state(true, "connected to " + url);
    socket.onmessage = ({ data }) => showMessage("\\u2190", data);
    socket.onclose = ({ code, reason }) => {
      socket = undefined;
      state(false, "closed with " + code + (reason && ": " + reason));
      show("\\u00d7", "closed", String(code));
    };
  }

  function send(data) {
    if (data === undefined) return show("!", "Not bytes: write pairs of hexadecimal digits");
    showMessage("\\u2192", data);
    socket.send(data);
    $("text").value = "";
  }

  $("form").onsubmit = (event) => {
    event.preventDefault();
    if (!$("send").disabled) send($("text").value);
  };
  $("binary").onclick = () => send(unhex($("text").value));
  $("toggle").onclick = () => socket ? socket.close(1000) : connect();
  connect();
</script>
</html>
`;
