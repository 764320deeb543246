/**
 * What must hold when a world has come to its end.
 *
 * @module
 */
import { LimitError, ProtocolError } from "../../lib/errors.ts";
import type { Conversation } from "./conversation.ts";
import { Violation } from "./invariants.ts";
import type { Plan } from "./plan.ts";
import { ApplicationError, type Seat } from "./seat.ts";
import { describe, isSame } from "./talk.ts";
import type { World } from "./world.ts";

/** Milliseconds that calm ways and applications take at the most for what has been sent: messages before a close frame are read first. */
const PROMPT = 2_000;

/** Milliseconds that a peer that broke a rule has to read the close frame (lib/connection/closing.ts). */
const FAILED_TIMEOUT = 2_000;

/** Judges a world: the first violation, if there is one. */
export function judge(world: World, plan: Plan, conversations: readonly Conversation[]): Violation | undefined {
  try {
    for (const conversation of conversations) {
      for (const seat of seatsOf(conversation)) ended(seat);
      if (conversation.raw !== undefined) raw(plan, conversation);
      else between(plan, conversation);
      for (const ends of conversation.links) {
        for (const end of ends) {
          must(end.closed, "nothing-left", () => `${end.name} was never closed`);
        }
      }
    }
    const [pending] = world.pending;
    must(pending === undefined, "settled", () => `${pending} never settles`);
    must(world.timers === 0, "nothing-left", () => `${world.timers} timers run at the end`);
  } catch (error) {
    if (error instanceof Violation) return error;
    throw error;
  }
}

/** Long after its peer has left an end must have noticed, where it pings. */
export function mustHaveNoticed(world: World, { name, surface, ended, untidy, options: { limits } }: Seat): void {
  const pings = limits.pingInterval > 0 && limits.pingInterval + limits.pongTimeout < 10_000;
  const late = surface?.state === 1 && ended === undefined && !untidy && pings;
  const blocked = surface?.exact === true && surface.buffered > 0;
  const what = blocked ? "reads nothing" : "is silent";
  world.must(!late, "bounded", () => `${name} does not notice that its peer ${what}`);
}

function must(...[holds, invariant, detail]: Parameters<World["must"]>): void {
  if (!holds) throw new Violation(invariant, detail());
}

function seatsOf({ client, servers }: Conversation): Seat[] {
  return [client, ...servers].filter((seat) => seat?.surface !== undefined) as Seat[];
}

/** Whether it lasted for as long as a closing handshake may take: if its last write was cut, so was the close frame behind it. */
function outlasts({ openedAt, endedAt, options: { limits } }: Seat): boolean {
  return endedAt - openedAt >= Math.min(limits.closeTimeout || Infinity, FAILED_TIMEOUT);
}

/** Every connection that opened has ended. */
function ended(seat: Seat): void {
  must(seat.ended !== undefined, "ends-once", () => `${seat.name} never ends`);
}

/** What was read of a raw peer. */
function raw({ acts }: Plan, { raw, heardOfRaw, client, servers, wires, links }: Conversation): void {
  const seat = client ?? servers[0];
  if (raw === undefined || seat?.surface === undefined) return;
  const { messages, codes } = raw.verdict(
    seat.options.plan.lane === "messages" ? Number.MAX_SAFE_INTEGER : seat.options.limits.maxMessageBytes,
  );
  for (const [i, message] of heardOfRaw.entries()) {
    const expected = messages[i];
    const right = expected !== undefined && isSame(expected, message);
    must(
      right,
      "whole",
      () => `${seat.name} reads ${describe(message)} as number ${i}, which the raw peer never sent whole`,
    );
  }
  const [mine] = links.map((ends) => ends[client === undefined ? 1 : 0]);
  const ways = mine === undefined ? [] : [mine.incoming, mine.outgoing];
  const closing = seat.endedAt - (seat.closedAt ?? wires[0]![client === undefined ? 1 : 0].closedAt);
  const inTime = closing < (seat.options.limits.closeTimeout || Infinity);
  const settled = raw.exchanged && inTime && !ways.some(({ disturbed }) => disturbed) && codes.length === 0 &&
    !seat.untidy &&
    !isLimited(seat) && mine?.incoming.read === mine?.incoming.written &&
    !acts.some((act) => act.do === "stall" || act.do === "shutdown");
  must(
    !settled || seat.ended?.wasClean === true,
    "agreement",
    () => `${seat.name} is not clean after both close frames: ${seat.ended?.error}`,
  );
  const ourCode = wires[0]?.[client === undefined ? 1 : 0].closeCode;
  const calm = !links[0]![0].incoming.disturbed && !links[0]![0].outgoing.disturbed;
  if (!calm || seat.untidy || codes.length === 0) return;
  if (acts.some((act) => act.do === "shutdown")) return;
  if (links[0]![client === undefined ? 1 : 0].cut && outlasts(seat)) return;
  // `messageTimeout`, or a hub that found it slow, came before the mistake was whole.
  if ((ourCode === 1008 || ourCode === 1013) && isLimited(seat)) return;
  if (ourCode === undefined && mayOverflow(seat)) return;
  // A raw peer that is connected and reads gets the close frame.
  // Its application may have closed it first: it gives a code, or none.
  const allowed = seat.closedAt === undefined ? codes : [...codes, seat.closeCode ?? 1000, 1000, 1005];
  const stalls = acts.some((act) => act.do === "stall");
  const there = raw.stays && !raw.interrupts && !stalls && seat.ended?.error instanceof ProtocolError;
  must(
    (ourCode === undefined && !there) || allowed.includes(ourCode ?? 0),
    "close-code",
    () => `${seat.name} answers ${ourCode}, not ${allowed.join(" or ")}`,
  );
}

/** Whether it ended at a limit of its own, which is no accident of the way. */
function isLimited({ ended }: Seat): boolean {
  return ended?.error instanceof LimitError ||
    (ended?.error instanceof Error && ended.error.cause instanceof LimitError);
}

/**
 * Whether it and its hub may have said more than may be queued, and so was dropped while the answers to what came before were awaited.
 */
function mayOverflow({ talk, topics, options: { limits } }: Seat): boolean {
  return (topics?.bytes ?? talk.bytes) >= limits.maxQueuedBytes;
}

/** What two of our ends make of one another. */
function between({ calm }: Plan, { client, servers, comesBack, wires, links }: Conversation): void {
  const server = servers[0];
  if (comesBack || client?.ended === undefined || server?.ended === undefined) return;
  for (const { name, ended } of [client, server]) {
    must(
      !(ended?.error instanceof ProtocolError),
      "frames",
      () => `${name} takes the other for a rule-breaker: ${ended?.error}`,
    );
  }
  const [there, here] = links.at(-1)!;
  const late = here.cut && outlasts(server);
  const threw = !late && server.cause?.error instanceof ApplicationError && server.ended.error === server.cause.error &&
    server.aborts === 0;
  const hears = !client.untidy && !isLimited(client) && client.closedAt === undefined && !there.incoming.disturbed &&
    !there.outgoing.disturbed;
  if (threw && hears) {
    must(
      wires.at(-1)![1].closeCode === 1011,
      "close-code",
      () => `${server.name} threw, and sent ${wires.at(-1)![1].closeCode}`,
    );
  }
  if (!calm || client.untidy || server.untidy || isLimited(client) || isLimited(server)) return;
  const [one, other] = [client.ended, server.ended];
  must(one.wasClean && other.wasClean, "agreement", () => {
    return `${client.name}: ${one.wasClean ? "clean" : one.error}; ${server.name}: ${
      other.wasClean ? "clean" : other.error
    }`;
  });
  for (const { name, refused, closedAt, answered, options: { plan } } of [client, server]) {
    // What waits behind a message from a source is given up with that.
    const own = closedAt !== undefined || answered || plan.acts.some((act) => act.do === "source");
    must(own || refused === 0, "answered", () => `${name} could not send ${refused} answers`);
  }
  const [clientSaid, serverSaid] = wires.at(-1)!.map(({ closeCode }) => closeCode);
  const told = one.closeCode === serverSaid && other.closeCode === clientSaid;
  must(told, "agreement", () => `${client.name} is told ${one.closeCode}, ${server.name} ${other.closeCode}`);
  // A close frame is answered with its own code (RFC 6455 §5.5.1), unless the application says another.
  const crossed = client.closedAt !== undefined && server.closedAt !== undefined;
  must(
    crossed || client.answered || server.answered || clientSaid === serverSaid,
    "close-code",
    () => `${client.name} sent ${clientSaid}, ${server.name} ${serverSaid}`,
  );
  const exchanged = Math.max(...wires.at(-1)!.map(({ closedAt }) => closedAt));
  const time = Math.max(client.endedAt, server.endedAt) - exchanged;
  must(time < PROMPT, "prompt", () => `${client.name} and ${server.name} ended ${time} ms after both close frames`);
  for (const [speaker, listener] of [[client, server], [server, client]] as const) {
    // An application that closes hears no more, in a `WebSocket` what came before the other's close frame included.
    if (listener.closedAt !== undefined || listener.answered || crossed) continue;
    const heard = listener.listening.heard(speaker.talk);
    const missing = speaker.talk.said.findIndex(({ sure }, i) => sure && i >= heard);
    must(
      missing === -1,
      "complete",
      () => `${listener.name} has read ${heard} of ${speaker.talk.said.length} messages`,
    );
  }
}
