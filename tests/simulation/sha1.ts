/**
 * SHA-1 (FIPS 180-4 §6.1) at once: the platform's comes from another thread, at a time that no seed decides.
 *
 * @module
 */

const ROUNDS = new Int32Array(80);

/** The last digest: both ends of a connection ask for the same one. */
const last = { key: "", digest: new Uint8Array(20) };

/** The digest of some bytes. */
export function sha1(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const key = String.fromCharCode(...bytes);
  if (key !== last.key) Object.assign(last, { key, digest: digestOf(bytes) });
  return last.digest.slice();
}

function digestOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const blocks = (bytes.length + 9 + 63) >> 6;
  const padded = new DataView(new ArrayBuffer(blocks * 64));
  new Uint8Array(padded.buffer).set(bytes);
  padded.setUint8(bytes.length, 0x80);
  padded.setUint32(padded.byteLength - 4, bytes.length * 8);
  const hash = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0);
  for (let at = 0; at < padded.byteLength; at += 64) mix(hash, padded, at);
  const digest = new DataView(new ArrayBuffer(20));
  hash.forEach((word, i) => digest.setInt32(4 * i, word));
  return new Uint8Array(digest.buffer);
}

function mix(hash: Int32Array, block: DataView, at: number): void {
  const w = ROUNDS;
  for (let t = 0; t < 16; t++) w[t] = block.getInt32(at + 4 * t);
  for (let t = 16; t < 80; t++) w[t] = rotate(w[t - 3]! ^ w[t - 8]! ^ w[t - 14]! ^ w[t - 16]!, 1);
  let [a, b, c, d, e] = hash as unknown as [number, number, number, number, number];
  for (let t = 0; t < 80; t++) {
    const [f, k] = t < 20
      ? [(b & c) | (~b & d), 0x5a827999]
      : t < 40
      ? [b ^ c ^ d, 0x6ed9eba1]
      : t < 60
      ? [(b & c) | (b & d) | (c & d), 0x8f1bbcdc]
      : [b ^ c ^ d, 0xca62c1d6];
    const next = (rotate(a, 5) + f + e + k + w[t]!) | 0;
    e = d;
    d = c;
    c = rotate(b, 30);
    b = a;
    a = next;
  }
  [a, b, c, d, e].forEach((word, i) => hash[i] = (hash[i]! + word) | 0);
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
