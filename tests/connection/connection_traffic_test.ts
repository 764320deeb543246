/** Random traffic over connections that read and write as they please: what the application keeps is never written over. */
import { assertEquals } from "@std/assert";
import { type Frame, isControl, Opcode, type Role } from "../../lib/pipeline/frames/frame.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import { naiveAssembly, naiveReading } from "../fuzz/_naive_frames.ts";
import { Fits } from "../_support/fitful.ts";
import { randomFrames, wire } from "../_support/frames.ts";
import { naiveFrames } from "../_support/naive_frames.ts";
import { below, SEED, seeded } from "../_support/random.ts";
import { connectionOver, LANES } from "./_support.ts";
import { assertMessages, assertPongs, copyOf, randomTraffic, readWritten } from "./_traffic.ts";

const ROUNDS = 3;
const ROLES: Role[] = ["server", "client"];

for (const role of ROLES) {
  for (const lane of LANES) {
    Deno.test(`a ${role}'s messages stay unchanged when they are kept, forwarded and sent again later (${lane.name})`, async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const seed = SEED + round;
        const random = seeded(seed);
        const fits = new Fits(random);
        const sender = role === "server" ? "client" : "server";
        const large = round === 0 ? 2 ** 20 : undefined;
        const traffic = randomTraffic(random, { sender, count: 60, ...(large && { large }) });
        const conn = fits.conn({ input: traffic.bytes, slowness: 1 + below(random, 6) });
        conn.end();
        const highWaterMark = [1, 100, 5000, 65_536, 1e6][below(random, 5)]!;
        const connection = connectionOver(conn, { role, highWaterMark });

        const sent: Message[] = [];
        const send = (message: Message) => {
          sent.push(copyOf(message));
          return connection.send(message);
        };
        const kept: Message[] = [];
        const { messages, ended } = lane.read(connection, (message) => {
          kept.push(message);
          const earlier = kept[below(random, kept.length)]!;
          const choice = below(random, 6);
          if (choice === 0) return send(message);
          if (choice === 1) void send(earlier);
          else if (choice === 2) void send(message.slice(3));
          else if (choice === 3 && typeof message !== "string") return send(message.subarray(message.length >> 1));
        });
        await fits.run(Promise.all([ended, connection.closed]));
        const { error } = await connection.closed;

        const what = `SEED=${seed}`;
        assertEquals(error, undefined, what);
        assertMessages(messages, traffic.messages, what);
        const written = readWritten(conn.written, role);
        assertMessages(written.messages, sent, `${what}, sent`);
        assertPongs(written.pongs, traffic.pings, what);
        assertEquals(written.closed, true, what);
      }
    });
  }
}

for (const role of ROLES) {
  Deno.test(`a ${role} fails a peer's violation with its code, after every message before it`, async () => {
    const codes = new Set<string>();
    for (let round = 0; round < 150; round++) {
      const seed = SEED + round;
      const what = `SEED=${seed}`;
      const random = seeded(seed);
      const sender = role === "server" ? "client" : "server";
      const input = wire(randomFrames(random, 1 + below(random, 8)), sender, random);
      for (let flips = below(random, 3); flips > 0; flips--) {
        input[below(random, input.length)]! ^= 1 << below(random, 8);
      }
      const cut = input.slice(0, input.length - (below(random, 4) === 0 ? below(random, input.length) : 0));
      const maxMessageBytes = [400, 2 ** 24][below(random, 2)]!;

      const naive = naiveReading(cut, { role, maxMessageBytes });
      const { messages, failure } = naiveAssembly([...naive.frames, ...naive.partial], maxMessageBytes);
      const closed = naive.frames.at(-1)?.opcode === Opcode.CLOSE;
      const code = (failure === undefined || failure === "1006" ? naive.failure : failure)?.slice(0, 4);
      const expected = code === "1006" ? undefined : code ?? (closed ? codeOf(naive.frames.at(-1)!) : undefined);
      codes.add(`${expected}`);

      const fits = new Fits(random);
      const conn = fits.conn({ input: cut, slowness: 1 + below(random, 4) });
      conn.end();
      const connection = connectionOver(conn, { role, maxMessageBytes, lendPayloads: below(random, 2) === 0 });
      const kept: Message[] = [];
      const reading = LANES[3]!.read(connection, (message) => void kept.push(copyOf(message)));
      await fits.run(Promise.all([reading.ended, connection.closed]));

      assertMessages(kept, messages, what);
      const last = naiveFrames(conn.written, sender).frames.at(-1);
      assertEquals(last === undefined || isPong(last) ? undefined : codeOf(last), expected, what);
    }
    for (const code of ["1000", "1002", "1007", "1009", "undefined"]) assertEquals(codes.has(code), true, `no ${code}`);
  });
}

function isPong({ opcode }: Frame): boolean {
  return isControl(opcode) && opcode !== Opcode.CLOSE;
}

/** The code of a close frame. */
function codeOf({ payload }: Frame): string {
  return payload.length === 0 ? "1005" : `${payload[0]! * 256 + payload[1]!}`;
}
