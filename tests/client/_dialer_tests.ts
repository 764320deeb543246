/**
 * What a dialer must do, whichever runtime's calls it is made of.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStrictEquals, assertStringIncludes } from "@std/assert";
import type { Dialer, SecureOptions } from "../../lib/client/dialer.ts";
import { cert, clientCert, clientKey } from "../_support/tls.ts";
import { settle, soon } from "../_support/wait.ts";
import { answering, listen, listenTls } from "./_support.ts";

const { signal } = new AbortController();
const HERE: SecureOptions = { serverName: "localhost", alpnProtocols: ["http/1.1"], caCerts: [cert] };
const reason = new Error("enough");

/** Tests a dialer; `wrongName` is what it says of a certificate that is for another name. */
export function testDialer(name: string, dialer: Dialer, wrongName: string): void {
  Deno.test(`${name} connects to TCP and to Unix sockets`, async () => {
    await using server = answering();
    const conn = await dialer.open({ hostname: "127.0.0.1", port: server.port }, signal);
    assert(conn.remoteAddr?.transport === "tcp");
    assertEquals(conn.remoteAddr.port, server.port);
    conn.close();

    if (Deno.build.os === "windows") return;
    const folder = await Deno.makeTempDir();
    const path = `${folder}/socket`;
    await using unix = answering(Deno.listen({ transport: "unix", path }));
    const local = await dialer.open({ path }, signal);
    assertEquals(local.remoteAddr, { transport: "unix", path });
    local.close();
    await unix.deserted();
    await Deno.remove(folder, { recursive: true });
  });

  Deno.test(`${name} leaves no connection behind when it is aborted`, async () => {
    await using server = answering();
    const aborted = AbortSignal.abort(reason);
    await assertRejects(() => dialer.open({ hostname: "127.0.0.1", port: server.port }, aborted));
    const conn = await dialer.open({ hostname: "127.0.0.1", port: server.port }, signal);
    assertStrictEquals(await assertRejects(() => dialer.secure(conn, HERE, aborted)), reason);
    await settle();
    await server.deserted();
  });

  Deno.test(`${name}: TLS checks the given name or address, not the one that was dialled`, async () => {
    await using server = answering(listenTls());
    const to = { hostname: "127.0.0.1", port: server.port };
    for (const serverName of ["localhost", "127.0.0.1"]) {
      const conn = await dialer.secure(await dialer.open(to, signal), { ...HERE, serverName }, signal);
      conn.close();
    }
    for (const serverName of ["example.com", "127.0.0.2"]) {
      const conn = await dialer.open(to, signal);
      const error = await assertRejects(() => dialer.secure(conn, { ...HERE, serverName }, signal), Error);
      assertStringIncludes(error.message, wrongName);
    }
  });

  Deno.test(`${name}: the connection is closed if TLS cannot start: an invalid client certificate`, async () => {
    await using server = answering();
    const conn = await dialer.open({ hostname: "127.0.0.1", port: server.port }, signal);
    const options = { ...HERE, cert: "no certificate", key: clientKey };
    await soon(assertRejects(() => dialer.secure(conn, options, signal)), "The failure");
    await server.deserted();
  });

  Deno.test(`${name}: ALPN offers the given protocols, and a server that supports none of them ends the handshake`, async () => {
    await using server = answering(listenTls());
    const conn = await dialer.open({ hostname: "127.0.0.1", port: server.port }, signal);
    await assertRejects(
      () => dialer.secure(conn, { ...HERE, alpnProtocols: ["other"] }, signal),
      Error,
      "NoApplicationProtocol",
    );
  });

  Deno.test(`${name} reads the environment`, () => {
    assertEquals(dialer.env("PATH"), Deno.env.get("PATH"));
    assertEquals(dialer.env("SLUICE_IS_NOT_SET"), undefined);
  });

  Deno.test(`${name}: no promise stays pending if the peer disconnects during the TLS handshake`, async () => {
    using listener = listen();
    for (const client of [{}, { cert: clientCert, key: clientKey }]) {
      const conn = await dialer.open({ hostname: "127.0.0.1", port: listener.addr.port }, signal);
      const securing = soon(dialer.secure(conn, { ...HERE, ...client }, signal), "The failure");
      (await listener.accept()).close();
      await assertRejects(() => securing, Error);
    }
  });
}
