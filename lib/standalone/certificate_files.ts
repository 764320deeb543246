/**
 * The certificate of `--tls-cert` and `--tls-key`, which is read again on SIGHUP.
 *
 * @module
 */
import { checkCertificate, type TlsCertificate } from "../server/tls.ts";
import { errorFields, type Log } from "./log.ts";

/** A certificate that may be renewed. */
export interface CertificateFiles extends Disposable {
  /** The certificate as it was last read. */
  readonly current: TlsCertificate;
}

/**
 * Reads the certificate again when the process gets SIGHUP, until it is disposed of. Files that cannot be used are logged, and the
 * certificate stays. Windows has no such signal.
 *
 * @param first The certificate, as it was read.
 * @param read Reads it again.
 * @param log Gets each reload.
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
