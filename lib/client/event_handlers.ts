/**
 * Event handler IDL attributes, such as `onmessage`, and events of classes that not every runtime has.
 *
 * @module
 */

/**
 * An event handler attribute (HTML §8.1.8.1): a handler has the place among the listeners at which the attribute was first set,
 * keeps it when another one replaces it, and gives it up with `null`.
 */
export class EventHandlerAttribute<Handler> implements EventListenerObject {
  readonly #target: EventTarget;
  readonly #type: string;
  #value: Handler | null = null;

  /**
   * @param target Whose attribute it is.
   * @param type The event's type.
   */
  constructor(target: EventTarget, type: string) {
    this.#target = target;
    this.#type = type;
  }

  /** The handler. Setting what is neither a function nor an object is setting `null`. */
  get value(): Handler | null {
    return this.#value;
  }
  set value(handler: Handler | null) {
    if (typeof handler === "function" || (typeof handler === "object" && handler !== null)) {
      this.#value = handler;
      this.#target.addEventListener(this.#type, this);
    } else {
      this.#value = null;
      this.#target.removeEventListener(this.#type, this);
    }
  }

  /** Calls the handler. An object that is no function is kept, and never called. */
  handleEvent(event: Event): void {
    if (typeof this.#value === "function") Reflect.apply(this.#value, this.#target, [event]);
  }
}

/** A `CloseEvent`; where there is no such class (Node 20) an `Event` with its fields. */
export function closeEvent(init: { code: number; reason: string; wasClean: boolean }): CloseEvent {
  return typeof CloseEvent === "function" ? new CloseEvent("close", init) : Object.assign(new Event("close"), init);
}

/** An `ErrorEvent`; where there is no such class (Node 20) an `Event` with its fields. */
export function errorEvent(init: { error: unknown; message: string }): Event {
  return typeof ErrorEvent === "function" ? new ErrorEvent("error", init) : Object.assign(new Event("error"), init);
}
