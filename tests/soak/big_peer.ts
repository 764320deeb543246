/**
 * One end of the big message, in a process of its own, whose memory is the kernel's own count: `server` echoes each message while it
 * arrives; `client URL BYTES` sends one and checks what comes back. What it has to say is a line of JSON.
 *
 * @module
 */
import { connect, serve } from "../../mod.ts";

/** Resident memory in bytes: now, and the most since the process began. */
export interface Memory {
  readonly now: number;
  readonly peak: number;
}

/** What the server says: where it listens, its memory before the message, and after it. */
export type ServerSaying = { readonly url: string } | { readonly before: Memory } | { readonly after: Memory };

/** What the client says: its memory before, how much came back right so far, its memory after and what is wrong. */
export type ClientSaying =
  | { readonly before: Memory }
  | { readonly bytes: number }
  | { readonly after: Memory; readonly wrong: string | undefined };

const CHUNK = 64 * 1024;

/** A prime number of bytes, over and over: a piece that is lost or out of place shows. Half of it compresses. */
const PATTERN = new Uint8Array(65_521).map((_, i) => i % 64 < 32 ? i >> 8 : (i * i) >> 5);

/** The content in chunks, one buffer over and over, as a file is read. */
async function* chunks(bytes: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const chunk = new Uint8Array(CHUNK);
  for (let at = 0; at < bytes; at += CHUNK) {
    for (let done = 0; done < CHUNK;) {
      const part = PATTERN.subarray((at + done) % PATTERN.length).subarray(0, CHUNK - done);
      chunk.set(part, done);
      done += part.length;
    }
    yield chunk.subarray(0, bytes - at);
  }
}

function memory(): Memory {
  const status = Deno.readTextFileSync("/proc/self/status");
  const bytes = (name: string) => 1024 * Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, "m").exec(status)?.[1]);
  return { now: bytes("VmRSS"), peak: bytes("VmHWM") };
}

function say(saying: ServerSaying | ClientSaying): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(saying)}\n`));
}

async function runServer(perMessageDeflate: boolean): Promise<void> {
  await using server = serve({ hostname: "127.0.0.1", port: 0, perMessageDeflate }, async (socket) => {
    say({ before: memory() });
    try {
      for await (const { readable } of socket.messages()) await socket.send(readable);
      say({ after: memory() });
    } finally {
      done.resolve();
    }
  });
  const done = Promise.withResolvers<void>();
  say({ url: server.url });
  await done.promise;
}

async function runClient(url: string, bytes: number, perMessageDeflate: boolean): Promise<void> {
  await using socket = await connect(url, { perMessageDeflate });
  say({ before: memory() });
  const sent = socket.send(chunks(bytes));
  let at = 0;
  let wrong: string | undefined;
  for await (const message of socket.messages()) {
    if (message.type === "text") throw new TypeError("Got a text");
    for await (const chunk of message.readable) {
      let from = at % PATTERN.length;
      for (let i = 0; i < chunk.length; i++) {
        if (chunk[i] !== PATTERN[from]) wrong ??= `byte ${at + i} is ${chunk[i]}, not ${PATTERN[from]}`;
        if (++from === PATTERN.length) from = 0;
      }
      const step = bytes / 16;
      if (Math.floor((at + chunk.length) / step) > Math.floor(at / step)) say({ bytes: at + chunk.length });
      at += chunk.length;
    }
    break;
  }
  await sent;
  if (at !== bytes) wrong ??= `${at} bytes came back`;
  say({ after: memory(), wrong });
}

if (import.meta.main) {
  const [role, deflate, url, bytes] = Deno.args;
  if (role === "server") await runServer(deflate === "deflate");
  else await runClient(url!, Number(bytes), deflate === "deflate");
}
