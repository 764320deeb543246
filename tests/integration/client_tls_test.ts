/**
 * Our client against nginx as the TLS end: an authority of one's own, client certificates, the server's name, ALPN.
 *
 * @module
 */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import type { ConnectOptions } from "../../lib/client/client_options.ts";
import { ConnectionError, HandshakeError } from "../../lib/errors.ts";
import { serve } from "../../lib/server/serve.ts";
import { within } from "../_support/deadline.ts";
import { assertMessage, bytesOfSize, textOfSize } from "../_support/messages.ts";
import { unless, withoutProgram } from "../_support/needs.ts";
import { cert, clientCert, clientKey } from "../_support/tls.ts";
import { freePorts, startProgram } from "./_program.ts";
import { ECHO, LOOPBACK } from "./_support.ts";

const PATH = "/usr/sbin/nginx";
const pem = (name: string) => new URL(`../_support/tls/${name}.pem`, import.meta.url).pathname;

/** nginx in front of our server; it asks for a client's certificate and passes on what it saw of TLS. */
async function startNginx(backend: string) {
  const [port = 0] = freePorts(1);
  const running = await startProgram({
    name: "nginx",
    path: PATH,
    ports: [port],
    async prepare(folder) {
      const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
      const config = `
        daemon off;
        master_process off;
        pid ${folder}/nginx.pid;
        error_log stderr warn;
        events {}
        http {
          access_log off;
          ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join("\n")}
          server {
            listen 127.0.0.1:${port} ssl;
            ssl_certificate ${pem("cert")};
            ssl_certificate_key ${pem("key")};
            ssl_client_certificate ${pem("client_ca")};
            ssl_verify_client optional;
            location / {
              if ($ssl_client_verify != SUCCESS) { return 403; }
              proxy_pass ${backend};
              proxy_http_version 1.1;
              proxy_set_header Host $host;
              proxy_set_header Upgrade $http_upgrade;
              proxy_set_header Connection upgrade;
              proxy_set_header X-Client $ssl_client_s_dn;
              proxy_set_header X-Name $ssl_server_name;
              proxy_set_header X-Alpn $ssl_alpn_protocol;
            }
            location /moved { return 307 /here; }
          }
        }`;
      await Deno.writeTextFile(`${folder}/nginx.conf`, config);
      return { args: ["-p", folder, "-e", "stderr", "-c", `${folder}/nginx.conf`] };
    },
  });
  return { port, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}

const test = (title: string, fn: () => Promise<void>) =>
  Deno.test({ ...unless(withoutProgram(PATH), `with nginx, ${title}`), fn });
const open = (url: string, options: ConnectOptions) => within(connect(url, options), 10_000, "The handshake");
const CLIENT = { caCerts: [cert], cert: clientCert, key: clientKey };

test("a client certificate is sent, a given authority is trusted, name and ALPN are sent", async () => {
  const seen: (string | null)[][] = [];
  await using server = serve({
    ...LOOPBACK,
    upgrade: ({ headers, url }) => {
      seen.push(["x-client", "x-name", "x-alpn"].map((name) => headers.get(name)).concat(new URL(url).pathname));
    },
  }, ECHO.callbacks);
  await using nginx = await startNginx(server.url.replace("ws:", "http:"));

  const socket = await open(`wss://localhost:${nginx.port}/moved`, { ...CLIENT, maxRedirects: 1 });
  assertEquals(socket.url, `wss://localhost:${nginx.port}/here`);
  const replies = socket[Symbol.asyncIterator]();
  for (const message of ["", textOfSize(70_000), bytesOfSize(1_000_000)]) {
    void socket.send(message);
    assertMessage((await within(replies.next(), 10_000, "A reply")).value, message);
  }
  assertEquals((await within(socket.close(), 10_000, "The end")).wasClean, true);

  await (await open(`wss://127.0.0.1:${nginx.port}/`, { ...CLIENT, serverName: "localhost" })).close();
  assertEquals(seen, [["CN=client", "localhost", "http/1.1", "/here"], ["CN=client", "localhost", "http/1.1", "/"]]);
});

test("a client without a certificate is refused, with nginx's own page", async () => {
  await using server = serve(LOOPBACK, ECHO.callbacks);
  await using nginx = await startNginx(server.url.replace("ws:", "http:"));
  const error = await assertRejects(() => open(`wss://localhost:${nginx.port}/`, { caCerts: [cert] }), HandshakeError);
  assertEquals([error.status, error.headers.get("server")?.startsWith("nginx")], [403, true]);
  assertStringIncludes(new TextDecoder().decode(error.body), "<title>403 Forbidden</title>");
});

test("T11: an untrusted authority, and a wrong name, are ConnectionErrors that say why", async () => {
  await using server = serve(LOOPBACK, ECHO.callbacks);
  await using nginx = await startNginx(server.url.replace("ws:", "http:"));
  const url = `wss://localhost:${nginx.port}/`;
  const faults: [ConnectOptions, words: string][] = [
    [{}, "self-signed certificate"],
    [{ caCerts: [cert], serverName: "other.test" }, "does not match"],
    [{ ...CLIENT, caCerts: [clientCert] }, "self-signed certificate"],
    [{ ...CLIENT, serverName: "other.test" }, "does not match"],
  ];
  for (const [options, words] of faults) {
    const error = await assertRejects(() => open(url, options), ConnectionError, "Cannot speak TLS with");
    assertStringIncludes(String(error.cause), words);
  }
});
