/**
 * Serves the files of a folder for ordinary requests: `GET` and `HEAD`, whole files.
 *
 * A path is split at its slashes before it is decoded, and decoded once, so that no decoded slash, dot or backslash can lead out
 * of the root. The target of a link must be inside the root as well.
 *
 * @module
 */
import { extname, join, sep } from "node:path";

/** Responds to a request, or returns `undefined` if there is no such file. */
export type StaticFiles = (request: Request) => Promise<Response | undefined>;

/**
 * Makes a file server.
 *
 * @param folder The document root.
 * @returns A function that responds to requests.
 * @throws {Deno.errors.NotFound} If the folder does not exist.
 * @throws {Deno.errors.NotADirectory} If it is a file.
 */
export async function serveFiles(folder: string): Promise<StaticFiles> {
  const root = await Deno.realPath(folder);
  if (!(await Deno.stat(root)).isDirectory) throw new Deno.errors.NotADirectory("it is no folder");
  const inside = root.endsWith(sep) ? root : root + sep;

  const serve: StaticFiles = async (request) => {
    const { pathname, search } = new URL(request.url);
    const names = namesOf(pathname);
    if (names === undefined) return undefined;
    let found = await find(join(root, ...names), inside);
    if (found?.isDirectory) {
      // Relative links are resolved against the folder, so its URL must end with a slash.
      if (!pathname.endsWith("/")) return redirect(`${pathname}/${search}`);
      found = await find(join(root, ...names, "index.html"), inside);
    } else if (pathname.endsWith("/")) return undefined;
    if (!found?.isFile) return undefined;
    if (request.method !== "GET" && request.method !== "HEAD") return methodNotAllowed();
    return await answer(found, request.method === "HEAD");
  };
  return async (request) => {
    try {
      return await serve(request);
    } catch (error) {
      if (!hasNoDescriptor(error)) throw error;
      return new Response("Too many open files\n", { status: 503, headers: { "Retry-After": "1" } });
    }
  };
}

/** Refuses everything but `GET` and `HEAD` (RFC 9110 §15.5.6). */
export function methodNotAllowed(): Response {
  return new Response("Only GET and HEAD\n", { status: 405, headers: { Allow: "GET, HEAD" } });
}

/** Returns the media type of a file by its name. */
export function mediaType(path: string): string {
  return MEDIA_TYPES.get(extname(path).toLowerCase()) ?? "application/octet-stream";
}

/** What a path leads to on the disk. */
interface Found {
  /** The real path. */
  readonly path: string;
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  readonly size: number;
}

/** Returns the decoded names of a path's folders and file, or `undefined` if one of them is not served. */
function namesOf(pathname: string): string[] | undefined {
  const parts = pathname.slice(1).split("/");
  if (parts.at(-1) === "") parts.pop();
  const names: string[] = [];
  for (const part of parts) {
    let name: string;
    try {
      name = decodeURIComponent(part);
    } catch {
      return undefined;
    }
    // Neither the folder itself nor the one above, and no hidden file (.git, .env); on Windows a colon names a drive or a stream.
    // deno-lint-ignore no-control-regex -- a NUL would end the path early
    if (name === "" || name.startsWith(".") || /[/\\:\x00-\x1f]/.test(name)) return undefined;
    names.push(name);
  }
  return names;
}

async function find(path: string, inside: string): Promise<Found | undefined> {
  try {
    const real = await Deno.realPath(path);
    // The separator matters: `/srv/www-private` is not inside `/srv/www`.
    if (!(real + sep).startsWith(inside)) return undefined;
    const { isFile, isDirectory, size } = await Deno.stat(real);
    return { path: real, isFile, isDirectory, size };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** The path does not exist, continues below a file, or is too long to exist. */
function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory ||
    error instanceof Deno.errors.FilesystemLoop || (error instanceof Error && /name too long/i.test(error.message));
}

/** The process or the machine has reached its limit of open files and connections, which is temporary. */
function hasNoDescriptor(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "EMFILE" || error.code === "ENFILE");
}

async function answer({ path, size }: Found, headOnly: boolean): Promise<Response> {
  const headers = {
    "Content-Type": mediaType(path),
    "Content-Length": String(size),
    // A cached file may have changed since.
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
  };
  if (headOnly) return new Response(null, { headers });
  const file = await Deno.open(path);
  return new Response(file.readable, { headers });
}

function redirect(location: string): Response {
  return new Response(null, { status: 308, headers: { Location: location } });
}

const MEDIA_TYPES: ReadonlyMap<string, string> = new Map([
  [".avif", "image/avif"],
  [".css", "text/css; charset=utf-8"],
  [".csv", "text/csv; charset=utf-8"],
  [".gif", "image/gif"],
  [".htm", "text/html; charset=utf-8"],
  [".html", "text/html; charset=utf-8"],
  [".ico", "image/x-icon"],
  [".jpeg", "image/jpeg"],
  [".jpg", "image/jpeg"],
  [".js", "text/javascript; charset=utf-8"],
  [".json", "application/json"],
  [".map", "application/json"],
  [".md", "text/markdown; charset=utf-8"],
  [".mjs", "text/javascript; charset=utf-8"],
  [".mp3", "audio/mpeg"],
  [".mp4", "video/mp4"],
  [".pdf", "application/pdf"],
  [".png", "image/png"],
  [".svg", "image/svg+xml"],
  [".txt", "text/plain; charset=utf-8"],
  [".wasm", "application/wasm"],
  [".webm", "video/webm"],
  [".webmanifest", "application/manifest+json"],
  [".webp", "image/webp"],
  [".woff2", "font/woff2"],
  [".xml", "application/xml"],
  [".zip", "application/zip"],
]);
