/**
 * permessage-deflate, RFC 7692: compression that is bounded and that one can see.
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
