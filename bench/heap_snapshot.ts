/**
 * Heap snapshots of another process, taken over its inspector and counted by object.
 *
 * @module
 */
import { connect } from "../mod.ts";

/** Objects on a heap and their bytes. */
export interface HeapCount {
  readonly objects: number;
  readonly bytes: number;
}

/** The parts of V8's snapshot format that are read here: flat arrays of numbers, described by `meta`. */
interface Snapshot {
  readonly snapshot: { readonly meta: { readonly node_fields: readonly string[] } };
  readonly nodes: readonly number[];
}

interface InspectorMessage {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly chunk?: string };
}

/**
 * Collects garbage and takes a snapshot.
 *
 * @param inspector The port that the process was started with: `--inspect=127.0.0.1:PORT`.
 * @returns What is on its heap.
 */
export async function countHeap(inspector: number): Promise<HeapCount> {
  const targets = await (await fetch(`http://127.0.0.1:${inspector}/json/list`)).json();
  const noLimit = { maxMessageBytes: 1024 ** 3, maxHeaderBytes: 64 * 1024 };
  await using socket = await connect(targets[0].webSocketDebuggerUrl, noLimit);
  const chunks: string[] = [];
  const call = async (id: number, method: string, params = {}): Promise<void> => {
    await socket.send(JSON.stringify({ id, method, params }));
    for await (const message of socket) {
      const answer: InspectorMessage = JSON.parse(String(message));
      if (answer.id === id) return;
      if (answer.params?.chunk !== undefined) chunks.push(answer.params.chunk);
    }
    throw new Error(`The inspector left before it answered ${method}`);
  };
  await call(1, "HeapProfiler.enable");
  await call(2, "HeapProfiler.collectGarbage");
  await call(3, "HeapProfiler.takeHeapSnapshot", { reportProgress: false });
  return count(JSON.parse(chunks.join("")));
}

function count({ snapshot, nodes }: Snapshot): HeapCount {
  const fields = snapshot.meta.node_fields;
  const size = fields.indexOf("self_size");
  let bytes = 0;
  for (let at = size; at < nodes.length; at += fields.length) bytes += nodes[at]!;
  return { objects: nodes.length / fields.length, bytes };
}
