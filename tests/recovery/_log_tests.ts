/**
 * What every log at a broker must do, against the real one.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { denoOutput } from "../_support/child.ts";
import { unless } from "../_support/needs.ts";
import { installed } from "../hub/_servers.ts";

/** Registers the tests. */
export function testLog(kind: "redis" | "nats", title: string, program: string): (name: string) => Promise<unknown> {
  const play = async (name: string): Promise<unknown> => {
    const folder = await Deno.makeTempDir({ prefix: "sluice-log-" });
    try {
      const permissions = [
        "--allow-net=127.0.0.1",
        "--allow-env",
        "--allow-read",
        `--allow-write=${folder}`,
        `--allow-run=${program}`,
      ];
      const args = ["run", "--quiet", "--no-prompt", "--no-check", ...permissions];
      const { code, stdout, stderr } = await denoOutput(...args, "tests/recovery/_log_play.ts", kind, name, folder);
      return code === 0 ? JSON.parse(stdout) : stderr;
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  };
  const missing = installed(kind) ? undefined : `${program} is not installed`;
  const own = (title: string, name: string, expected: unknown) =>
    Deno.test({ ...unless(missing, title), fn: async () => assertEquals(await play(name), expected) });

  own(
    `over ${title} every topic has its numbers, its epoch and its messages, for any names and contents`,
    "contract",
    {
      news: [null, "ä\u{1f600}", [0, 255, 10, 32], ""],
      read: [[0, 255, 10, 32], ""],
      grows: true,
      heads: true,
      complete: true,
      none: 0,
      few: ["ä\u{1f600}"],
      empty: [0, true],
      same: true,
      epochs: 1,
      taken: [7, 0],
      errors: [],
    },
  );
  own(`over ${title} a topic keeps exactly so many messages, and says where it begins`, "retention", {
    all: ["0", "1", "2", "3", "4"],
    complete: true,
    kept: ["15", "16", "17", "18", "19"],
    missed: [false, true, true],
  });
  own(`over ${title} a log may have no limits, and the ids of two topics are different ids`, "unlimited", {
    news: ["news"],
    other: ["other"],
  });
  own(`over ${title} a topic whose messages have all expired goes on for its subscribers`, "quiet", {
    news: ["before", "after", "after"],
    empty: ["after"],
    facts: ["undefined undefined", "undefined undefined"],
    errors: [],
  });
  own(`over ${title} many messages are read page by page`, "pages", { read: 1_500, pages: [1_000, 500] });
  own(`${title} whose data was wiped has another epoch, and every client hears of it`, "wiped", {
    epochs: [true, true],
    facts: ["false epoch-changed"],
  });
  own(`${title} that is full refuses: the publisher hears of it, and what it took is there`, "refused", {
    refusal: "The log refused the message",
    some: true,
    kept: true,
    stats: 1,
  });
  const late = "ConnectionError: The log did not take the message within 1000 ms";
  own(
    `${title} that is away is waited for so long and with so many messages, and has those of patient publishers`,
    "away",
    {
      late: [late, late, late, "LimitError: Log has no room: 4 are over maxQueuedMessages 3"],
      kept: ["a", "f"],
      last: true,
    },
  );
  own(`${title} killed and stalled under load: nothing is lost, nothing comes twice, all is in order`, "killed", {
    lost: [0, 0, 0, 0],
    twice: [0, 0, 0, 0],
    inOrder: true,
    same: 1,
    unrecovered: [],
  });
  own(`over ${title} ten thousand that come back at once are one read`, "many", {
    given: 2_000_000,
    joined: 10_000,
    reads: 1,
    bounded: true,
  });
  return play;
}
