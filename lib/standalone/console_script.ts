/**
 * The script of the console. It is a text, because it runs in a browser and needs no build.
 *
 * @module
 */

/** The module script. */
export const CONSOLE_SCRIPT = String.raw`
const $ = (id) => document.getElementById(id);
const now = () => performance.now();
/**
 * The maximum number of rows of the log, characters of a row, characters of a folded row, and the seconds that the charts show.
 */
const ROWS = 500, SHOWN = 20_000, FOLDED = 200, WINDOW = 60;

// The connection.

let socket;
let consoleId;
/** The round trips of the connection's last pings. The first one is slow, because the server is still warming up. */
let pings = [];

function address(resource, query) {
  const url = new URL(resource + (query && "?" + query), location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url;
}

function connect() {
  const query = new URLSearchParams($("query").value);
  // The server finds the connection for a ping by this identifier.
  consoleId = Array.from(crypto.getRandomValues(new Uint8Array(16)), hexOf).join("");
  query.set("console", consoleId);
  pings = [];
  const resource = $("resource").value;
  const protocols = $("protocols").value.split(",").map((name) => name.trim()).filter(Boolean);
  let opening;
  try {
    opening = new WebSocket(address(resource, query.toString()), protocols);
  } catch (error) {
    return note("error", "error", error.message);
  }
  socket = opening;
  opening.binaryType = "arraybuffer";
  show("connecting", "connecting to " + resource);
  opening.onopen = () => {
    show("open", "connected to " + location.host + resource);
    $("protocol").textContent = opening.protocol || "none";
    $("extensions").textContent = opening.extensions.replace(/;[^,]*/g, "") || "none (--deflate enables compression)";
    note("event", "open", [resource, opening.protocol, opening.extensions].filter(Boolean).join(" · "));
  };
  opening.onmessage = ({ data }) => {
    count.received++;
    noteMessage("received", data);
  };
  opening.onclose = ({ code, reason, wasClean }) => {
    socket = undefined;
    show("closed", "closed with " + code + (reason && ": " + reason));
    $("protocol").textContent = $("extensions").textContent = "none";
    $("round-trip").textContent = "–";
    note(wasClean ? "received" : "error", "close", code + (reason && " " + reason), { code: 8 });
    if (opening.next) connect();
  };
}

function show(state, text) {
  $("state").dataset.state = state;
  $("state").textContent = text;
  const open = state === "open";
  $("send").disabled = $("ping").disabled = !open;
  $("close").disabled = state === "closed";
  $("connect").disabled = state !== "closed";
}

function send() {
  const text = $("data").value;
  const data = $("as-text").checked ? text : bytesOf(text);
  if (data === undefined) return note("error", "error", "Bytes are pairs of hexadecimal digits, such as 00 ff 7a");
  socket.send(data);
  count.sent++;
  noteMessage("sent", data);
  $("data").value = "";
}

function close() {
  const code = $("code").value.trim();
  try {
    if (code === "") socket.close();
    else socket.close(Number(code), $("reason").value);
    note("sent", "close", [code, $("reason").value].filter(Boolean).join(" "), { code: 8 });
    show("closing", "closing");
  } catch {
    note("error", "error", "Browsers may close with 1000 or 3000 to 4999, and a reason of at most 123 bytes");
  }
}

/** Closes the connection to the old resource and opens one to the selected resource. */
function change() {
  if (socket === undefined) return connect();
  socket.next = true;
  socket.close(1000);
  show("closing", "closing");
}

/** A page cannot send pings, so the server does. */
async function ping() {
  const pinged = socket;
  const response = await fetch("/ping.json?console=" + consoleId, { cache: "no-store" });
  const { roundTripTime } = await response.json();
  if (socket !== pinged || typeof roundTripTime !== "number") return undefined;
  pings = [...pings.slice(-8), roundTripTime];
  $("round-trip").textContent = milliseconds(pings.toSorted((a, b) => a - b)[pings.length >> 1]);
  add(latency.a, roundTripTime);
  return roundTripTime;
}

// The log. Rows are added once per frame, because a server may send faster than a screen can show.

let waiting = [];
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit",
  fractionalSecondDigits: 3 });

function note(kind, what, text, { code, size } = {}) {
  const time = CLOCK.format();
  if (waiting.length === 0) requestAnimationFrame(writeRows);
  if (waiting.length === ROWS) waiting.shift();
  waiting.push({ kind, what, text, code, size, time });
}

function noteMessage(kind, data) {
  const isText = typeof data === "string";
  const size = isText ? new Blob([data]).size : data.byteLength;
  const text = isText ? data.slice(0, SHOWN) : hex(new Uint8Array(data, 0, Math.min(size, SHOWN / 4)));
  const cut = isText ? data.length > SHOWN : size > SHOWN / 4;
  note(kind, isText ? "text" : "binary", text + (cut ? " …" : ""), { code: isText ? 1 : 2, size });
}

const WAYS = { sent: "↑", received: "↓", event: "·", error: "!" };

function writeRows() {
  const log = $("log"), view = $("scroll");
  const atEnd = view.scrollHeight - view.scrollTop - view.clientHeight < 40;
  for (const { kind, what, text, code, size, time } of waiting) {
    const row = document.createElement("li");
    row.className = kind;
    const way = element("span", "way", WAYS[kind]);
    way.setAttribute("aria-label", kind);
    way.setAttribute("role", "img");
    const title = element("span", "what", what);
    if (code !== undefined) title.append(" ", element("i", "", "0x" + code.toString(16)));
    row.append(way, title, element("span", "meta", (size === undefined ? "" : bytes(size) + " · ") + time));
    if (text) row.append(element("pre", "", text));
    if (text.length > FOLDED || text.split("\n").length > 3) row.append(folding(row.lastChild, text));
    log.append(row);
  }
  waiting = [];
  while (log.childElementCount > ROWS) log.firstElementChild.remove();
  if (atEnd) view.scrollTop = view.scrollHeight;
}

/** The buttons of a long row, which is folded at first. */
function folding(pre, text) {
  const buttons = element("div", "fold", "");
  const fold = element("button", "", ""), copy = element("button", "", "Copy");
  const toggle = () => {
    fold.textContent = pre.classList.toggle("folded") ? "Show all" : "Show less";
    fold.setAttribute("aria-expanded", String(fold.textContent === "Show less"));
  };
  fold.onclick = toggle;
  copy.onclick = () => navigator.clipboard.writeText(text).then(() => copy.textContent = "Copied", () => {});
  fold.type = copy.type = "button";
  toggle();
  buttons.append(fold, copy);
  return buttons;
}

function element(tag, className, textContent) {
  return Object.assign(document.createElement(tag), { className, textContent });
}

// Numbers and bytes.

const hexOf = (byte) => byte.toString(16).padStart(2, "0");
const hex = (bytes) => Array.from(bytes, hexOf).join(" ");

function bytesOf(text) {
  const digits = text.replace(/\s/g, "");
  if (!/^([0-9a-f]{2})*$/i.test(digits)) return undefined;
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16)).buffer;
}

function bytes(size) {
  if (size < 1024) return size + " B";
  return size < 1048576 ? (size / 1024).toFixed(1) + " KiB" : (size / 1048576).toFixed(1) + " MiB";
}

const milliseconds = (time) => time.toFixed(time < 10 ? 2 : time < 100 ? 1 : 0) + " ms";
const whole = (number) => Math.round(number).toLocaleString("en");

const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const short = (number) => number < 10000 ? whole(number) : SHORT.format(number);

// The charts: one value per second, the newest last, with a gap if there was none.

const empty = () => ({ values: Array(WINDOW).fill(undefined), sum: 0, samples: 0 });
const latency = { id: "latency", a: empty(), b: empty(), least: 1, top: (most) => most + " ms" };
const throughput = { id: "throughput", a: empty(), b: empty(), least: 10, top: (most) => short(most) + "/s" };
const count = { sent: 0, received: 0 };

function add(line, value) {
  line.sum += value;
  line.samples++;
}

function push(line, value) {
  line.values.push(value);
  line.values.shift();
  line.sum = line.samples = 0;
}

const mean = (line) => line.samples === 0 ? undefined : line.sum / line.samples;

/** Returns the next of 1, 2, 5, 10, 20, 50 … */
function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((most) => most >= value * 0.999);
}

function draw({ id, a, b, least, top }) {
  const most = ceiling(Math.max(least, ...a.values.concat(b.values).filter((value) => value !== undefined)));
  $(id + "-top").textContent = top(most);
  for (const [name, { values }] of [["a", a], ["b", b]]) {
    let path = "";
    values.forEach((value, at) => {
      if (value === undefined) return;
      const point = (2 + at * 586 / (WINDOW - 1)).toFixed(1) + " " + (98 - 96 * value / most).toFixed(1);
      // A line without length is drawn as a dot.
      path += values[at - 1] === undefined ? "M" + point + "L" + point : "L" + point;
    });
    $(id).querySelector("path." + name).setAttribute("d", path);
  }
}

function tick() {
  for (const [name, line] of [["now-ping", latency.a], ["now-bench", latency.b]]) {
    const value = mean(line);
    $(name).textContent = value === undefined ? "–" : milliseconds(value);
    push(line, value);
  }
  $("now-sent").textContent = short(count.sent) + "/s";
  $("now-received").textContent = short(count.received) + "/s";
  push(throughput.a, count.sent);
  push(throughput.b, count.received);
  count.sent = count.received = 0;
  running?.progress();
  draw(latency);
  draw(throughput);
  if ($("auto-ping").checked && socket?.readyState === 1) ping().catch(() => {});
}

// The benchmark: a fixed number of messages is always in flight, and each echo sends the next.

let running;

function bench() {
  const size = Number($("bench-size").value), flight = Number($("bench-flight").value);
  const seconds = Number($("bench-time").value);
  const message = new Uint8Array(size);
  const times = [], sentAt = [];
  let first = 0, started, ended;
  const echo = running = new WebSocket(address("/echo", ""));
  echo.binaryType = "arraybuffer";
  const send = () => {
    sentAt.push(now());
    count.sent++;
    echo.send(message);
  };
  const finish = (problem) => {
    if (running !== echo) return;
    running = undefined;
    echo.close();
    $("bench-run").textContent = "Run";
    const took = ((ended ?? now()) - started) / 1000;
    if (times.length === 0) return void ($("bench-state").textContent = problem ?? "Stopped before the first echo");
    const rate = times.length / took;
    const sorted = Float64Array.from(times).sort();
    const percentile = (part) => milliseconds(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]);
    $("bench-rate").textContent = short(rate) + "/s";
    $("bench-data").textContent = (rate * size / 1e6).toFixed(rate * size < 1e8 ? 2 : 0) + " MB/s";
    $("bench-p50").textContent = percentile(0.5);
    $("bench-p99").textContent = percentile(0.99);
    $("bench-state").textContent = (problem ?? "Done") + ": " + whole(times.length) + " echoes in " + took.toFixed(2) + " s";
  };
  echo.progress = () => {
    const took = (now() - started) / 1000;
    if (started === undefined || times.length === 0) return;
    $("bench-rate").textContent = short(times.length / took) + "/s";
    $("bench-data").textContent = (times.length / took * size / 1e6).toFixed(2) + " MB/s";
    $("bench-state").textContent = "Running: " + Math.min(Math.floor(took), seconds) + " of " + seconds + " s";
  };
  echo.onopen = () => {
    started = now();
    for (let sent = 0; sent < flight; sent++) send();
  };
  echo.onmessage = () => {
    const at = now();
    const time = at - sentAt[first++];
    // The answers arrive in order. Times of answered messages are removed now and then.
    if (first === 4096) first -= sentAt.splice(0, first).length;
    times.push(time);
    add(latency.b, time);
    count.received++;
    if (at - started < seconds * 1000) send();
    else if (first === sentAt.length) {
      ended = at;
      finish();
    }
  };
  echo.onclose = ({ code }) => finish("Closed with " + code);
  echo.stop = () => finish("Stopped");
  $("bench-run").textContent = "Stop";
  $("bench-state").textContent = "Running";
}

// The page.

const on = (id, event, action) => $(id).addEventListener(event, (event) => {
  event.preventDefault();
  action(event);
});
on("connection", "submit", () => socket ?? connect());
on("closing", "submit", close);
on("message", "submit", () => socket?.readyState === 1 && send());
on("bench", "submit", () => running ? running.stop() : bench());
on("clear", "click", () => $("log").replaceChildren());
$("resource").addEventListener("change", change);
on("ping", "click", async () => {
  const time = await ping().catch(() => undefined);
  if (time === undefined) note("error", "error", "The server could not send a ping");
  else note("received", "ping", "answered in " + milliseconds(time), { code: 9 });
});
$("data").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("message").requestSubmit();
});
for (const id of ["as-text", "as-binary"]) {
  $(id).addEventListener("change", () => $("data").placeholder = $("as-text").checked ? "Hello" : "00 ff 7a");
}

const { resources } = await (await fetch("/handlers.json", { cache: "no-store" })).json();
$("resource").replaceChildren(...resources.map((name) => new Option(name, name, name === "/echo", name === "/echo")));
draw(latency);
draw(throughput);
setInterval(tick, 1000);
connect();
`;
