/**
 * An emitter that also takes web listeners: `addEventListener` and attributes such as `onmessage`.
 *
 * @module
 */
import { EventEmitter } from "node:events";
import {
  EVENT_MAKERS,
  type WebEventType,
  type WebFacts,
  type WebHandler,
  type WebListener,
  type WebListenerOptions,
  WebListeners,
  type WebSocketEvents,
} from "./events.ts";

/** The base class of `WebSocket`. */
export abstract class WebEventEmitter extends EventEmitter<WebSocketEvents> {
  /** Further facts for web events. */
  protected readonly webFacts: { -readonly [Name in keyof WebFacts]: WebFacts[Name] } = {
    text: undefined,
    wasClean: false,
  };
  #made: { readonly [Type in WebEventType]: WebListeners<Type, this> } | undefined;

  /** Called when the connection is open. */
  get onopen(): WebHandler<"open", this> | null {
    return this.#web.open.handler;
  }
  set onopen(handler: WebHandler<"open", this> | null) {
    this.#web.open.handler = handler;
  }
  /** Called for each message. */
  get onmessage(): WebHandler<"message", this> | null {
    return this.#web.message.handler;
  }
  set onmessage(handler: WebHandler<"message", this> | null) {
    this.#web.message.handler = handler;
  }
  /** Called when the connection has ended. */
  get onclose(): WebHandler<"close", this> | null {
    return this.#web.close.handler;
  }
  set onclose(handler: WebHandler<"close", this> | null) {
    this.#web.close.handler = handler;
  }
  /** Called when an error occurs. */
  get onerror(): WebHandler<"error", this> | null {
    return this.#web.error.handler;
  }
  set onerror(handler: WebHandler<"error", this> | null) {
    this.#web.error.handler = handler;
  }

  /** Adds a web listener. Events other than `open`, `message`, `close` and `error` are ignored. */
  addEventListener<Type extends WebEventType>(
    type: Type,
    listener: WebListener<Type, this>,
    { once = false }: WebListenerOptions = {},
  ): void {
    if (Object.hasOwn(EVENT_MAKERS, type)) this.#web[type].add(listener, once);
  }

  /** Removes a listener that `addEventListener` has added. */
  removeEventListener<Type extends WebEventType>(type: Type, listener: WebListener<Type, this>): void {
    if (Object.hasOwn(EVENT_MAKERS, type)) this.#web[type].remove(listener);
  }

  get #web(): { readonly [Type in WebEventType]: WebListeners<Type, this> } {
    const facts = this.webFacts;
    return this.#made ??= {
      open: new WebListeners<"open", this>(this, "open", facts),
      message: new WebListeners<"message", this>(this, "message", facts),
      close: new WebListeners<"close", this>(this, "close", facts),
      error: new WebListeners<"error", this>(this, "error", facts),
    };
  }
}
