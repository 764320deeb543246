/**
 * permessage-deflate in a runtime whose `node:zlib` has no synchronous handle: whole messages, and no context.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { permessageDeflate } from "../../../lib/extensions/permessage_deflate/permessage_deflate.ts";
import { canKeepContext } from "../../../lib/extensions/permessage_deflate/zlib.ts";
import { testCodecs } from "./_codec_tests.ts";
import { changeHandles, NO_TAKEOVER, params } from "./_support.ts";

{
  // The module looks once, when it is first asked.
  using _ = changeHandles({ reset: undefined });
  canKeepContext();
}

Deno.test("the zlib handle is missing in this process", () => {
  assertEquals(canKeepContext(), false);
});

testCodecs("one-shot");

const TAKEOVER = { serverContextTakeover: true, clientContextTakeover: true };

Deno.test("without the handle a server keeps no context and asks the client to keep none, whatever the options say", () => {
  const processor = permessageDeflate(TAKEOVER).accept(params("client_max_window_bits"));
  assertEquals(processor?.params, params(NO_TAKEOVER));
});

Deno.test("without the handle a client offers no takeover and refuses a server that keeps its context", () => {
  const extension = permessageDeflate(TAKEOVER);
  assertEquals(extension.offer(), [params(`${NO_TAKEOVER}; client_max_window_bits`), params(NO_TAKEOVER)]);
  assertThrows(() => extension.confirm(params("")), RangeError, "server_no_context_takeover was requested");
  assertEquals(extension.confirm(params("server_no_context_takeover")).params, params(NO_TAKEOVER));
});
