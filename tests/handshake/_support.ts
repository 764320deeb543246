/**
 * What the tests of the handshakes share.
 *
 * @module
 */
import { assert, assertEquals, assertLess, assertStringIncludes, assertThrows } from "@std/assert";
import { HandshakeError } from "../../lib/errors.ts";
import {
  type RequestHead,
  RequestHeadParser,
  type ResponseHead,
  ResponseHeadParser,
} from "../../lib/handshake/http_head.ts";
import { DEFAULT_LIMITS } from "../../lib/limits.ts";
import { below, type Random } from "../_support/random.ts";

/** Bytes of the same numbers as the text's code units. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** The reverse of {@linkcode bytesOf}. */
export function textOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** The head of a request from its lines. */
export function requestHead(...lines: string[]): RequestHead {
  const head = new RequestHeadParser(DEFAULT_LIMITS).push(bytesOf([...lines, "", ""].join("\r\n")));
  assert(head, "the head is complete");
  return head;
}

/** What is other in a request: the names of the fields that it lacks, and lines that it has besides. */
export interface FieldChange {
  without?: readonly string[];
  more?: readonly string[];
}

/** A head's fields after a change. */
export function changedFields(fields: readonly string[], { without = [], more = [] }: FieldChange): string[] {
  return [...fields.filter((line) => !without.some((name) => line.startsWith(`${name}:`))), ...more];
}

/** The head of a response from its lines. */
export function responseHead(...lines: string[]): ResponseHead {
  const head = new ResponseHeadParser(DEFAULT_LIMITS).push(bytesOf([...lines, "", ""].join("\r\n")));
  assert(head, "the head is complete");
  return head;
}

/** The head and the body of a response's bytes. */
export function readResponse(bytes: Uint8Array): { head: ResponseHead; body: string } {
  const parser = new ResponseHeadParser(DEFAULT_LIMITS);
  const head = parser.push(bytes);
  assert(head, "the head is complete");
  return { head, body: new TextDecoder().decode(parser.rest) };
}

/** Asserts that a call throws `HandshakeError` with a status and these words, and returns it. */
export function assertRefuses(call: () => unknown, status: number, words = ""): HandshakeError {
  const error = assertThrows(call, HandshakeError);
  assertEquals(error.status, status, error.message);
  assertStringIncludes(error.message, words);
  return error;
}

/**
 * Asserts that a call on about a million characters is done in 5 s. Linear work takes a few hundredths of that on a slow
 * machine; quadratic work would take minutes.
 */
export function assertLinear(call: () => unknown): void {
  const start = performance.now();
  call();
  assertLess(performance.now() - start, 5000, "the work is not linear");
}

const TCHARS = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Random text of `1` to `max` characters of an alphabet. */
export function randomText(random: Random, alphabet = TCHARS, max = 12): string {
  return Array.from({ length: 1 + below(random, max) }, () => alphabet[below(random, alphabet.length)]).join("");
}

/** Overwrites, drops, doubles or inserts a few characters. */
export function mutate(random: Random, text: string, alphabet: string): string {
  let mutated = text;
  for (let edits = 1 + below(random, 3); edits > 0; edits--) {
    const at = below(random, mutated.length + 1);
    const to = Math.min(mutated.length, at + below(random, 4));
    const filling = [randomText(random, alphabet, 3), "", mutated.slice(at, to).repeat(2)][below(random, 3)];
    mutated = mutated.slice(0, at) + filling + mutated.slice(to);
  }
  return mutated;
}
