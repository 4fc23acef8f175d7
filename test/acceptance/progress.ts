import type { RunOptions } from "../../src/tasks/index.ts";

const SECONDS_BETWEEN = 10;
let last = 0;

/** Says to stderr what is being done, with the seconds since the process began. */
export function say(what: string): void {
  last = performance.now();
  console.error(`${(last / 1000).toFixed(0).padStart(5)} s  ${what}`);
}

/** For `runSync`: says how far a long task has come, now and then. */
export function saying(name: string): RunOptions {
  return {
    onProgress({ stage, done, total }) {
      if (performance.now() - last > SECONDS_BETWEEN * 1000) say(`${name}: ${stage}, ${done} of ${total}`);
    },
  };
}
