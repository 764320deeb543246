/**
 * The clock that users' tests have too.
 *
 * @module
 */
export { FakeTime } from "../../lib/testing/fake_time.ts";
