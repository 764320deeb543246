/**
 * Extensions (RFC 6455 §9): the API for custom extensions, their negotiation, and how several work together.
 *
 * @module
 */
export type { CodecContext, Extension, ExtensionCodec, ExtensionProcessor } from "./extension.ts";
export {
  acceptExtensions,
  confirmExtensions,
  describeExtensions,
  type ExtensionChain,
  offerExtensions,
  openExtensions,
} from "./negotiation.ts";
export { deflateFrame, type DeflateFrameOptions } from "./deflate_frame.ts";
