/** What the tests use of `npm:express`, which brings no types. */
import type { IncomingMessage, ServerResponse } from "node:http";

/** An application: a listener for the requests of a `node:http` server. */
export interface Application {
  (request: IncomingMessage, response: ServerResponse): void;
  get(
    path: string,
    handler: (request: IncomingMessage, response: ServerResponse & { send(body: string): void }) => void,
  ): void;
}

export default function express(): Application;
