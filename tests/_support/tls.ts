/**
 * A certificate for `localhost` and 127.0.0.1 that nothing but these tests trusts, valid until 2126.
 *
 * Made with `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -subj /CN=localhost
 * -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE`.
 *
 * @module
 */

const read = (name: string) => Deno.readTextFileSync(new URL(`tls/${name}.pem`, import.meta.url));

/** The certificate in PEM, which signed itself. */
export const cert: string = read("cert");
/** Its private key in PEM. */
export const key: string = read("key");
