/**
 * The HTML of the console.
 *
 * @module
 */

/** The body of the page. */
export const CONSOLE_HTML = `<header>
  <h1>Sluice <span>console</span></h1>
  <p id="state" role="status">connecting</p>
</header>
<main>
  <div class="stack">
    <form id="connection" class="card" aria-labelledby="connection-title">
      <h2 id="connection-title">Connection</h2>
      <div class="row">
        <label class="grow">Resource
          <select id="resource"><option>/echo</option></select>
        </label>
        <label class="grow">Query
          <input id="query" placeholder="room=tea" autocomplete="off" autocapitalize="off" spellcheck="false">
        </label>
      </div>
      <div class="row">
        <label class="grow">Subprotocols
          <input id="protocols" placeholder="chat, superchat" autocomplete="off" autocapitalize="off" spellcheck="false">
        </label>
        <button type="submit" id="connect" class="primary wide">Connect</button>
      </div>
      <dl class="facts">
        <div><dt>Subprotocol</dt><dd id="protocol">none</dd></div>
        <div><dt>Extensions</dt><dd id="extensions">none</dd></div>
      </dl>
    </form>
    <form id="closing" class="card" aria-labelledby="closing-title">
      <h2 id="closing-title">Close</h2>
      <div class="row">
        <label class="code">Code
          <input id="code" inputmode="numeric" value="1000" autocomplete="off">
        </label>
        <label class="grow">Reason
          <input id="reason" autocomplete="off" placeholder="optional">
        </label>
        <button type="submit" id="close" class="wide" disabled>Disconnect</button>
      </div>
    </form>
    <form id="message" class="card fill" aria-labelledby="message-title">
      <h2 id="message-title">Message</h2>
      <textarea id="data" rows="3" aria-label="Message" aria-describedby="data-hint" spellcheck="false"
        placeholder="Hello"></textarea>
      <p id="data-hint" class="hint">Press Enter to send, Shift+Enter for a new line.</p>
      <div class="row">
        <fieldset class="grow">
          <legend class="hidden">Send as</legend>
          <label><input type="radio" name="type" value="text" id="as-text" checked> Text</label>
          <label><input type="radio" name="type" value="binary" id="as-binary"> Bytes in hex</label>
        </fieldset>
        <button type="submit" id="send" class="primary wide" disabled>Send</button>
      </div>
      <div class="row ping">
        <p class="grow">Round trip <output id="round-trip" for="ping">–</output></p>
        <button type="button" id="ping" class="wide" disabled aria-describedby="ping-hint">Ping</button>
      </div>
      <p id="ping-hint" class="hint">Browsers cannot send pings, so the server pings this connection and reports the round trip.
        Shown is the median of the last nine.</p>
    </form>
  </div>
  <section class="card log" aria-labelledby="log-title">
    <div class="bar">
      <h2 id="log-title">Log</h2>
      <button type="button" id="clear" class="small">Clear</button>
    </div>
    <div id="scroll" role="log" aria-labelledby="log-title" tabindex="0"><ol id="log"></ol></div>
  </section>
  <div class="stack measures">
    <section class="card live" aria-labelledby="live-title">
      <div class="bar">
        <h2 id="live-title">Last minute</h2>
        <label class="check"><input type="checkbox" id="auto-ping" checked> Ping every second</label>
      </div>
      <figure>
        <figcaption>
          <span>Round trip</span>
          <span class="key a">ping <b id="now-ping">–</b></span>
          <span class="key b">bench <b id="now-bench">–</b></span>
        </figcaption>
        <svg id="latency" viewBox="0 0 590 100" preserveAspectRatio="none" role="img"
          aria-label="Round trip in milliseconds over the last minute"><path class="grid" d="M0 1H590M0 50H590M0 99H590"/><path
          class="a"/><path class="b"/></svg>
        <div class="axis" aria-hidden="true"><span id="latency-top">1 ms</span><span>0</span></div>
        <div class="span" aria-hidden="true"><span>60 s ago</span><span>now</span></div>
      </figure>
      <figure>
        <figcaption>
          <span>Messages</span>
          <span class="key a">sent <b id="now-sent">0/s</b></span>
          <span class="key b">received <b id="now-received">0/s</b></span>
        </figcaption>
        <svg id="throughput" viewBox="0 0 590 100" preserveAspectRatio="none" role="img"
          aria-label="Messages per second over the last minute"><path class="grid" d="M0 1H590M0 50H590M0 99H590"/><path
          class="a"/><path class="b"/></svg>
        <div class="axis" aria-hidden="true"><span id="throughput-top">1/s</span><span>0</span></div>
        <div class="span" aria-hidden="true"><span>60 s ago</span><span>now</span></div>
      </figure>
    </section>
    <form id="bench" class="card" aria-labelledby="bench-title">
      <h2 id="bench-title">Benchmark</h2>
      <p class="hint">Uses its own connection to /echo.</p>
      <div class="row">
        <label class="grow">Bytes <input id="bench-size" type="number" min="0" max="16777216" value="32" required></label>
        <label class="grow">In flight <input id="bench-flight" type="number" min="1" max="10000" value="64" required></label>
        <label class="grow">Seconds <input id="bench-time" type="number" min="0.1" max="60" step="any" value="5" required></label>
        <button type="submit" id="bench-run" class="primary">Run</button>
      </div>
      <dl class="results">
        <div><dt>Messages</dt><dd id="bench-rate">–</dd></div>
        <div><dt>Data</dt><dd id="bench-data">–</dd></div>
        <div><dt>p50</dt><dd id="bench-p50">–</dd></div>
        <div><dt>p99</dt><dd id="bench-p99">–</dd></div>
      </dl>
      <p id="bench-state" class="hint" role="status">Not run yet</p>
    </form>
  </div>
</main>`;
