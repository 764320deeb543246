/**
 * What an idle connection costs on the heap of JavaScript: objects, and their bytes.
 *
 * @module
 */
import { letters } from "./frames.ts";
import { countHeap, type HeapCount } from "./heap_snapshot.ts";
import { openIdle } from "./memory_load.ts";
import type { Running } from "./server_process.ts";
import { close } from "./sockets.ts";

/** Connections that come and go first, so that what is made once is not counted. */
const BEFORE = 200;

/** Opens connections that echo once and then stay idle, and returns what each added to the heap. */
export async function measureHeap(connections: number, server: Running, inspector: number): Promise<HeapCount> {
  const message = letters(32);
  openIdle(BEFORE, server, message).forEach(close);
  const before = await countHeap(inspector);
  const open = openIdle(connections, server, message);
  const after = await countHeap(inspector);
  open.forEach(close);
  return {
    objects: (after.objects - before.objects) / connections,
    bytes: (after.bytes - before.bytes) / connections,
  };
}
