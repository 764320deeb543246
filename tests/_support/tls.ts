/**
 * A certificate for `localhost` and 127.0.0.1, and one of a client, that nothing but these tests trusts, valid until 2126.
 *
 * Made with `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -subj /CN=localhost
 * -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE`; the other one in the same way, for
 * `other.test` and `localhost`.
 *
 * @module
 */

const read = (name: string) => Deno.readTextFileSync(new URL(`tls/${name}.pem`, import.meta.url));

/** The certificate in PEM, which signed itself. */
export const cert: string = read("cert");
/** Its private key in PEM. */
export const key: string = read("key");
/** Another certificate in PEM, for `other.test` and `localhost`, which signed itself. */
export const otherCert: string = read("other");
/** Its private key in PEM. */
export const otherKey: string = read("other_key");
/** An authority of clients, in PEM, whose key is gone. */
export const clientCa: string = read("client_ca");
/** A client's certificate in PEM, which that authority signed. */
export const clientCert: string = read("client");
/** Its private key in PEM. */
export const clientKey: string = read("client_key");
