/**
 * Combines several observers into one.
 *
 * @module
 */
import { type ConnectionObserver, notify, OBSERVER, type Observer } from "../connection/watch/observer.ts";

/**
 * Combines several observers into one. Each gets every event, in this order. If one throws, the error is printed and the others
 * still get the event.
 *
 * @param observers The observers.
 * @returns The combined observer.
 * @throws {TypeError} If one of them is not an observer.
 */
export function combineObservers(...observers: readonly Observer[]): Observer {
  observers.forEach((observer, index) => OBSERVER.check(observer, `argument ${index + 1} of combineObservers()`));
  return {
    opened(socket) {
      const watching = observers.flatMap((observer) => notify(() => observer.opened?.(socket)) ?? []);
      return watching.length <= 1 ? watching[0] : all(watching);
    },
    refused(error, info) {
      for (const observer of observers) notify(() => observer.refused?.(error, info));
    },
  };
}

function all(observers: readonly ConnectionObserver[]): ConnectionObserver {
  const each = (call: (observer: ConnectionObserver) => void) => {
    for (const observer of observers) notify(() => call(observer));
  };
  return {
    received: (...facts) => each((observer) => observer.received?.(...facts)),
    sent: (...facts) => each((observer) => observer.sent?.(...facts)),
    held: (...facts) => each((observer) => observer.held?.(...facts)),
    roundTrip: (...facts) => each((observer) => observer.roundTrip?.(...facts)),
    closed: (...facts) => each((observer) => observer.closed?.(...facts)),
  };
}
