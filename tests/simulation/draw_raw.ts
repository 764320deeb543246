/**
 * Draws what a raw peer says: mostly what is right, and one lie sooner or later.
 *
 * @module
 */
import type { Chance } from "./chance.ts";
import type { RawAct, RawPlan } from "./plan.ts";

/** Draws a client that pings and reads nothing, and reads later. */
export function drawPinger(chance: Chance): RawPlan {
  const ping = (): RawAct => ({
    at: 0,
    do: "frame",
    opcode: 9,
    fin: true,
    rsv: 0,
    masked: true,
    size: chance.below(20),
    utf8: true,
  });
  return {
    greeting: "right",
    pongs: true,
    closes: true,
    reads: true,
    readsAfter: 600,
    acts: chance.some(8, 12, ping).map((act, i) => ({ ...act, at: 100 + 20 * i })),
  };
}

/** Draws a raw peer. */
export function drawRaw(chance: Chance, role: "client" | "server"): RawPlan {
  const acts = chance.some(1, 6, () => drawFrame(chance, role));
  if (chance.oneIn(2)) acts.push(drawLie(chance, role));
  if (chance.oneIn(2)) acts.push({ at: 0, do: "close", payload: drawPayload(chance) });
  if (chance.oneIn(4)) acts.push({ at: chance.below(1_500), do: chance.pick(["end", "drop"]) });
  let at = 0;
  return {
    greeting: chance.oneIn(6)
      ? chance.pick(["wrong key", "no upgrade", "refusal", "half", "garbage", "silence"])
      : "right",
    pongs: !chance.oneIn(4),
    ...(chance.oneIn(3) ? { pongsAfter: chance.below(5_000) } : {}),
    closes: !chance.oneIn(4),
    ...(chance.oneIn(4) ? { resets: true } : {}),
    reads: !chance.oneIn(6),
    acts: acts.map((act) => ({ ...act, at: at += chance.oneIn(2) ? 0 : chance.below(200) })),
  };
}

function drawSize(chance: Chance): number {
  if (chance.oneIn(40)) return 65_535 + chance.below(2);
  return chance.pick([0, chance.below(10), chance.below(10), 125, 126, chance.below(500)]);
}

function drawFrame(chance: Chance, role: "client" | "server"): RawAct {
  const control = chance.oneIn(4);
  return {
    at: 0,
    do: "frame",
    opcode: control ? chance.pick([9, 10]) : chance.pick([1, 2]),
    fin: true,
    rsv: 0,
    masked: role === "client",
    size: control ? chance.below(126) : drawSize(chance),
    utf8: true,
  };
}

function drawLie(chance: Chance, role: "client" | "server"): RawAct {
  const frame = {
    at: 0,
    do: "frame",
    opcode: 1,
    fin: true,
    rsv: 0,
    masked: role === "client",
    size: 20,
    utf8: true,
  } as const;
  switch (chance.below(10)) {
    case 0:
      return { ...frame, masked: role !== "client" };
    case 1:
      return { ...frame, rsv: 1 + chance.below(7) };
    case 2:
      return { ...frame, opcode: chance.pick([0, 3, 7, 11, 15]) };
    case 3:
      return { ...frame, opcode: 9, size: 126 + chance.below(100) };
    case 4:
      return { ...frame, opcode: chance.pick([8, 9, 10]), fin: false, size: 2 };
    case 5:
      return { ...frame, utf8: false };
    case 6:
      return { ...frame, claims: chance.pick([126, 127, 125]) };
    case 7:
      return { ...frame, fin: false };
    case 8:
      return { at: 0, do: "bytes", bytes: chance.some(1, 30, () => chance.below(256)) };
    default:
      return { ...frame, size: 21_000 };
  }
}

function drawPayload(chance: Chance): number[] {
  switch (chance.below(6)) {
    case 0:
      return [];
    case 1:
      return [3];
    case 2:
      return [0x03, chance.below(256)];
    case 3:
      return [0x03, 0xe8, 0xff, 0xfe];
    default:
      return [0x03, 0xe8, 0x62, 0x79, 0x65];
  }
}
