/**
 * Peers that Deno does not bring: npm installs them, in these versions, into a temporary folder beside nothing of ours.
 *
 * @module
 */

/** The versions that are measured. */
export const VERSIONS = { ws: "8.23.0", bun: "1.4.5" } as const;

/** Where they are. */
export interface Peers extends Disposable {
  /** The folder that `ws` can be required from. */
  readonly modules: string;
  /** Bun's program. */
  readonly bun: string;
}

/** Installs them; they go when they are disposed of. */
export async function installPeers(): Promise<Peers> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  await Deno.writeTextFile(`${folder}/package.json`, "{}");
  const packages = Object.entries(VERSIONS).map(([name, version]) => `${name}@${version}`);
  const { success, stderr } = await new Deno.Command("npm", {
    // Bun's binary is in a package of its own for each platform: its script would only move it.
    args: ["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", ...packages],
    cwd: folder,
    stdout: "null",
  }).output();
  if (!success) throw new Error(`npm could not install ${packages.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  const [platform] = Array.from(Deno.readDirSync(`${folder}/node_modules/@oven`), ({ name }) => name).sort();
  return {
    modules: folder,
    bun: `${folder}/node_modules/@oven/${platform}/bin/bun`,
    [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }),
  };
}
