/**
 * Checks a request's origin, and prints to the console how to allow a refused one. Without that, a refusal shows only as a failed
 * connection in a browser.
 *
 * @module
 */
import { compileOriginPolicy, isSerializedOrigin, type OriginPolicy, type OriginRequest } from "../handshake/origin.ts";

/** The most origins that one process prints, because clients can make up any number. */
const MAX_TOLD = 16;

/** The origins that were printed. */
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
  const changed = policy === undefined
    ? `. It was compared with the request's Host, ${host}: if a proxy changed that, let it pass on the client's Host instead`
    : "";
  // deno-lint-ignore no-console -- the operator can fix it, and the server shows it nowhere else
  console.warn(
    `A page of ${origin} was refused with 403. If it is yours, add it to the option \`origins\`${own}: origins: ["${origin}"]${changed}`,
  );
}
