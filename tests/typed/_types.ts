/**
 * What the compiler knows of typed and limited connections. Nothing runs here: `deno check tests` is the test.
 *
 * @module
 */
import { serve, type UpgradeRequest } from "../../mod.ts";
import { rateLimited, rateLimitedHandler } from "../../lib/rate_limit/mod.ts";
import { json, type StandardSchema, typed, typedHandler } from "../../lib/typed/mod.ts";

declare const schema: StandardSchema<{ at: string }, { at: Date }>;
const upgrade = (_: UpgradeRequest) => ({ data: { name: "Ada" } });
const limit = { messagesPerSecond: 1 };

/** Never called: `data` has the type that `upgrade` attaches, and values have those of the schema, in every composition. */
export function types(): void {
  const callbacks = typedHandler(json(schema), { message: (peer, { at }) => peer.send({ at: at.toISOString() }) });
  serve({}, callbacks);
  serve({}, rateLimitedHandler(limit, callbacks));
  serve(
    { upgrade },
    typedHandler(json(schema), {
      message: (peer, { at }) => void peer.send({ at: peer.connection.data.name + at.getTime() }),
    }),
  );
  serve(
    { upgrade },
    rateLimitedHandler(
      limit,
      typedHandler(json(schema), {
        message: (peer, { at }) => void peer.send({ at: peer.connection.data.name + at.getTime() }),
      }),
    ),
  );
  serve({ upgrade }, rateLimitedHandler(limit, { message: (socket, data) => socket.data.name.length + data.length }));
  serve(
    { upgrade },
    typedHandler(json(schema), async (peer) => {
      for await (const { at } of peer) await peer.send({ at: peer.connection.data.name + at.getTime() });
    }),
  );
  serve({ upgrade }, async (socket) => {
    const peer = typed(rateLimited(socket, limit), json(schema));
    for await (const { at } of peer) await peer.send({ at: peer.connection.connection.data.name + at.getTime() });
    // @ts-expect-error: what is sent has the schema's input
    await peer.send({ at: new Date() });
  });
}
