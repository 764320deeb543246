/**
 * The events of `./ws`: the arguments of their listeners, and the four web events for `addEventListener` and attributes such as
 * `onmessage`.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import type { EventEmitter } from "node:events";
import type { RawData } from "./message_data.ts";
import type { PlannedRequest, ServerResponse } from "./stand_ins.ts";

/** The events of a `WebSocket`, each with its arguments. */
export interface WebSocketEvents {
  /** The connection is open. */
  open: [];
  /** A message arrived. */
  message: [data: RawData, isBinary: boolean];
  /** A ping arrived. It was already answered, unless `autoPong` is off. */
  ping: [data: Buffer];
  /** A pong arrived. */
  pong: [data: Buffer];
  /** The connection has ended. The code is 1005 if the peer's close frame had no code, and 1006 if there was no close frame. */
  close: [code: number, reason: Buffer];
  /** The connection did not open, or the peer violated the protocol or a limit. */
  error: [error: Error];
  /** The server responded with 101. */
  upgrade: [response: ServerResponse];
  /** The server responded with another status, which is not a redirect to follow. */
  "unexpected-response": [request: PlannedRequest, response: ServerResponse];
  /** The next request of a redirect is about to be sent. */
  redirect: [url: string, request: PlannedRequest];
}

/** The events of the web's `WebSocket`. */
export type WebEventType = "open" | "message" | "close" | "error";

/**
 * An event for `addEventListener` and attributes such as `onmessage`.
 *
 * @typeParam Target The class of the socket.
 */
export interface WebEvent<Target = EventEmitter> {
  /** The event's name. */
  readonly type: WebEventType;
  /** The socket. */
  readonly target: Target;
}

/**
 * The event of a message.
 *
 * @typeParam Target The class of the socket.
 */
export interface WebMessageEvent<Target = EventEmitter> extends WebEvent<Target> {
  /** The message: a string for text, and for binary data a value of the type that `binaryType` names. */
  readonly data: unknown;
}

/**
 * The event of an end.
 *
 * @typeParam Target The class of the socket.
 */
export interface WebCloseEvent<Target = EventEmitter> extends WebEvent<Target> {
  /** The close code. */
  readonly code: number;
  /** The close reason. */
  readonly reason: string;
  /** Whether both close frames were exchanged. */
  readonly wasClean: boolean;
}

/**
 * The event of an error.
 *
 * @typeParam Target The class of the socket.
 */
export interface WebErrorEvent<Target = EventEmitter> extends WebEvent<Target> {
  /** The error. */
  readonly error: unknown;
  /** Its message. */
  readonly message: string;
}

/**
 * The events by name.
 *
 * @typeParam Target The class of the socket.
 */
export interface WebEvents<Target = EventEmitter> {
  /** The connection is open. */
  open: WebEvent<Target>;
  /** A message arrived. */
  message: WebMessageEvent<Target>;
  /** The connection has ended. */
  close: WebCloseEvent<Target>;
  /** Something went wrong. */
  error: WebErrorEvent<Target>;
}

/**
 * Gets events: a function.
 *
 * @typeParam Type The event's name.
 * @typeParam Target The class of the socket.
 */
export type WebHandler<Type extends WebEventType, Target = EventEmitter> = (
  this: Target,
  event: WebEvents<Target>[Type],
) => unknown;

/**
 * Gets events: a function, or an object with `handleEvent`.
 *
 * @typeParam Type The event's name.
 * @typeParam Target The class of the socket.
 */
export type WebListener<Type extends WebEventType, Target = EventEmitter> =
  | WebHandler<Type, Target>
  | { handleEvent(event: WebEvents<Target>[Type]): unknown };

/** The options of a listener. */
export interface WebListenerOptions {
  /** Whether the listener gets only the next event. @default {false} */
  once?: boolean;
}

/** Further facts for web events, which listeners of the emitter do not get. */
export interface WebFacts {
  /** The text of the message that is being emitted, if it is text. */
  readonly text: string | undefined;
  /** Whether both close frames were exchanged. */
  readonly wasClean: boolean;
}

/** A listener of the emitter that calls a web listener. */
type Wrapper = (...args: unknown[]) => void;

/** Makes an event from the arguments of the emitter's listeners. */
export type EventMaker<Type extends WebEventType> = <Target>(
  target: Target,
  facts: WebFacts,
  args: readonly unknown[],
) => WebEvents<Target>[Type];

/** The four web events. */
export const EVENT_MAKERS: { readonly [Type in WebEventType]: EventMaker<Type> } = {
  open: (target) => ({ type: "open", target }),
  message: (target, { text }, [data]) => ({ type: "message", target, data: text ?? data }),
  close: (target, { wasClean }, [code, reason]) => ({
    type: "close",
    target,
    code: Number(code),
    reason: String(reason),
    wasClean,
  }),
  error: (target, _, [error]) => ({
    type: "error",
    target,
    error,
    message: error instanceof Error ? error.message : String(error),
  }),
};

/**
 * The web listeners of one event of an emitter.
 *
 * @typeParam Type The event's name.
 * @typeParam Target The class of the socket.
 */
export class WebListeners<Type extends WebEventType, Target extends EventEmitter> {
  readonly #target: Target;
  readonly #emitter: EventEmitter;
  readonly #type: Type;
  readonly #facts: WebFacts;
  readonly #make: EventMaker<Type>;
  readonly #wrappers = new Map<unknown, Wrapper>();
  #attribute: { readonly handler: WebHandler<Type, Target>; readonly wrapper: Wrapper } | undefined;

  /**
   * @param target The socket.
   * @param type The event's name.
   * @param facts Further facts for its events.
   */
  constructor(target: Target, type: Type, facts: WebFacts) {
    this.#target = target;
    this.#emitter = target;
    this.#type = type;
    this.#facts = facts;
    this.#make = EVENT_MAKERS[type];
  }

  /** Adds a listener, once for each function or object. */
  add(listener: WebListener<Type, Target>, once: boolean): void {
    if (this.#has(this.#wrappers.get(listener))) return;
    const wrapper = this.#wrap(listener);
    this.#wrappers.set(listener, wrapper);
    if (once) this.#emitter.once(this.#type, wrapper);
    else this.#emitter.on(this.#type, wrapper);
  }

  /** Removes a listener. */
  remove(listener: WebListener<Type, Target>): void {
    this.#remove(this.#wrappers.get(listener));
    this.#wrappers.delete(listener);
  }

  /** The function of an attribute, such as `onmessage`. Any other value removes the previous function. */
  get handler(): WebHandler<Type, Target> | null {
    return this.#attribute !== undefined && this.#has(this.#attribute.wrapper) ? this.#attribute.handler : null;
  }
  set handler(handler: WebHandler<Type, Target> | null) {
    this.#remove(this.#attribute?.wrapper);
    this.#attribute = undefined;
    if (typeof handler !== "function") return;
    const wrapper = this.#wrap(handler);
    this.#attribute = { handler, wrapper };
    this.#emitter.on(this.#type, wrapper);
  }

  #wrap(listener: WebListener<Type, Target>): Wrapper {
    return (...args) => {
      const event = this.#make(this.#target, this.#facts, args);
      if (typeof listener === "function") listener.call(this.#target, event);
      else listener.handleEvent(event);
    };
  }

  /** Whether the emitter still has the listener. It may have been for one event only, or all listeners were removed. */
  #has(wrapper: Wrapper | undefined): boolean {
    return wrapper !== undefined && this.#emitter.listeners(this.#type).includes(wrapper);
  }

  #remove(wrapper: Wrapper | undefined): void {
    if (wrapper !== undefined) this.#emitter.removeListener(this.#type, wrapper);
  }
}
