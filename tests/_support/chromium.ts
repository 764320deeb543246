/**
 * Headless Chromium, driven over the DevTools protocol with our own client: its DevTools server is a WebSocket server of
 * another project.
 *
 * @module
 */
import { connect } from "../../mod.ts";
import type { WebSocketConnection } from "../../mod.ts";

const PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Where Chromium is installed, or `undefined`. */
const CHROMIUM: string | undefined = PATHS.find((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
});

/** What is missing where it is not. */
export const NO_CHROMIUM: string | undefined = CHROMIUM === undefined ? "Chromium is not installed" : undefined;

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--remote-debugging-port=0",
];

/** Milliseconds that any step may take. */
const PATIENCE = 30_000;

/** A reply to a call, or an event, which has a method and no id. */
interface Reply {
  id?: number;
  sessionId?: string;
  method?: string;
  result?: Record<string, unknown>;
  error?: { message: string };
}

/** One page of a browser. */
export interface Page {
  /** Calls a method of the DevTools protocol on the page. */
  call(method: string, params?: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** Evaluates an expression in the page, awaiting a promise, and returns its value. */
  evaluate(expression: string): Promise<unknown>;
  /** Waits until an expression in the page is truthy and returns its value. */
  until(expression: string): Promise<unknown>;
  /** A screenshot as PNG at a width and height in CSS pixels. */
  screenshot(width: number, height: number): Promise<Uint8Array>;
}

/** A browser that runs. */
export interface Browser extends AsyncDisposable {
  /** The connection to it. */
  readonly socket: WebSocketConnection;
  /** Opens a page. */
  open(url: string): Promise<Page>;
}

/** Starts a browser with a profile of its own, which goes when it is disposed of. */
export async function launch(flags: string[] = []): Promise<Browser> {
  if (CHROMIUM === undefined) throw new Error("Chromium is not installed");
  const profile = await Deno.makeTempDir({ prefix: "sluice-chromium-" });
  const child = new Deno.Command(CHROMIUM, {
    args: [...FLAGS, `--user-data-dir=${profile}`, ...flags, "about:blank"],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const errors = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  const url = await devToolsUrl(errors);
  const drained = (async () => {
    while (!(await errors.read()).done);
  })();

  const socket = await connect(url, { maxMessageBytes: 64 * 1024 * 1024 });
  const pending = new Map<number, PromiseWithResolvers<Record<string, unknown>>>();
  const loaded = new Map<string, PromiseWithResolvers<void>>();
  const reading = (async () => {
    for await (const message of socket) {
      const { id, method, sessionId, result, error }: Reply = JSON.parse(String(message));
      if (id === undefined) {
        if (method === "Page.loadEventFired") loaded.get(sessionId ?? "")?.resolve();
        continue;
      }
      if (error === undefined) pending.get(id)?.resolve(result ?? {});
      else pending.get(id)?.reject(new Error(error.message));
      pending.delete(id);
    }
  })();

  let lastId = 0;
  const call = async (method: string, params: Record<string, unknown> = {}, sessionId?: string) => {
    const id = ++lastId;
    const reply = Promise.withResolvers<Record<string, unknown>>();
    pending.set(id, reply);
    await socket.send(JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) }));
    const timer = setTimeout(() => reply.reject(new Error(`${method} took more than ${PATIENCE} ms`)), PATIENCE);
    try {
      return await reply.promise;
    } finally {
      clearTimeout(timer);
    }
  };

  return {
    socket,
    async open(url) {
      const { targetId } = await call("Target.createTarget", { url: "about:blank" });
      const { sessionId } = await call("Target.attachToTarget", { targetId, flatten: true });
      const session = String(sessionId);
      const load = Promise.withResolvers<void>();
      loaded.set(session, load);
      await call("Page.enable", {}, session);
      await call("Page.navigate", { url }, session);
      await load.promise;
      return page((method, params) => call(method, params, session));
    },
    async [Symbol.asyncDispose]() {
      await call("Browser.close").catch(() => {});
      await socket.closed;
      await reading.catch(() => {});
      await child.status;
      await drained;
      await Deno.remove(profile, { recursive: true }).catch(() => {});
    },
  };
}

function page(call: Page["call"]): Page {
  const evaluate = async (expression: string): Promise<unknown> => {
    const reply = await call("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    const { result, exceptionDetails } = reply as { result: { value?: unknown }; exceptionDetails?: { text: string } };
    if (exceptionDetails !== undefined) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return result.value;
  };
  return {
    call,
    evaluate,
    // The page itself looks again at every frame; nothing is polled from here.
    until: (expression) =>
      evaluate(`new Promise((resolve, reject) => {
        const started = performance.now();
        const look = () => {
          let value;
          try { value = ${expression}; } catch { value = undefined; }
          if (value) resolve(value);
          else if (performance.now() - started > ${PATIENCE}) reject(new Error("waited too long: " + document.body?.innerText));
          else setTimeout(look, 10);
        };
        look();
      })`),
    async screenshot(width, height) {
      await call("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 });
      const { data } = await call("Page.captureScreenshot", { format: "png" });
      return Uint8Array.from(atob(String(data)), (char) => char.charCodeAt(0));
    },
  };
}

async function devToolsUrl(errors: ReadableStreamDefaultReader<string>): Promise<string> {
  let said = "";
  for (;;) {
    const { value, done } = await errors.read();
    if (done) throw new Error(`Chromium ended: ${said}`);
    said += value;
    const url = /DevTools listening on (ws:\/\/\S+)\s/.exec(said)?.[1];
    if (url !== undefined) return url;
  }
}
