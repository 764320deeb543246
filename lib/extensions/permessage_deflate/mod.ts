/**
 * permessage-deflate (RFC 7692): compression with limits and counters.
 *
 * @module
 */
export {
  type PerMessageDeflate,
  permessageDeflate,
  type PerMessageDeflateOptions,
  type PerMessageDeflateProcessor,
} from "./permessage_deflate.ts";
export type { CompressionStats } from "./codec.ts";
export { type DeflateParameters, readParameters, writeParameters } from "./parameters.ts";
