import { assertEquals, assertRejects } from "@std/assert";
import { listen } from "../../lib/standalone/listen.ts";
import { DEFAULT_OPTIONS, type Options } from "../../lib/standalone/options.ts";
import { StartError } from "../../lib/standalone/command_line.ts";

const TLS = new URL("../_support/tls/", import.meta.url).pathname;
const WITH_TLS = { tlsCert: `${TLS}cert.pem`, tlsKey: `${TLS}key.pem` };

const given = (options: Partial<Options>): Options => ({ ...DEFAULT_OPTIONS, port: 0, ...options });

async function complaint(options: Partial<Options>): Promise<readonly [number, string]> {
  const { exitCode, message } = await assertRejects(() => listen(given(options)), StartError);
  return [exitCode, message];
}

Deno.test("it listens, with TLS and with client certificates", async () => {
  for (const options of [{}, WITH_TLS, { ...WITH_TLS, tlsClientCa: `${TLS}client_ca.pem` }]) {
    const listener = await listen(given(options));
    assertEquals("port" in listener.addr && listener.addr.port > 0, true);
    listener.close();
  }
});

Deno.test("a taken port is exit code 1, with and without client certificates", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const expected = [1, `Port ${port} on 127.0.0.1 is in use: choose another with --port`] as const;
  for (const options of [{}, WITH_TLS, { ...WITH_TLS, tlsClientCa: `${TLS}client_ca.pem` }]) {
    assertEquals(await complaint({ port, ...options }), expected);
  }
});

Deno.test("an address of another machine, and an unknown name, are exit code 1", async () => {
  assertEquals(await complaint({ hostname: "192.0.2.1" }), [
    1,
    "Cannot listen on 192.0.2.1: this machine does not have that address",
  ]);
  const [exitCode] = await complaint({ hostname: "no such name" });
  assertEquals(exitCode, 1);
});

Deno.test("a file that is missing, or contains no certificate, is exit code 2", async () => {
  assertEquals(await complaint({ ...WITH_TLS, tlsKey: "no/key.pem" }), [
    2,
    "Cannot use --tls-key no/key.pem: it does not exist",
  ]);
  const [exitCode, message] = await complaint({ ...WITH_TLS, tlsCert: `${TLS}key.pem` });
  assertEquals(exitCode, 2);
  assertEquals(message.startsWith(`Cannot use --tls-cert ${TLS}key.pem and its key: `), true, message);
  const tlsClientCa = `${TLS}key.pem`;
  assertEquals(await complaint({ ...WITH_TLS, tlsClientCa }), [
    2,
    `Cannot use --tls-client-ca ${tlsClientCa}: there is no certificate in PEM`,
  ]);
});
