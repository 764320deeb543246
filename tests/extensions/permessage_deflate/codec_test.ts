/**
 * One connection's codec where the runtime has its synchronous handle; `one_shot_test.ts` has the other case.
 *
 * @module
 */
import { testCodecs } from "./_codec_tests.ts";

testCodecs("handle");
