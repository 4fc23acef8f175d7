/** How far a long piece of work has come. */
export interface Progress {
  /** What is being done, in a word or two. */
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  /** Numbers worth showing, such as a loss. */
  readonly metrics?: Readonly<Record<string, number>>;
}

/** Long work as a generator: it yields its progress and returns its result. Nothing runs until it is driven. */
export type Task<T> = Generator<Progress, T, void>;

export interface RunOptions {
  /** Aborting stops the work at its next progress report; `run` then throws the signal's reason. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** Drives a task, letting the event loop breathe about every 16 ms. */
export async function run<T>(task: Task<T>, options: RunOptions = {}): Promise<T> {
  let breathed = performance.now();
  try {
    for (;;) {
      options.signal?.throwIfAborted();
      const step = task.next();
      if (step.done) return step.value;
      options.onProgress?.(step.value);
      if (performance.now() - breathed > 16) {
        await new Promise<void>((resolve) => setTimeout(resolve));
        breathed = performance.now();
      }
    }
  } finally {
    // Runs the generator's own `finally` when it is left early.
    task.return(undefined as never);
  }
}

/** Drives a task to its end at once, blocking the event loop. */
export function runSync<T>(task: Task<T>, options: RunOptions = {}): T {
  try {
    for (;;) {
      options.signal?.throwIfAborted();
      const step = task.next();
      if (step.done) return step.value;
      options.onProgress?.(step.value);
    }
  } finally {
    task.return(undefined as never);
  }
}
