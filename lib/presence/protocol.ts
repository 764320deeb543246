/**
 * What servers say to one another about their members: JSON texts on one topic of the broker.
 *
 * ```text
 *  {"type":"change","from":"5ad1…","version":8,"member":["room","ada",1764537600000,{"name":"Ada"}]}
 *  {"type":"change","from":"5ad1…","version":9,"member":["room","ada"]}              the member has left
 *  {"type":"alive","from":"5ad1…","version":9}                                       the heartbeat
 *  {"type":"ask","from":"77c0…","to":"5ad1…"}                                        without "to": all servers
 *  {"type":"list","from":"5ad1…","version":9,"part":0,"last":true,"members":[…]}     all members of the server
 *  {"type":"bye","from":"5ad1…"}
 * ```
 *
 * The broker may lose messages. A server that misses a version asks for the complete list.
 *
 * @module
 */
import { isObject } from "../option_kinds.ts";
import type { Entries, Entry } from "./roster.ts";

/** The topic at the broker. */
export const PRESENCE_TOPIC = "sluice.presence.v1";

/** About how many UTF-16 units of members a part of a list has: far below the largest message of a broker. */
const PART_LENGTH = 64 * 1024;

/** A member of a server; without an entry it has left. */
export interface MemberFact<Data> {
  readonly topic: string;
  readonly id: string;
  readonly entry: Entry<Data> | undefined;
}

/** What a server says. */
export type PresenceMessage<Data> =
  | { readonly type: "change"; readonly from: string; readonly version: number; readonly member: MemberFact<Data> }
  | { readonly type: "alive"; readonly from: string; readonly version: number }
  | { readonly type: "ask"; readonly from: string; readonly to?: string | undefined }
  | {
    readonly type: "list";
    readonly from: string;
    readonly version: number;
    readonly part: number;
    readonly last: boolean;
    readonly members: readonly MemberFact<Data>[];
  }
  | { readonly type: "bye"; readonly from: string };

/** Encodes a server's message, except for lists. */
export function encodePresence<Data>(message: Exclude<PresenceMessage<Data>, { type: "list" }>): string {
  return JSON.stringify(message.type === "change" ? { ...message, member: tupleOf(message.member) } : message);
}

/** Encodes the complete list of a server, in several messages. */
export function* encodeList<Data>(from: string, version: number, entries: Entries<Data>): Generator<string> {
  let part = 0;
  let members: unknown[] = [];
  let length = 0;
  const write = (last: boolean) => JSON.stringify({ type: "list", from, version, part, last, members });
  for (const [topic, list] of entries) {
    for (const [id, entry] of list) {
      if (length > PART_LENGTH) {
        yield write(false);
        part++;
        members = [];
        length = 0;
      }
      members.push(tupleOf({ topic, id, entry }));
      length += topic.length + id.length + entry.text.length;
    }
  }
  yield write(true);
}

/** Reads what a server says; `undefined` if it is nothing of the protocol. */
export function decodePresence<Data>(data: unknown): PresenceMessage<Data> | undefined {
  const said = typeof data === "string" ? parse(data) : undefined;
  if (!isObject(said) || !("type" in said && "from" in said) || typeof said.from !== "string") return undefined;
  const { type, from } = said;
  if (type === "bye") return { type, from };
  if (type === "ask") return { type, from, to: "to" in said && typeof said.to === "string" ? said.to : undefined };
  if (!("version" in said) || !isCount(said.version)) return undefined;
  const { version } = said;
  if (type === "alive") return { type, from, version };
  if (type === "change" && "member" in said) {
    const member = factOf<Data>(said.member);
    return member && { type, from, version, member };
  }
  if (type !== "list" || !("part" in said && "last" in said && "members" in said)) return undefined;
  const { part, last, members } = said;
  if (!isCount(part) || typeof last !== "boolean" || !Array.isArray(members)) return undefined;
  return { type, from, version, part, last, members: members.map(factOf<Data>).filter((fact) => fact !== undefined) };
}

function tupleOf<Data>({ topic, id, entry }: MemberFact<Data>): unknown[] {
  return entry === undefined ? [topic, id] : [topic, id, entry.at, entry.data];
}

function factOf<Data>(tuple: unknown): MemberFact<Data> | undefined {
  if (!Array.isArray(tuple)) return undefined;
  const [topic, id, at, data] = tuple;
  if (typeof topic !== "string" || typeof id !== "string") return undefined;
  if (tuple.length === 2) return { topic, id, entry: undefined };
  if (tuple.length !== 4 || typeof at !== "number") return undefined;
  return { topic, id, entry: { at, data, text: JSON.stringify(data) } };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
