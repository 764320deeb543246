// deno-lint-ignore-file no-console -- a benchmark prints
/**
 * A small page of `Deno.serve`.
 *
 * @module
 */
const onListen = ({ port }: Deno.NetAddr) => console.log(`listening on ${port}`);

Deno.serve({ port: 0, hostname: "127.0.0.1", onListen }, () => new Response("Hello\n"));
