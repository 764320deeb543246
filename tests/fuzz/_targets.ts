/**
 * All targets, in the order of the pipeline.
 *
 * @module
 */
import { target as application } from "./application.ts";
import { target as closePayload } from "./close_payload.ts";
import { target as extensionHeader } from "./extension_header.ts";
import { target as frameParser } from "./frame_parser.ts";
import { target as httpHead } from "./http_head.ts";
import { target as messageAssembler } from "./message_assembler.ts";
import type { FuzzTarget } from "./_target.ts";
import { target as utf8 } from "./utf8.ts";

/** All targets. */
export const TARGETS: readonly FuzzTarget[] = [
  frameParser,
  closePayload,
  utf8,
  messageAssembler,
  httpHead,
  extensionHeader,
  application,
];
