/**
 * Event handler IDL attributes, such as `onmessage`, and events whose classes some runtimes lack.
 *
 * @module
 */

/**
 * An event handler attribute (HTML §8.1.8.1): a handler has the place among the listeners at which the attribute was first set.
 * Another handler takes over this place; `null` gives it up.
 */
export class EventHandlerAttribute<Handler> implements EventListenerObject {
  readonly #target: EventTarget;
  readonly #type: string;
  #value: Handler | null = null;

  /**
   * @param target The object that has the attribute.
   * @param type The event's type.
   */
  constructor(target: EventTarget, type: string) {
    this.#target = target;
    this.#type = type;
  }

  /** The handler. A value that is neither a function nor an object counts as `null`. */
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

  /** Calls the handler. An object that is not a function is kept, but never called. */
  handleEvent(event: Event): void {
    if (typeof this.#value === "function") Reflect.apply(this.#value, this.#target, [event]);
  }
}

/** Creates a `CloseEvent`, or an `Event` with its fields if the runtime lacks that class (Node 20). */
export function closeEvent(init: { code: number; reason: string; wasClean: boolean }): CloseEvent {
  return typeof CloseEvent === "function" ? new CloseEvent("close", init) : Object.assign(new Event("close"), init);
}

/** Creates an `ErrorEvent`, or an `Event` with its fields if the runtime lacks that class (Node 20). */
export function errorEvent(init: { error: unknown; message: string }): Event {
  return typeof ErrorEvent === "function" ? new ErrorEvent("error", init) : Object.assign(new Event("error"), init);
}
