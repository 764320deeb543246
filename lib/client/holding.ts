/**
 * Whoever has a connection that is not handed on yet sees to its end.
 *
 * @module
 */

/**
 * Does work over a connection, which is closed at once if the signal comes, and if the work fails.
 *
 * @param conn The connection.
 * @param signal Ends the work.
 * @param work What is to be done. It sees the connection fail when the signal comes.
 * @returns What the work resolves to.
 */
export async function holding<T>(conn: { close(): void }, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const close = () => {
    try {
      conn.close();
    } catch {
      // It was closed before, or has become a TLS connection, which is then held in its place.
    }
  };
  signal.addEventListener("abort", close);
  try {
    signal.throwIfAborted();
    const result = await work();
    signal.throwIfAborted();
    return result;
  } catch (error) {
    close();
    throw error;
  } finally {
    signal.removeEventListener("abort", close);
  }
}
