/** Which numbers an axis names, and how. */

/** From the smallest to the largest of the finite values; undefined when there are none. */
export function extent(values: Iterable<number>): [number, number] | undefined {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return least <= most ? [least, most] : undefined;
}

/** Whether positive values spread far enough for a log axis to have ticks to show. */
export function wantsLog([least, most]: readonly [number, number]): boolean {
  return least > 0 && most / least >= 4;
}

/** The domain with a little room at both ends; `log` for room by ratio. */
export function padded([least, most]: readonly [number, number], log: boolean): [number, number] {
  const share = 0.06;
  if (log) {
    const factor = most > least ? (most / least) ** share : 2;
    return [least / factor, most * factor];
  }
  const room = share * (most - least) || 0.5 * Math.abs(most) || 0.5;
  return [least - room, most + room];
}

const steps: readonly (readonly number[])[] = [
  [1, 2, 3, 4, 5, 6, 7, 8, 9],
  [1, 2, 3, 5],
  [1, 2, 5],
  [1, 3],
  [1],
];
const mostTicks = 8;

/** Round numbers inside a positive domain, as many as leave room between their labels. */
export function logTicks([least, most]: readonly [number, number]): number[] {
  const from = Math.floor(Math.log10(least));
  const to = Math.ceil(Math.log10(most));
  const decades = Array.from({ length: to - from + 1 }, (_, i) => from + i);
  // Past some decades even powers of ten crowd: then every second, third, … of them.
  for (let every = 1; ; every++) {
    for (const mantissas of every === 1 ? steps : [[1]]) {
      const ticks = decades
        .filter((decade) => decade % every === 0)
        .flatMap((decade) => mantissas.map((m) => Number(`${m}e${decade}`)))
        .filter((tick) => tick >= least && tick <= most);
      if (ticks.length <= mostTicks) return ticks;
    }
  }
}

/** At most `digits` significant digits, thousands apart, powers of ten only where zeros would crowd. */
export function shortNumber(value: number, digits = 12): string {
  const size = Math.abs(value);
  const rounded = Number(value.toPrecision(digits));
  if (size !== 0 && (size < 1e-4 || size >= 1e7))
    return rounded.toExponential().replace("e+", "e").replace(/-/g, "−");
  const [whole = "", fraction] = String(Math.abs(rounded)).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return `${value < 0 ? "−" : ""}${grouped}${fraction === undefined ? "" : `.${fraction}`}`;
}
