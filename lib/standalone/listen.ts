/**
 * Opens the listener for the options, and explains why if it cannot.
 *
 * @module
 */
import { type CertificateFiles, reloadOnHangUp } from "./certificate_files.ts";
import { checkAuthorities, listenWithClientCertificates } from "./client_certificates.ts";
import { type Listener, listenTls } from "../server/listen.ts";
import type { Options } from "./options.ts";
import { errorFields, type Log } from "./log.ts";
import { named, StartError } from "./command_line.ts";

/**
 * Listens.
 *
 * @param options The port, the address, and the files for TLS.
 * @param reusePort Whether workers share the port. Not with client certificates.
 * @param log Records each reload of the certificate and of the client CAs on SIGHUP.
 * @returns The listener.
 * @throws {StartError} With exit code 1 if the address is in use or invalid, with 2 if a file cannot be used.
 */
export async function listen(
  options: Pick<Options, "port" | "hostname" | "tlsCert" | "tlsKey" | "tlsClientCa" | "handshakeTimeout">,
  reusePort = false,
  log?: Log,
): Promise<Listener> {
  const { port, hostname, tlsCert, tlsKey, tlsClientCa, handshakeTimeout } = options;
  if (tlsCert === undefined || tlsKey === undefined) {
    return await attempt(options, () => Deno.listen({ port, hostname, reusePort }));
  }
  const cert = await named("tls-cert", tlsCert, Deno.readTextFile);
  const key = await named("tls-key", tlsKey, Deno.readTextFile);
  const ca = tlsClientCa === undefined ? undefined : await named("tls-client-ca", tlsClientCa, readAuthorities);
  const read = async () => ({ cert: await Deno.readTextFile(tlsCert), key: await Deno.readTextFile(tlsKey) });
  if (ca === undefined || tlsClientCa === undefined) {
    return await attempt(options, () => {
      const files = reloadOnHangUp({ cert, key }, read, log);
      const report = (error: unknown) => log?.error("certificate", errorFields(error));
      return watched(files, () => listenTls({ port, hostname, reusePort }, () => files.current, report));
    });
  }
  return await attempt(options, async () => {
    const listener = await listenWithClientCertificates({ port, hostname, cert, key, ca, handshakeTimeout });
    const readAll = async () => ({ ...await read(), ca: await readAuthorities(tlsClientCa) });
    const files = reloadOnHangUp({ cert, key, ca }, readAll, log, (renewed) => listener.renew(renewed));
    return watched(files, () => listener);
  });
}

async function readAuthorities(path: string): Promise<string> {
  const ca = await Deno.readTextFile(path);
  checkAuthorities(ca);
  return ca;
}

/** Opens a listener, and disposes of the files when it closes. */
function watched(files: CertificateFiles, open: () => Listener): Listener {
  try {
    const listener = open();
    const close = () => {
      files[Symbol.dispose]();
      listener.close();
    };
    return { ...listener, close };
  } catch (error) {
    files[Symbol.dispose]();
    throw error;
  }
}

async function attempt(
  { port, hostname, tlsCert }: Pick<Options, "port" | "hostname" | "tlsCert">,
  listening: () => Listener | Promise<Listener>,
): Promise<Listener> {
  try {
    return await listening();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const code = "code" in error ? error.code : undefined;
    if (error instanceof Deno.errors.AddrInUse || code === "EADDRINUSE") {
      throw new StartError(`Port ${port} on ${hostname} is in use: choose another with --port`, 1);
    }
    if (error instanceof Deno.errors.AddrNotAvailable || code === "EADDRNOTAVAIL") {
      throw new StartError(`Cannot listen on ${hostname}: this machine does not have that address`, 1);
    }
    if (error instanceof Deno.errors.NotCapable) {
      throw new StartError(`Cannot listen on ${hostname}: Deno needs --allow-net for that`, 1);
    }
    // The files could be read, so the error is about their content.
    if (tlsCert !== undefined && error instanceof TypeError) {
      throw new StartError(`Cannot use --tls-cert ${tlsCert} and its key: ${error.message}`, 2);
    }
    throw new StartError(`Cannot listen on ${hostname} port ${port}: ${error.message}`, 1);
  }
}
