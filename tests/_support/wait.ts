/**
 * Waiting as users' tests do.
 *
 * @module
 */
export { settle, soon, turn, until } from "../../lib/testing/wait.ts";
