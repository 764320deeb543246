/**
 * TCP by system call, for the load generator: it must cost less than what it drives, and the promise or event that a runtime
 * makes for each read is most of what an echo costs. Linux only, as are `taskset` and `/proc`.
 *
 * @module
 */
const libc = Deno.dlopen("libc.so.6", {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  // These two return a `ssize_t`, of which no call here needs more than 32 bits.
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
}).symbols;

const AF_INET = 2;
const SOCK_STREAM = 1;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SO_SNDTIMEO = 21;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_MOD = 3;
const EPOLLIN = 0x1;
const EPOLLOUT = 0x4;
const EPOLLERR_OR_HUP = 0x18;

/** Seconds that a call which waits may take. */
const PATIENCE = 10;

/** A `struct timeval`. */
const TIMEOUT = new Uint8Array(BigInt64Array.of(BigInt(PATIENCE), 0n).buffer);
const YES = new Uint8Array(Int32Array.of(1).buffer);

/** Connects to a port of 127.0.0.1, without Nagle's algorithm, and returns the socket's descriptor. */
export function connectTo(port: number): number {
  const fd = libc.socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) throw new Error("No socket: is `ulimit -n` high enough?");
  libc.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, YES, YES.length);
  libc.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, TIMEOUT, TIMEOUT.length);
  libc.setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, TIMEOUT, TIMEOUT.length);
  const address = new Uint8Array(16);
  address.set([AF_INET, 0, port >>> 8, port & 255, 127, 0, 0, 1]);
  if (libc.connect(fd, address, address.length) < 0) throw new Error(`Cannot connect to port ${port}`);
  return fd;
}

/** Closes a socket. */
export function close(fd: number): void {
  libc.close(fd);
}

/** Sends all of it, and waits while it must. */
export function sendAll(fd: number, bytes: Uint8Array<ArrayBuffer>): void {
  for (let at = 0; at < bytes.length;) {
    const count = libc.send(fd, bytes.subarray(at), BigInt(bytes.length - at), MSG_NOSIGNAL);
    if (count <= 0) throw new Error(`The server took ${at} of ${bytes.length} bytes`);
    at += count;
  }
}

/** Waits for bytes, and returns how many came. */
export function receive(fd: number, buffer: Uint8Array<ArrayBuffer>): number {
  const count = libc.recv(fd, buffer, BigInt(buffer.length), 0);
  if (count <= 0) throw new Error(count === 0 ? "The server closed a connection" : "The server did not answer");
  return count;
}

/** Sends the first `length` bytes as far as the socket takes them now, and returns how far that was. */
export function trySend(fd: number, bytes: Uint8Array<ArrayBuffer>, length: number): number {
  return Math.max(0, libc.send(fd, bytes, BigInt(length), MSG_DONTWAIT | MSG_NOSIGNAL));
}

const NOTHING = new Uint8Array(1);

/** The most that one call throws away. */
const MOST = 8n * 1024n * 1024n;

/** Throws away what has arrived and returns how many bytes that were: the kernel need not even copy them. */
export function discard(fd: number): number {
  const count = libc.recv(fd, NOTHING, MOST, MSG_DONTWAIT | MSG_TRUNC);
  if (count === 0) throw new Error("The server closed a connection");
  return Math.max(0, count);
}

/** Takes what has arrived, and returns how many bytes that were. */
export function tryReceive(fd: number, buffer: Uint8Array<ArrayBuffer>): number {
  const count = libc.recv(fd, buffer, BigInt(buffer.length), MSG_DONTWAIT);
  if (count === 0) throw new Error("The server closed a connection");
  return Math.max(0, count);
}

/** Tells which of many sockets are ready. */
export interface Poll {
  /** Watches a socket, named by `id`. */
  add(fd: number, id: number): void;
  /** Whether to tell when the socket takes bytes again, too. */
  wantsToSend(fd: number, id: number, wants: boolean): void;
  /** Waits for so many milliseconds at most, and calls `ready` with the id of each socket that is ready. */
  wait(time: number, ready: (id: number) => void): void;
  close(): void;
}

/** Makes a {@linkcode Poll} with `epoll(7)`. */
export function createPoll(): Poll {
  const poll = libc.epoll_create1(0);
  // `struct epoll_event` is packed on x86-64 alone.
  const dataAt = Deno.build.arch === "x86_64" ? 4 : 8;
  const size = dataAt + 8;
  const most = 512;
  const events = new Uint8Array(size * most);
  const view = new DataView(events.buffer);
  const control = (operation: number, fd: number, [wanted, id]: [number, number]) => {
    const event = new Uint8Array(size);
    new DataView(event.buffer).setUint32(0, wanted, true);
    new DataView(event.buffer).setUint32(dataAt, id, true);
    if (libc.epoll_ctl(poll, operation, fd, event) < 0) throw new Error("epoll_ctl failed");
  };
  return {
    add: (fd, id) => control(EPOLL_CTL_ADD, fd, [EPOLLIN, id]),
    wantsToSend: (fd, id, wants) => control(EPOLL_CTL_MOD, fd, [wants ? EPOLLIN | EPOLLOUT : EPOLLIN, id]),
    wait(time, ready) {
      const count = libc.epoll_wait(poll, events, most, time);
      for (let at = 0; at < count * size; at += size) {
        if (view.getUint32(at, true) & EPOLLERR_OR_HUP) throw new Error("The server dropped a connection");
        ready(view.getUint32(at + dataAt, true));
      }
    },
    close: () => void libc.close(poll),
  };
}
