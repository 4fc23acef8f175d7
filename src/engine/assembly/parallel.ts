/**
 * One program, many threads: every routine runs in all threads at once, takes its tiles from a shared counter
 * and meets the others at barriers. Which thread computes a tile never changes its value.
 * Each thread has its own instance of this module (so its own globals) on one shared memory.
 */

/** The control block, below every buffer: words that different threads write lie on different cache lines. */
const COUNTER: usize = 1024;
const ARRIVED: usize = 1088;
const GENERATION: usize = 1152;
const ASLEEP: usize = 1156;
const JOB: usize = 1216;
const IDLE: usize = 1220;
/** Where a factorisation says in which column it failed. */
export const PIVOT: usize = 1280;

/** Threads in the present section, and which of them this is; a solo section sets `threads` to 1. */
export let threads: i32 = 1;
export let thread: i32 = 0;
/** Whether this thread may sleep: the main thread of a page may not, and spins instead. */
let maySleep: bool = true;
/** Looks at the barrier before a thread sleeps: some 50 µs, what sleeping and waking would cost. */
const SPINS: i32 = 50000;

export function configure(index: i32, count: i32, sleep: bool): void {
  thread = index;
  threads = count;
  maySleep = sleep;
}

/** The next tile after `previous` (−1 at first): `for (let t = take(-1); t < total; t = take(t))`. */
// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function take(previous: i32): i32 {
  return threads == 1 ? previous + 1 : atomic.add<i32>(COUNTER, 1);
}

/** One second in nanoseconds; a thread that sees no progress for several of them gives the others up. */
const SECOND: i64 = 1000000000;
const PATIENCE: i32 = 4;

/** Returns when all threads are here. The shared counter starts again from 0 behind it. */
export function barrier(): void {
  if (threads == 1) return;
  const generation = atomic.load<i32>(GENERATION);
  if (atomic.add<i32>(ARRIVED, 1) == threads - 1) {
    atomic.store<i32>(ARRIVED, 0);
    atomic.store<i32>(COUNTER, 0);
    atomic.add<i32>(GENERATION, 1);
    if (atomic.load<i32>(ASLEEP) != 0) atomic.notify(GENERATION, -1);
    return;
  }
  if (maySleep) {
    for (let i = 0; i < SPINS; i++) if (atomic.load<i32>(GENERATION) != generation) return;
    sleepUntilPast(generation);
  } else {
    // A page's main thread cannot sleep or read a clock here: it counts instead (some ten seconds).
    for (let i: i64 = 0; i < 10000000000; i++) if (atomic.load<i32>(GENERATION) != generation) return;
    unreachable();
  }
}

function sleepUntilPast(generation: i32): void {
  let seen = atomic.load<i32>(COUNTER) + atomic.load<i32>(ARRIVED);
  let idle = 0;
  atomic.add<i32>(ASLEEP, 1);
  while (atomic.load<i32>(GENERATION) == generation) {
    if (atomic.wait<i32>(GENERATION, generation, SECOND) != AtomicWaitResult.TIMED_OUT) continue;
    const now = atomic.load<i32>(COUNTER) + atomic.load<i32>(ARRIVED);
    idle = now == seen ? idle + 1 : 0;
    seen = now;
    // A thread died inside the job: trap, and the host runs the job again alone in a fresh memory. The workers
    // wait for ever: the host ends them.
    if (idle >= PATIENCE && thread == 0) unreachable();
  }
  atomic.sub<i32>(ASLEEP, 1);
}

/** Publishes a job whose operation and arguments the caller has written, and wakes the workers. */
export function post(): void {
  atomic.add<i32>(JOB, 1);
  if (atomic.load<i32>(IDLE) != 0) atomic.notify(JOB, -1);
}

/** Waits in a worker until a job other than `last` is posted; returns its number. */
export function await_job(last: i32, patience: i32): i32 {
  for (let i = 0; i < patience; i++) {
    const job = atomic.load<i32>(JOB);
    if (job != last) return job;
  }
  atomic.add<i32>(IDLE, 1);
  while (atomic.load<i32>(JOB) == last) atomic.wait<i32>(JOB, last, -1);
  atomic.sub<i32>(IDLE, 1);
  return atomic.load<i32>(JOB);
}

/** Each thread's stack of scratch buffers. Threads push and pop in step, so shared sections agree on addresses. */
let top: usize = 0;
let solo: usize = 0;
let saved: usize = 0;
/** What one thread may use while it works alone inside a shared section. */
const SOLO_BYTES: usize = 1 << 20;

/** Starts the stack at `from`, behind the operands; the private areas of the threads come first. */
export function begin(from: usize): void {
  solo = align(from);
  top = solo + (threads > 1 ? <usize>threads * SOLO_BYTES : 0);
  reserve(top);
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
function align(address: usize): usize {
  return (address + 127) & ~(<usize>127);
}

/** Grows the memory to hold `end`; traps when the host has no more, which the caller reports. */
function reserve(end: usize): void {
  const need = <i32>((<u64>end + 65535) >> 16);
  const have = memory.size();
  if (need > have && memory.grow(need - have) < 0) unreachable();
}

/** Pushes `size` bytes, aligned to cache lines with room to spare behind. Pop with `release(mark())`. */
export function push(size: usize): usize {
  const at = top;
  // One vector row beyond the end may be read (never used) by packing.
  if (<u64>at + <u64>size > 0xfff00000) unreachable();
  top = align(at + size + 128);
  reserve(top);
  return at;
}

/** Pushes `size` bytes for each thread and returns this thread's. */
export function own(size: usize): usize {
  const each = align(size + 128);
  const at = push(<usize>threads * each);
  return threads == 1 ? at : at + <usize>thread * each;
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function mark(): usize {
  return top;
}

// @ts-ignore: decorators of functions are AssemblyScript, not TypeScript.
@inline
export function release(to: usize): void {
  top = to;
}

/** Enters a section that this thread computes alone; returns what `together` needs. Sections do not nest. */
export function alone(): i32 {
  const count = threads;
  if (count > 1) {
    threads = 1;
    saved = top;
    top = solo + <usize>thread * SOLO_BYTES;
  }
  return count;
}

export function together(count: i32): void {
  if (count > 1) {
    threads = count;
    top = saved;
  }
}
