/**
 * The certificate of `--tls-cert` and `--tls-key`, and the CAs of `--tls-client-ca`, which are reloaded on SIGHUP.
 *
 * @module
 */
import { checkCertificate, type TlsCertificate } from "../server/tls.ts";
import { errorFields, type Log } from "./log.ts";

/**
 * A certificate that can be reloaded.
 *
 * @typeParam Files What is read: a certificate, and what else belongs to it.
 */
export interface CertificateFiles<Files extends TlsCertificate = TlsCertificate> extends Disposable {
  /** The certificate that was read last. */
  readonly current: Files;
}

/**
 * Reloads the certificate when the process receives SIGHUP, until it is disposed of. If the files cannot be used, the error is
 * logged and the old certificate stays in use. Windows has no such signal.
 *
 * @param first The certificate that was read first.
 * @param read Reads it again.
 * @param log Records each reload.
 * @param use Gets what was read, before it becomes the current one. If it throws, the old one stays.
 */
export function reloadOnHangUp<Files extends TlsCertificate>(
  first: Files,
  read: () => Promise<Files>,
  log: Log | undefined,
  use?: (renewed: Files) => void,
): CertificateFiles<Files> {
  let current = first;
  const reload = async () => {
    try {
      const renewed = await read();
      checkCertificate(renewed);
      use?.(renewed);
      current = renewed;
      log?.info("certificate");
    } catch (error) {
      log?.error("certificate", errorFields(error));
    }
  };
  const hangUp = () => void reload();
  const signals = Deno.build.os !== "windows";
  if (signals) Deno.addSignalListener("SIGHUP", hangUp);
  return {
    get current() {
      return current;
    },
    [Symbol.dispose]() {
      if (signals) Deno.removeSignalListener("SIGHUP", hangUp);
    },
  };
}
