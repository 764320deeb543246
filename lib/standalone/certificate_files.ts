/**
 * The certificate of `--tls-cert` and `--tls-key`, which is reloaded on SIGHUP.
 *
 * @module
 */
import { checkCertificate, type TlsCertificate } from "../server/tls.ts";
import { errorFields, type Log } from "./log.ts";

/** A certificate that can be reloaded. */
export interface CertificateFiles extends Disposable {
  /** The certificate that was read last. */
  readonly current: TlsCertificate;
}

/**
 * Reloads the certificate when the process receives SIGHUP, until it is disposed of. If the files cannot be used, the error is
 * logged and the old certificate stays in use. Windows has no such signal.
 *
 * @param first The certificate that was read first.
 * @param read Reads it again.
 * @param log Records each reload.
 */
export function reloadOnHangUp(
  first: TlsCertificate,
  read: () => Promise<TlsCertificate>,
  log: Log | undefined,
): CertificateFiles {
  let current = first;
  const reload = async () => {
    try {
      const renewed = await read();
      checkCertificate(renewed);
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
