/**
 * Basic authentication (RFC 7617). Without TLS, anyone on the path can read the password.
 *
 * @module
 */
import { timingSafeEqual } from "jsr:@std/crypto@^1/timing-safe-equal";
import { decodeBase64 } from "jsr:@std/encoding@^1/base64";

/** The value of `WWW-Authenticate` in a refusal, which makes a browser ask its user (RFC 7617 §2). */
export const BASIC_CHALLENGE = 'Basic realm="Sluice", charset="UTF-8"';

/**
 * Makes a check of the `Authorization` field.
 *
 * @param users The `USER:PASSWORD` of each user.
 * @returns A check that always takes the same time, whatever is wrong and however much of it is right.
 */
export function createBasicAuth(users: readonly string[]): (headers: Headers) => Promise<boolean> {
  // All digests have the same length, so comparing them does not reveal the length of a password either.
  const known = Promise.all(users.map((user) => digest(new TextEncoder().encode(user))));
  return async (headers) => {
    const given = await digest(credentials(headers.get("authorization") ?? ""));
    // All users are compared, so that the time does not reveal which of them matched.
    return (await known).map((user) => timingSafeEqual(user, given)).includes(true);
  };
}

/**
 * Reads users from the text of a file, one `USER:PASSWORD` on each line. Empty lines are skipped.
 *
 * @throws {RangeError} If a line has no colon, or there is no user.
 */
export function readUsers(text: string): string[] {
  const users = text.split(/\r?\n/).filter((line) => line !== "");
  if (users.length === 0) throw new RangeError("it contains no user");
  const bad = users.findIndex((user) => !user.includes(":"));
  if (bad >= 0) throw new RangeError(`user ${bad + 1} has no colon between name and password`);
  return users;
}

/** Returns the bytes of `USER:PASSWORD`, or no bytes, which match no user. */
function credentials(field: string): Uint8Array<ArrayBuffer> {
  const [scheme = "", token = "", ...more] = field.split(" ").filter((part) => part !== "");
  if (scheme.toLowerCase() !== "basic" || more.length > 0) return new Uint8Array();
  try {
    return decodeBase64(token);
  } catch {
    return new Uint8Array();
  }
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}
