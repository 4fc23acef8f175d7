/** The factor on the learning rate at a point of training: `done` runs from 0 to below 1 over all steps. */
export type Schedule = (done: number) => number;

export function constantSchedule(): Schedule {
  return () => 1;
}

/** Half a cosine from 1 to `final` (Loshchilov & Hutter 2017, without restarts). */
export function cosineSchedule(final = 0): Schedule {
  return (done) => final + ((1 - final) * (1 + Math.cos(Math.PI * done))) / 2;
}

/** Multiplies by `factor` at each of the given points of training (fractions of all steps). */
export function stepSchedule(points: readonly number[], factor = 0.1): Schedule {
  return (done) => factor ** points.filter((point) => done >= point).length;
}

/** Rises linearly from 0 over the first `fraction` of all steps, then follows `then`. */
export function warmupSchedule(fraction: number, then: Schedule = constantSchedule()): Schedule {
  return (done) => (done < fraction ? done / fraction : then((done - fraction) / (1 - fraction)));
}
