/**
 * Opens the listener for the options, and explains why if it cannot.
 *
 * @module
 */
import { type CertificateFiles, reloadOnHangUp } from "./certificate_files.ts";
import { listenWithClientCertificates } from "./client_certificates.ts";
import { type Listener, listenTls } from "../server/listen.ts";
import type { Options } from "./options.ts";
import { errorFields, type Log } from "./log.ts";
import { named, StartError } from "./command_line.ts";

/**
 * Listens.
 *
 * @param options The port, the address, and the files for TLS.
 * @param reusePort Whether workers share the port. Not with client certificates.
 * @param log Records each reload of the certificate on SIGHUP. Not with client certificates.
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
  const ca = tlsClientCa === undefined ? undefined : await named("tls-client-ca", tlsClientCa, Deno.readTextFile);
  return await attempt(options, () => {
    if (ca !== undefined) return listenWithClientCertificates({ port, hostname, cert, key, ca, handshakeTimeout });
    const read = async () => ({ cert: await Deno.readTextFile(tlsCert), key: await Deno.readTextFile(tlsKey) });
    return listenWithFiles({ port, hostname, reusePort }, reloadOnHangUp({ cert, key }, read, log), log);
  });
}

/** Listens, and watches for reloads of the certificate as long as it does. */
function listenWithFiles(
  where: { port: number; hostname: string; reusePort: boolean },
  files: CertificateFiles,
  log: Log | undefined,
): Listener {
  try {
    const listener = listenTls(where, () => files.current, (error) => log?.error("certificate", errorFields(error)));
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
