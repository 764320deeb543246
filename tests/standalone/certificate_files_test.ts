import { assert, assertEquals } from "@std/assert";
import { connect, ConnectionError } from "../../mod.ts";
import { reloadOnHangUp } from "../../lib/standalone/certificate_files.ts";
import { unless } from "../_support/needs.ts";
import { cert, clientCa, clientCert, clientKey, key, otherCert, otherKey } from "../_support/tls.ts";
import { until } from "../_support/wait.ts";
import { logged, serving } from "./_support.ts";

const NO_SIGHUP = Deno.build.os === "windows" ? "Windows has no SIGHUP" : undefined;

Deno.test({
  ...unless(NO_SIGHUP, "SIGHUP reads the certificate again; an unusable one is logged, and the last one stays"),
  async fn() {
    const { log, lines } = logged();
    const answers = [{ cert: otherCert, key: otherKey }, { cert, key: otherKey }, { cert: "none", key }];
    const read = () => Promise.resolve(answers.shift() ?? Promise.reject(new Deno.errors.NotFound("No file")));
    using files = reloadOnHangUp({ cert, key }, read, log);
    assertEquals(files.current, { cert, key });
    for (let reload = 1; reload <= 4; reload++) {
      Deno.kill(Deno.pid, "SIGHUP");
      await until(() => lines.length === reload, "The reload");
      assertEquals(files.current, { cert: otherCert, key: otherKey });
    }
    assertEquals(lines.map((line) => line.slice(0, line.indexOf(" "))), [
      "level=info",
      "level=error",
      "level=error",
      "level=error",
    ]);
    for (const [at, words] of [[1, "not the key of cert"], [2, "not in PEM"], [3, "No file"]] as const) {
      assert(lines[at]!.includes(words), lines[at]);
    }
  },
});

/** Whether a server shows this certificate. */
async function shows(url: string, trusted: string, client: { cert?: string; key?: string } = {}): Promise<boolean> {
  try {
    await (await connect(url, { caCerts: [trusted], serverName: "localhost", ...client })).close();
    return true;
  } catch (error) {
    if (error instanceof ConnectionError) return false;
    throw error;
  }
}

for (const workers of ["1", "2"]) {
  Deno.test({
    ...unless(NO_SIGHUP, `the program uses a renewed certificate after SIGHUP, with --workers ${workers}`),
    async fn() {
      const folder = await Deno.makeTempDir();
      const write = (pair: { cert: string; key: string }) =>
        Promise.all(Object.entries(pair).map(([name, pem]) => Deno.writeTextFile(`${folder}/${name}.pem`, pem)));
      await write({ cert, key });
      const files = ["--tls-cert", `${folder}/cert.pem`, "--tls-key", `${folder}/key.pem`];
      const allow = [`--allow-read=${folder},lib,links`, "--unstable-net"];
      const { child, url } = await serving([...files, "--workers", workers], { allow });
      {
        await using _ = child;
        const echo = `${url.replace("https", "wss")}echo`;
        assert(await shows(echo, cert));
        await write({ cert: otherCert, key: otherKey });
        child.process.kill("SIGHUP");
        // Every worker has read it when each of several connections sees it.
        await until(async () => {
          const seen = await Promise.all(Array.from({ length: 6 }, () => shows(echo, otherCert)));
          return seen.every(Boolean);
        }, "The renewed certificate");
      }
      await Deno.remove(folder, { recursive: true });
    },
  });
}

Deno.test({
  ...unless(NO_SIGHUP, "the program uses a renewed certificate and renewed client CAs after SIGHUP"),
  async fn() {
    const folder = await Deno.makeTempDir();
    const write = (files: { cert: string; key: string; ca: string }) =>
      Promise.all(Object.entries(files).map(([name, pem]) => Deno.writeTextFile(`${folder}/${name}.pem`, pem)));
    await write({ cert, key, ca: clientCa });
    const options = { "--tls-cert": "cert", "--tls-key": "key", "--tls-client-ca": "ca" };
    const files = Object.entries(options).flatMap(([option, name]) => [option, `${folder}/${name}.pem`]);
    const { child, url } = await serving(files, { allow: [`--allow-read=${folder},lib,links`, "--unstable-net"] });
    {
      await using _ = child;
      const echo = `${url.replace("https", "wss")}echo`;
      const client = { cert: clientCert, key: clientKey };
      assertEquals([await shows(echo, cert, client), await shows(echo, cert)], [true, false]);
      await write({ cert, key, ca: otherCert });
      child.process.kill("SIGHUP");
      await until(async () => !await shows(echo, cert, client), "The refusal of clients of the CA before");
      await write({ cert: otherCert, key: otherKey, ca: clientCa });
      child.process.kill("SIGHUP");
      await until(() => shows(echo, otherCert, client), "The renewed certificate and CA");
      assertEquals(await shows(echo, otherCert), false);
    }
    await Deno.remove(folder, { recursive: true });
  },
});
