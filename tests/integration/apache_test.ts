/**
 * Apache httpd in front of our server, as `examples/deployment/apache.conf` has it.
 *
 * @module
 */
import { testProxy } from "./_proxies.ts";

const MODULES = ["mpm_event", "authz_core", "headers", "proxy", "proxy_http", "socache_shmcb", "ssl"];

testProxy({
  name: "apache",
  path: "/usr/sbin/apache2",
  config: "apache.conf",
  async command(config, folder, settings) {
    await Deno.writeTextFile(`${folder}/server.conf`, config);
    await Deno.writeTextFile(
      `${folder}/apache2.conf`,
      [
        `ServerRoot ${folder}`,
        `DefaultRuntimeDir ${folder}`,
        "ServerName localhost",
        `PidFile ${folder}/apache2.pid`,
        `Mutex file:${folder} default`,
        "ErrorLog /dev/stderr",
        ...MODULES.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`),
        // If root starts it, it continues as another user.
        "User www-data",
        "Group www-data",
        "StartServers 1",
        `Include ${folder}/server.conf`,
        "",
      ].join("\n"),
    );
    return { args: ["-DFOREGROUND", "-f", `${folder}/apache2.conf`], env: { ...settings } };
  },
});
