import { rbf } from "../kernels/index.ts";
import { columnVector, type Matrix, matrix } from "../linalg/index.ts";
import { gaussianDensity, gaussianEllipse, parallelCoordinates } from "../plot/index.ts";
import { gp } from "../processes/index.ts";
import { type Key, split } from "../random/index.ts";
import { half, heightFor, heightOf, type Section, say } from "./section.ts";

const lengthscale = 0.25;
const dimensions = [2, 5, 20, 200] as const;
const named = 6;
const dots = 400;

/** n places spread evenly inside (0, 1). */
function placesOf(n: number): number[] {
  return Array.from({ length: n }, (_, i) => (i + 1) / (n + 1));
}

/** A Gaussian with ever more coordinates becomes a function. */
export function gaussianAsFunctionSection(key: Key): Section {
  const f = gp(rbf({ lengthscale }));
  // Drawn jointly at all places of all pictures: the same six functions everywhere.
  const groups = [1, ...dimensions].map(placesOf);
  const joint = f.at(columnVector(groups.flat())).sample(split(key, "functions"), named);
  let from = 0;
  const samples = groups.map((places) => {
    const part = matrix(named, places.length);
    joint.forEach((draw, i) => {
      part.data.set(draw.data.subarray(from, from + places.length), i * places.length);
    });
    from += places.length;
    return part;
  });
  const single = f.at(columnVector(groups[0]!));
  const pair = f.at(columnVector(groups[1]!));
  const cloud = pair.sample(split(key, "cloud"), dots - named);
  const correlation = pair.covariance.data[1]!;
  const neighbours = dimensions.map((n) => f.at(columnVector(placesOf(n))).covariance.data[1]!);
  const most = 1.08 * Math.max(...samples.flatMap((s) => Array.from(s.data, Math.abs)));
  const range = [-most, most] as const;
  const ellipse = (width: number) =>
    gaussianEllipse({
      width,
      title: `2 coordinates: f(⅓) and f(⅔), correlation ${say(correlation)}`,
      first: "f(⅓)",
      second: "f(⅔)",
      mean: pair.mean,
      covariance: pair.covariance,
      samples: stacked(samples[1]!, cloud),
      named,
    });
  return {
    id: "gaussian-as-function",
    title: "A Gaussian, seen as a function",
    text: [
      "One value has a bell curve. Two values have an ellipse, and its tilt is their correlation, here " +
        `${say(correlation)}. Beyond three there is no room left to draw in, so give each coordinate an axis of its ` +
        "own, side by side, and draw a sample as a line from axis to axis.",
      `With 5, 20 and 200 coordinates, neighbours correlate by ${neighbours
        .slice(1)
        .map((r) => say(r, 4))
        .join(
          ", ",
        )}, and the lines become functions. The six colours are the same six samples in every picture: more ` +
        "coordinates only show more of them. A Gaussian process is the Gaussian that has a coordinate at every x; of it we " +
        "only ever touch finitely many.",
    ],
    pictures: [
      half((width) =>
        gaussianDensity({
          width,
          height: heightOf(ellipse(width)),
          title: "1 coordinate: f(½)",
          value: "f(½)",
          mean: single.mean.data[0]!,
          variance: single.variance.data[0]!,
          samples: samples[0]!.data,
        }),
      ),
      half(ellipse),
      ...dimensions.map((n, i) =>
        half((width) =>
          parallelCoordinates({
            width,
            height: heightFor(width),
            title: `${n} coordinates`,
            subtitle: `neighbours correlate by ${say(neighbours[i]!, 4)}`,
            samples: samples[i + 1]!,
            places: placesOf(n),
            value: "f(x)",
            input: "x",
            across: [0, 1],
            range,
          }),
        ),
      ),
    ],
    code: `const f = gp(rbf({ lengthscale: ${lengthscale} }));
const at = (n) => columnVector(Array.from({ length: n }, (_, i) => (i + 1) / (n + 1)));
const gaussian = f.at(at(20));            // a 20-dimensional Gaussian
gaussian.mean; gaussian.covariance;       // 20 × 1 and 20 × 20
const draws = gaussian.sample(key(seed), 6);
parallelCoordinates({
  title: "20 coordinates", value: "f(x)",
  samples: fromRows(draws.map((draw) => draw.data)),
});`,
    numbers: {
      correlation,
      neighbours5: neighbours[1]!,
      neighbours20: neighbours[2]!,
      neighbours200: neighbours[3]!,
    },
  };
}

function stacked(first: Matrix, more: readonly Matrix[]): Matrix {
  const out = matrix(first.rows + more.length, first.cols);
  out.data.set(first.data);
  more.forEach((row, i) => {
    out.data.set(row.data, (first.rows + i) * first.cols);
  });
  return out;
}
