/** Random traffic over connections that read and write as they please: what the application keeps is never written over. */
import { assertEquals } from "@std/assert";
import type { Role } from "../../../lib/pipeline/frames/frame.ts";
import type { Message } from "../../../lib/pipeline/messages/message.ts";
import { Fits } from "../../_support/fitful.ts";
import { below, SEED, seeded } from "../../_support/random.ts";
import { connectionOver, LANES } from "./_support.ts";
import { assertMessages, assertPongs, copyOf, randomTraffic, readWritten } from "./_traffic.ts";

const ROUNDS = 3;
const ROLES: Role[] = ["server", "client"];

for (const role of ROLES) {
  for (const lane of LANES) {
    Deno.test(`a ${role}'s messages stay as they came, kept, sent on and sent again later (${lane.name})`, async () => {
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
