/** Estimates of the bound in the order of the steps, and what they say. */
export interface Movement {
  /** The average over the last window, in nats. */
  readonly bound: number;
  /** Its standard error, from the estimates' spread within the window. */
  readonly error: number;
  /** Whether the last windows rose above the one before them by no more than the estimates' noise. */
  readonly stalled: boolean;
}

// Steps averaged at a time, and windows without a rise that are taken for the end of it.
const window = 100;
const patience = 3;

/** What a run of noisy estimates says; undefined before the first whole window. */
export function movement(trace: readonly number[]): Movement | undefined {
  const count = Math.floor(trace.length / window);
  if (count === 0) return undefined;
  const windows = Array.from({ length: Math.min(count, patience + 1) }, (_, back) => {
    const end = trace.length - back * window;
    return summary(trace.slice(end - window, end));
  });
  const latest = windows[0]!;
  if (windows.length <= patience) return { bound: latest.mean, error: latest.error, stalled: false };
  const before = windows.at(-1)!;
  const best = windows.slice(0, -1).reduce((a, b) => (b.mean > a.mean ? b : a));
  const noise = 2 * Math.hypot(best.error, before.error);
  return { bound: latest.mean, error: latest.error, stalled: best.mean - before.mean <= noise };
}

function summary(values: readonly number[]): { readonly mean: number; readonly error: number } {
  const mean = values.reduce((sum, v) => sum + v / values.length, 0);
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2 / (values.length - 1), 0);
  return { mean, error: Math.sqrt(variance / values.length) };
}
