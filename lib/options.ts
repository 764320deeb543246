/**
 * Checks options at the call: their names, and their values by {@linkcode Kind}.
 *
 * @module
 */
import { CALLBACK, either, isObject, type Kind, kind, type OptionKinds, shown } from "./option_kinds.ts";

/**
 * The names that other libraries use for an option: `ws`, Bun, uWebSockets, Socket.IO, Python's websockets, Deno and Node. In
 * lower case, letters only.
 */
const ALIASES: Readonly<Record<string, readonly string[]>> = {
  abortsignal: ["signal"],
  address: ["hostname"],
  allowedorigins: ["origins"],
  auth: ["upgrade"],
  authenticate: ["upgrade"],
  backlog: ["maxConnections"],
  backpressurelimit: ["maxQueuedBytes"],
  ca: ["caCerts"],
  certfile: ["cert"],
  compress: ["perMessageDeflate"],
  compression: ["perMessageDeflate"],
  connectiontimeout: ["handshakeTimeout"],
  connecttimeout: ["handshakeTimeout"],
  cors: ["origins"],
  deflate: ["perMessageDeflate"],
  fetch: ["http"],
  handleprotocols: ["protocols"],
  heartbeat: ["pingInterval"],
  heartbeatinterval: ["pingInterval"],
  host: ["hostname"],
  idletimeout: ["pingInterval", "pongTimeout"],
  keepalive: ["pingInterval"],
  keyfile: ["key"],
  maxbackpressure: ["maxQueuedBytes"],
  maxbufferedamount: ["maxQueuedBytes"],
  maxclients: ["maxConnections"],
  maxframesize: ["maxMessageBytes"],
  maxhttpbuffersize: ["maxMessageBytes"],
  maxmessagesize: ["maxMessageBytes"],
  maxpayload: ["maxMessageBytes"],
  maxpayloadlength: ["maxMessageBytes"],
  maxqueue: ["maxQueuedBytes"],
  maxreconnectattempts: ["maxAttempts"],
  maxretries: ["maxAttempts"],
  maxsize: ["maxMessageBytes"],
  onrequest: ["http"],
  opentimeout: ["handshakeTimeout"],
  pinginterval: ["pingInterval"],
  pingtimeout: ["pongTimeout"],
  request: ["http"],
  sni: ["serverName"],
  socketpath: ["path"],
  subprotocol: ["protocols"],
  subprotocols: ["protocols"],
  timeout: ["handshakeTimeout", "closeTimeout"],
  trustproxy: ["proxies"],
  unix: ["path"],
  verifyclient: ["upgrade"],
};

/** The maximum number of names that an error lists if none is similar. */
const FEW = 12;

/**
 * Checks options: their names and their values. `undefined` counts as absent.
 *
 * @param call The function that takes them, such as `serve()`.
 * @param options The given options.
 * @param kinds The known options.
 * @param advice Advice for names that belong elsewhere.
 * @throws {TypeError} For an unknown option, with the most similar known one, and for a value with the wrong type.
 * @throws {RangeError} For a number that is out of range.
 */
export function checkOptions<Options extends object>(
  call: string,
  options: Options,
  kinds: OptionKinds<Options>,
  advice?: Advice,
): void {
  if (!isObject(options)) throw new TypeError(`${call} takes an object of options, not ${shown(options)}`);
  checkNames(call, options, { kinds, advice });
  checkValues(options, kinds);
}

/**
 * Checks the values of the options that are known, and ignores others.
 *
 * @param options The given options.
 * @param kinds The known options.
 * @param within The name of the option that contains them, followed by a dot.
 * @throws {TypeError} For a value with the wrong type.
 * @throws {RangeError} For a number that is out of range.
 */
export function checkValues<Options extends object>(options: Options, kinds: OptionKinds<Options>, within = ""): void {
  for (const name in kinds) {
    const value = options[name];
    const kind = kinds[name];
    if (value !== undefined) kind.check(value, within + name);
    else if (kind.required) throw new TypeError(`${within + name} is missing: it must be ${kind.takes}`);
  }
}

/** Options inside an option, such as `delay: { first: 100 }`. */
export function bag<Options extends object>(kinds: OptionKinds<Options>): Kind {
  const known = Object.keys(kinds);
  const what = kind(
    known.length <= FEW ? `an object with ${either(known)}` : "an object of options",
    (value) => isObject(value) && !Array.isArray(value),
  );
  return {
    takes: what.takes,
    check(value: Options, name) {
      what.check(value, name);
      checkNames(`Option ${JSON.stringify(name)}`, value, { kinds });
      checkValues(value, kinds, `${name}.`);
    },
  };
}

/** The kinds of some options without others of them. */
export function without<Options, Name extends keyof Options>(
  kinds: OptionKinds<Options>,
  ...names: readonly Name[]
): OptionKinds<Omit<Options, Name>> {
  const rest = { ...kinds };
  for (const name of names) Reflect.deleteProperty(rest, name);
  return rest;
}

/**
 * Checks options like {@linkcode checkOptions}, and returns a copy of them. A server or a client uses the copy, so that it does not
 * change if the application uses the object for another one with other values.
 */
export function takeOptions<Options extends object>(
  call: string,
  options: Options,
  kinds: OptionKinds<NoInfer<Options>>,
  advice?: Advice,
): Options {
  checkOptions(call, options, kinds, advice);
  return pick(options, kinds);
}

/**
 * Picks the options of a table from an object, also getters and methods of its class: a spread would copy its own properties only,
 * after the checks have accepted all. Callbacks are still called with that object as `this`. `undefined` counts as absent, so that
 * it does not replace a default.
 */
export function pick<Options extends object>(options: Options, kinds: OptionKinds<Options>): Options;
export function pick(options: object, kinds: object): object {
  const picked = {};
  for (const name of Object.keys(kinds)) {
    const value: unknown = Reflect.get(options, name);
    if (value === undefined) continue;
    const isCallback = Reflect.get(kinds, name) === CALLBACK && typeof value === "function";
    Reflect.set(picked, name, isCallback ? value.bind(options) : value);
  }
  return picked;
}

/** Returns advice for a name that belongs elsewhere, if there is any. */
type Advice = (name: string) => string | undefined;

/** Allocates nothing if all names are known, because `send` checks its options for each message. */
function checkNames(
  owner: string,
  options: object,
  { kinds, advice }: { kinds: object; advice?: Advice | undefined },
): void {
  for (const name in options) {
    if (Object.hasOwn(kinds, name) || !Object.hasOwn(options, name) || Reflect.get(options, name) === undefined) {
      continue;
    }
    throw unknownName(owner, "option", name, { known: Object.keys(kinds), advice });
  }
}

/** Makes the error for an unknown name. */
export function unknownName(
  owner: string,
  what: string,
  name: string,
  { known, advice }: { known: readonly string[]; advice?: Advice | undefined },
): TypeError {
  const near = nearest(name, known);
  const hint = advice?.(name) ??
    (near.length > 0
      ? `did you mean ${either(near)}?`
      : known.length <= FEW
      ? `it takes ${either(known)}`
      : "docs/reference/options-and-limits.md lists them");
  return new TypeError(`${owner} has no ${what} ${JSON.stringify(name)}: ${hint}`);
}

/** Returns the known names that a name may stand for: the name in another library, another spelling, or a typing error. */
export function nearest(name: string, known: readonly string[]): readonly string[] {
  const word = plain(name);
  const aliases = Object.hasOwn(ALIASES, word) ? ALIASES[word]!.filter((alias) => known.includes(alias)) : [];
  if (aliases.length > 0) return aliases;
  let near: readonly string[] = [];
  let least = 1 + Math.min(3, Math.floor(word.length / 3));
  for (const candidate of known) {
    const other = plain(candidate);
    const distance = Math.min(
      editDistance(word, other),
      editDistance(word.replace(/^on/, ""), other.replace(/^on/, "")),
    );
    if (distance < least) [near, least] = [[candidate], distance];
  }
  return near;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, "");
}

/** Counts how many letters are inserted, deleted, changed, or swapped with the next one. */
function editDistance(from: string, to: string): number {
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const changed = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      const swapped = from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1] ? before[j - 2]! + 1 : Infinity;
      next.push(Math.min(changed, swapped, row[j]! + 1, next[j - 1]! + 1));
    }
    before = row;
    row = next;
  }
  return row[to.length]!;
}
