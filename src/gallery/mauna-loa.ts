import { parseTable } from "../data/index.ts";
import { DataError } from "../errors/index.ts";
import { fix, type Kernel, matern32, matern52, periodic, product, rbf, sum } from "../kernels/index.ts";
import { columnVector, type Matrix } from "../linalg/index.ts";
import { curves, seriesParts } from "../plot/index.ts";
import { constantMean, decompose, type Fit, fit, type Gaussian, type Process } from "../processes/index.ts";
import type { Task } from "../tasks/index.ts";
import { evenly, full, half, heightFor, percent, type Section, say, shareInside } from "./section.ts";

/** Monthly means of CO₂ in dry air, in parts per million, against years. */
export interface Co2Record {
  readonly years: Float64Array;
  readonly ppm: Float64Array;
}

const names = ["trend", "season", "rest"] as const;
const yearsAhead = 10;

/** The record in a table with columns Date (YYYY-MM-DD) and CO2; a month stands at its middle. */
export function readCo2(csv: string, source: string): Co2Record {
  const table = parseTable(csv, source);
  const [date, co2] = ["Date", "CO2"].map((name) => table.columns.indexOf(name)) as [number, number];
  if (date < 0 || co2 < 0) throw new DataError(`${source} should have the columns Date and CO2`, {});
  const rows = table.cells.map((row, i) => {
    const [, year, month] = /^(\d{4})-(\d{2})/.exec(String(row[date])) ?? [];
    const ppm = Number(row[co2]);
    if (year === undefined || !(ppm > 0)) {
      throw new DataError(`${source}: row ${i + 2} should hold a date and a CO₂ in ppm`, {});
    }
    return { year: Number(year) + (Number(month) - 0.5) / 12, ppm };
  });
  return {
    years: Float64Array.from(rows, (r) => r.year),
    ppm: Float64Array.from(rows, (r) => r.ppm),
  };
}

/** Trend, season and the rest as a sum of three kernels; starting values in years and ppm². */
function startKernel(): Kernel {
  const year = fix(periodic({ period: 1, lengthscale: 1, variance: 1 }), "period", "variance");
  return sum(
    matern52({ lengthscale: 50, variance: 2500 }),
    product(rbf({ lengthscale: 90, variance: 6 }), year),
    matern32({ lengthscale: 1, variance: 0.4 }),
  );
}

/** The Mauna Loa record taken apart by a sum kernel, fitted without its last ten years. */
export function* maunaLoaSection(record: Co2Record): Task<Section> {
  const end = record.years.at(-1)! - yearsAhead;
  const cut = record.years.findIndex((year) => year > end + 1e-6);
  const seen = { x: columnVector(record.years.slice(0, cut)), y: columnVector(record.ppm.slice(0, cut)) };
  const later = { x: columnVector(record.years.slice(cut)), y: record.ppm.slice(cut) };
  const fitted = yield* fit(startKernel(), seen, {
    mean: constantMean(1),
    noiseVariance: { start: 0.05 },
    starts: 1,
  });
  yield { stage: "Mauna Loa", done: 1, total: 2 };
  const lastYear = record.years.at(-1)!;
  const months = evenly(record.years[0]!, lastYear, Math.round(12 * (lastYear - record.years[0]!)) + 1);
  const whole = fitted.process.at(months);
  const { mean, parts } = decompose(fitted.process);
  const atMonths = parts.map((part) => part.at(months));
  const [trend, season, rest] = atMonths as [Gaussian, Gaussian, Gaussian];
  const level = mean.at(months);
  const sumError = largestGap(whole.mean, level, atMonths);
  const predicted = fitted.process.observed(later.x);
  const covered = shareInside(later.y, predicted.interval(0.95));
  const error = Math.sqrt(
    later.y.reduce((s, v, i) => s + (v - predicted.mean.data[i]!) ** 2, 0) / later.y.length,
  );
  const seasons = [1960, 1985, 2010].map((year) => ({ year, ...seasonOf(parts[1]!, year) }));
  const swings = seasons.map(({ swing }) => swing);
  const noisy = fitted.process.observed(months).interval(0.95);
  const growth = (trend.mean.data[cut]! - trend.mean.data[cut - 120]!) / 10;
  const years = (value: number) => Math.floor(value).toString();
  return {
    id: "mauna-loa",
    title: "Mauna Loa CO₂: a sum of kernels takes a record apart",
    text: [
      `A sum of functions has a sum of kernels. For the ${record.years.length} monthly means of CO₂ at Mauna Loa since ` +
        `${years(record.years[0]!)} the sum is a slow trend, a season that repeats each year while its shape may change over ` +
        `decades, and a rest of ${say(lengthscale(fitted, "2.lengthscale"), 2)} years' memory. All was fitted by marginal ` +
        `likelihood to the ${cut} months up to ${years(end)}; conditioning on the record gives each part its own posterior, and ` +
        "the parts add up to the whole. (The season is drawn about its average, which the trend could as well have.)",
      `The trend rose by ${say(growth, 2)} ppm a year in the decade before ${years(end)}; the season's swing grew from ` +
        `${say(swings[0]!, 2)} ppm in 1960 to ${say(swings[2]!, 2)} ppm in 2010. Right of the dashed line the model saw nothing: ` +
        `its 95 % band, which widens to ${say(noisy.upper.data.at(-1)! - noisy.lower.data.at(-1)!, 2)} ppm, holds ${percent(covered)} of the ` +
        `${later.y.length} later months, and its mean misses them by ${say(error, 2)} ppm (RMSE).`,
    ],
    pictures: [
      full((width) =>
        seriesParts({
          width,
          panelHeight: width > 500 ? 170 : 150,
          title: "CO₂ at Mauna Loa and the parts it is the sum of",
          subtitle: "Dots: monthly means; lines and bands: posterior mean and 95 %",
          input: "year",
          x: months.data,
          seenUntil: end,
          panels: [
            {
              name: "CO₂ (ppm)",
              hue: "blue",
              mean: whole.mean.data,
              lower: noisy.lower.data,
              upper: noisy.upper.data,
              dots: { x: record.years, y: record.ppm },
            },
            { name: `${names[0]} (ppm)`, hue: "vermillion", ...bandOf(trend, level.data) },
            { name: `${names[1]} (ppm)`, hue: "green", ...bandOf(aboutItsAverage(season)) },
            { name: `${names[2]} (ppm)`, hue: "purple", ...bandOf(rest) },
          ],
        }),
      ),
      half((width) =>
        seriesParts({
          width,
          panelHeight: heightFor(width) - 74,
          title: "Ten years ahead",
          subtitle: `Fitted to the record up to the dashed line`,
          input: "year",
          x: months.data.filter((year) => year >= end - 5),
          seenUntil: end,
          panels: [
            {
              name: "CO₂ (ppm)",
              hue: "blue",
              ...lastYears(months, end - 5, {
                mean: whole.mean.data,
                lower: noisy.lower.data,
                upper: noisy.upper.data,
              }),
              dots: {
                x: record.years.filter((year) => year >= end - 5),
                y: record.ppm.filter((_, i) => record.years[i]! >= end - 5),
              },
            },
          ],
        }),
      ),
      half((width) =>
        curves({
          width,
          height: heightFor(width),
          title: "The season, then and now",
          input: "month of the year",
          output: "season (ppm)",
          curves: seasons.map(({ year, month, mean }, i) => ({
            name: String(year),
            hue: (["sky", "green", "vermillion"] as const)[i]!,
            x: month,
            y: mean,
            main: true,
          })),
        }),
      ),
    ],
    code: `const { columns, cells } = parseTable(csv, "co2-concentration.csv");
const read = (name) => columnVector(cells.filter((_, i) => i % 5 === 0).map((row) => parseFloat(row[columns.indexOf(name)])));
const x = read("Date");                                      // years
const y = read("CO2");                                       // ppm
const kernel = sum(
  matern52({ lengthscale: 50, variance: 2500 }),             // trend
  product(rbf({ lengthscale: 90, variance: 6 }),             // a season that may change …
          fix(periodic({ period: 1 }), "period", "variance")),   // … and repeats each year
  matern32({ lengthscale: 1, variance: 0.4 }),               // rest
);
const fitted = runSync(fit(kernel, { x, y }, { starts: 1 }));
const tenYears = columnVector(Array.from({ length: 10 }, (_, i) => 2021 + i));
fitted.process.observed(tenYears).interval(0.95);
const [trend, season, rest] = decompose(fitted.process).parts;  // each again a process`,
    numbers: {
      months: record.years.length,
      logEvidence: fitted.logEvidence,
      noiseSd: Math.sqrt(fitted.noiseVariance),
      trendGrowth: growth,
      swing1960: swings[0]!,
      swing2010: swings[2]!,
      sumError,
      covered,
      rmse: error,
    },
  };
}

interface Moments {
  readonly mean: Matrix;
  readonly variance: Matrix;
}

/** A part's mean and 95 % interval, moved by what is known for certain. */
function bandOf({ mean, variance }: Moments, shift?: Float64Array) {
  const at = (z: number) => mean.data.map((m, i) => m + (shift?.[i] ?? 0) + z * Math.sqrt(variance.data[i]!));
  return { mean: at(0), lower: at(-1.96), upper: at(1.96) };
}

/** The values less their own average over all places: what is left is known whatever level another part has. */
function aboutItsAverage({ mean, covariance }: Gaussian): Moments {
  const n = mean.rows;
  const average = mean.data.reduce((sum, v) => sum + v / n, 0);
  const withAverage = Float64Array.from({ length: n }, (_, i) =>
    covariance.data.subarray(i * n, (i + 1) * n).reduce((sum, v) => sum + v / n, 0),
  );
  const ofAverage = withAverage.reduce((sum, v) => sum + v / n, 0);
  return {
    mean: { ...mean, data: mean.data.map((m) => m - average) },
    variance: {
      ...mean,
      data: withAverage.map((c, i) => Math.max(0, covariance.data[i * n + i]! - 2 * c + ofAverage)),
    },
  };
}

/** How far the parts and the mean are from adding up to the whole. */
function largestGap(whole: Matrix, mean: Matrix, parts: readonly Moments[]): number {
  return whole.data.reduce((most, v, i) => {
    const total = parts.reduce((s, part) => s + part.mean.data[i]!, mean.data[i]!);
    return Math.max(most, Math.abs(v - total));
  }, 0);
}

/** The season's part over one year, and its highest less its lowest value. */
function seasonOf(season: Process<Gaussian>, year: number) {
  const month = evenly(0, 12, 73).data;
  const mean = season.at(columnVector(month.map((m) => year + m / 12))).mean.data;
  return { month, mean, swing: Math.max(...mean) - Math.min(...mean) };
}

function lastYears<T extends Readonly<Record<string, Float64Array>>>(
  months: Matrix,
  from: number,
  curves: T,
): T {
  return Object.fromEntries(
    Object.entries(curves).map(([name, values]) => [name, values.filter((_, i) => months.data[i]! >= from)]),
  ) as unknown as T;
}

function lengthscale({ kernel }: Fit, path: string): number {
  return kernel.parameters[path]!.value[0]!;
}
