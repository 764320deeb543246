/**
 * The check of a request's origin, which says on the console how to let a page in: what is seen of a refusal is otherwise only a
 * failed connection in a browser.
 *
 * @module
 */
import { compileOriginPolicy, isSerializedOrigin, type OriginPolicy, type OriginRequest } from "../handshake/origin.ts";

/** Origins that one process prints: clients can make up as many as they like. */
const MAX_TOLD = 16;

/** The origins that were told of. */
const told = new Set<string>();

/**
 * Compiles a policy. The first refusal of each origin is printed to the console, unless a function of the application decided it.
 *
 * @param policy The policy.
 * @returns A check that throws `HandshakeError` 403 for a request that is refused.
 * @throws {TypeError} If the list has an entry that no `Origin` could match.
 */
export function originCheck(policy?: OriginPolicy): (request: OriginRequest) => void {
  const check = compileOriginPolicy(policy);
  if (typeof policy === "function") return check;
  return (request) => {
    try {
      check(request);
    } catch (error) {
      notify(request, policy);
      throw error;
    }
  };
}

function notify({ origin, host }: OriginRequest, policy: OriginPolicy | undefined): void {
  if (origin === undefined || !isSerializedOrigin(origin) || told.has(origin) || told.size >= MAX_TOLD) return;
  told.add(origin);
  const own = policy === undefined ? ` (and the origin of the pages on ${host}, which the list replaces)` : "";
  // deno-lint-ignore no-console -- the operator can mend it, and nothing else on the server's side shows it
  console.warn(
    `A page of ${origin} was refused with 403. If it is yours, add it to the option \`origins\`${own}: origins: ["${origin}"]`,
  );
}
