/**
 * How what is measured is called.
 *
 * @module
 */

/** The servers. */
export const SERVERS = {
  floor: "floor",
  builtin: "Deno.upgradeWebSocket",
  ws: "npm:ws",
  bun: "Bun",
  callbacks: "Sluice, callbacks",
  lent: "Sluice, lent",
  iterate: "Sluice, for await",
  streams: "Sluice, pipeTo",
  oneWorker: "Sluice, --workers 1",
  twoWorkers: "Sluice, --workers 2",
} as const;

/** A server, by its key in {@linkcode SERVERS}. */
export type ServerName = keyof typeof SERVERS;

/** The least servers, by the entry point that they import. */
export const STARTS = { builtin: "Deno.serve", server: "Sluice, ./server", whole: "Sluice, mod.ts" } as const;

/** The servers of pages. */
export const PAGES = { builtin: "Deno.serve", ours: "Sluice, serve({ http })" } as const;

/** The clients. */
export const CLIENTS = { builtin: "Deno's WebSocket", ws: "npm:ws", sluice: "Sluice's connect" } as const;

/** A client, by its key in {@linkcode CLIENTS}. */
export type ClientName = keyof typeof CLIENTS;

/** Whether it is ours. */
export function isOurs(name: string): boolean {
  return name.startsWith("Sluice");
}
