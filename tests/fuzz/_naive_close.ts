/**
 * The payload of a close frame by RFC 6455 §5.5.1 and §7.4: the oracle for its decoder.
 *
 * @module
 */
import { naiveDecode } from "./_naive_utf8.ts";

/** What a close frame says, or why it may not. */
export interface NaiveClose {
  closeCode?: number;
  reason?: string;
  /** The close code of the refusal and the section. */
  failure?: string;
}

/** §7.4.1 and IANA's registry, one by one. */
const DEFINED = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];

/** Whether a code may stand in a close frame. */
export function naiveSendable(code: number): boolean {
  return DEFINED.includes(code) || [3, 4].includes(Math.floor(code / 1000));
}

/** Reads a payload. */
export function naiveClose(payload: Uint8Array): NaiveClose {
  const [high, low, ...rest] = payload;
  if (high === undefined) return { closeCode: 1005, reason: "" };
  if (low === undefined) return { failure: "1002 RFC 6455 §5.5.1" };
  const closeCode = high * 256 + low;
  if (!naiveSendable(closeCode)) return { failure: "1002 RFC 6455 §7.4" };
  const reason = naiveDecode(Uint8Array.from(rest));
  return reason === undefined ? { failure: "1007 RFC 6455 §5.5.1" } : { closeCode, reason };
}
