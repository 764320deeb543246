/**
 * nginx in front of our server, as `examples/deployment/nginx.conf` has it.
 *
 * @module
 */
import { testProxy } from "./_proxies.ts";

testProxy({
  name: "nginx",
  path: "/usr/sbin/nginx",
  config: "nginx.conf",
  async command(config, folder, settings) {
    const server = Object.entries(settings).reduce(
      (text, [name, value]) => text.replaceAll(`\${${name}}`, value),
      config,
    );
    await Deno.writeTextFile(`${folder}/server.conf`, server);
    const folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    await Deno.writeTextFile(
      `${folder}/nginx.conf`,
      [
        "daemon off;",
        "master_process off;",
        `pid ${folder}/nginx.pid;`,
        `error_log stderr warn;`,
        "events {}",
        "http {",
        "  access_log off;",
        ...folders.map((name) => `  ${name}_temp_path ${folder}/${name};`),
        `  include ${folder}/server.conf;`,
        "}",
        "",
      ].join("\n"),
    );
    return { args: ["-p", folder, "-e", "stderr", "-c", `${folder}/nginx.conf`] };
  },
});
