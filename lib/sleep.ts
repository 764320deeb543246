/**
 * A pause that ends early where somebody gives up.
 *
 * @module
 */

/**
 * Waits, or until the signal. Which of the two it was, the signal says.
 *
 * @param time Milliseconds.
 * @param signal Ends the wait; where it is aborted already, there is none.
 */
export function sleep(time: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const timer = setTimeout(wake, time);
    signal.addEventListener("abort", wake);
    if (signal.aborted) wake();
  });
}
