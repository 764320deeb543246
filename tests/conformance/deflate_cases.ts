/**
 * What the Autobahn test suite's categories 12 and 13 ask of an endpoint that echoes compressed messages, as data: the choices of
 * parameters under the suite's numbers. The kinds of payload and their sizes are in `tests/_support/payloads.ts`.
 *
 * The suite's side asks the endpoint to forget its context and to keep to a window; here each end asks the other.
 *
 * @module
 */
import type { PerMessageDeflateOptions } from "../../lib/extensions/permessage_deflate/permessage_deflate.ts";

/** What both ends say, and what comes of it. */
export interface DeflateCase {
  /** The suite's number, without its last part: that is a size. */
  readonly id: string;
  /** What is asked for. */
  readonly title: string;
  /** The client's offers, as they stand behind the extension's name. */
  readonly offers: readonly string[];
  /** The server's wishes. */
  readonly server: PerMessageDeflateOptions;
  /** What is then in force. */
  readonly agreed: string;
}

const TAKEOVER = { serverContextTakeover: true, clientContextTakeover: true };
const NO_TAKEOVER = "server_no_context_takeover; client_no_context_takeover";
const windows = (bits: number) => `server_max_window_bits=${bits}; client_max_window_bits=${bits}`;

/** The rows. */
export const DEFLATE_CASES: readonly DeflateCase[] = [
  { id: "12", title: "the server's defaults", offers: ["client_max_window_bits"], server: {}, agreed: NO_TAKEOVER },
  { id: "13.1", title: "context takeover", offers: ["client_max_window_bits"], server: TAKEOVER, agreed: "" },
  { id: "13.2", title: "no context takeover", offers: [NO_TAKEOVER], server: TAKEOVER, agreed: NO_TAKEOVER },
  {
    id: "13.3",
    title: "context takeover, windows of 9 bits",
    offers: [windows(9)],
    server: TAKEOVER,
    agreed: windows(9),
  },
  {
    id: "13.4",
    title: "context takeover, windows of 15 bits",
    offers: [windows(15)],
    server: TAKEOVER,
    agreed: windows(15),
  },
  {
    id: "13.5",
    title: "no context takeover, windows of 9 bits",
    offers: [`${NO_TAKEOVER}; ${windows(9)}`],
    server: TAKEOVER,
    agreed: `${NO_TAKEOVER}; ${windows(9)}`,
  },
  {
    id: "13.6",
    title: "no context takeover, windows of 15 bits",
    offers: [`${NO_TAKEOVER}; ${windows(15)}`],
    server: TAKEOVER,
    agreed: `${NO_TAKEOVER}; ${windows(15)}`,
  },
  {
    id: "13.7",
    title: "three offers, the first one that can be read",
    offers: [`${windows(9)}; mode=fast`, `server_no_context_takeover; ${windows(9)}`, NO_TAKEOVER, ""],
    server: TAKEOVER,
    agreed: `server_no_context_takeover; ${windows(9)}`,
  },
];
