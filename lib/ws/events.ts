/**
 * The events of `./ws`: what their listeners get, and the four of them that the web has, as `addEventListener` and `onmessage` get them.
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
  /** A ping arrived, which is answered already unless `autoPong` is off. */
  ping: [data: Buffer];
  /** A pong arrived. */
  pong: [data: Buffer];
  /** The connection has ended: 1005 where the peer's close frame had no code, 1006 where there was no close frame. */
  close: [code: number, reason: Buffer];
  /** The connection did not open, or the peer broke a rule or a limit. */
  error: [error: Error];
  /** The server answered 101. */
  upgrade: [response: ServerResponse];
  /** The server answered anything else, and is not to be followed. */
  "unexpected-response": [request: PlannedRequest, response: ServerResponse];
  /** The next request of a redirect is about to be sent. */
  redirect: [url: string, request: PlannedRequest];
}

/** The events that the web's `WebSocket` has. */
export type WebEventType = "open" | "message" | "close" | "error";

/**
 * An event as `addEventListener` and `onmessage` get it.
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
  /** A string for text, and for binary data what `binaryType` says. */
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
 * Which event comes under which name.
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

/** How a listener listens. */
export interface WebListenerOptions {
  /** Whether it listens for the next event only. @default {false} */
  once?: boolean;
}

/** What the web's events say besides what the emitter's listeners get. */
export interface WebFacts {
  /** The text of the message that is being emitted, where it is text. */
  readonly text: string | undefined;
  /** Whether both close frames were exchanged. */
  readonly wasClean: boolean;
}

/** A listener of the emitter that calls one of the web's. */
type Wrapper = (...args: unknown[]) => void;

/** Makes an event from what the emitter's listeners get. */
export type EventMaker<Type extends WebEventType> = <Target>(
  target: Target,
  facts: WebFacts,
  args: readonly unknown[],
) => WebEvents<Target>[Type];

/** The web's four. */
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
 * The web's listeners of one event of an emitter.
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
   * @param facts What its events say besides.
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

  /** The function of the attribute, such as `onmessage`. What is no function removes the one before. */
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

  /** Whether the emitter has it still: it may have been for one event, or all were removed. */
  #has(wrapper: Wrapper | undefined): boolean {
    return wrapper !== undefined && this.#emitter.listeners(this.#type).includes(wrapper);
  }

  #remove(wrapper: Wrapper | undefined): void {
    if (wrapper !== undefined) this.#emitter.removeListener(this.#type, wrapper);
  }
}
