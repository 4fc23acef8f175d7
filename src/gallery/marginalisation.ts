import { rbf } from "../kernels/index.ts";
import { columnVector, matrix } from "../linalg/index.ts";
import { curves, gaussianEllipse } from "../plot/index.ts";
import { hueOf } from "../plot/theme.ts";
import { type Gaussian, gp } from "../processes/index.ts";
import { type Key, split } from "../random/index.ts";
import { evenly, half, heightOf, percent, type Section, say } from "./section.ts";

const pair = [2.4, 3.4] as const;
const others = [0, 1, 10, 100, 1000] as const;
const draws = 600;
const drawnPaths = 7;
const data = {
  x: columnVector([0.6, 1.5, 4.6]),
  y: columnVector([-0.8, 0.5, 0.3]),
  noiseVariance: 0.01,
};

/** The marginal at a few points does not change with whatever other points there are. */
export function marginalisationSection(key: Key): Section {
  const process = gp(rbf()).condition(data);
  const withOthers = others.map((count) =>
    process.at(columnVector([...pair, ...Array.from({ length: count }, (_, i) => (6 * (i + 0.5)) / count)])),
  );
  const moments = withOthers.map(momentsOf);
  const alone = moments[0]!;
  const changes = moments.map((m) => Math.max(...m.map((v, i) => Math.abs(v - alone[i]!))));
  // Joint draws at 201 places and the two: dropping the 201 leaves draws of the two.
  const shown = evenly(0, 6, 201);
  const joint = process
    .at(columnVector([...pair, ...shown.data]))
    .sample(split(key, "joint"), draws)
    .map(({ data }) => data);
  const dots = matrix(draws, 2, Float64Array.from(joint.flatMap((f) => [f[0]!, f[1]!])));
  const two = withOthers[0]!;
  const inside = joint.filter((f) => mahalanobis(two, f[0]!, f[1]!) <= -2 * Math.log(0.05)).length / draws;
  const names = pair.map((x) => `f(${x})`);
  const ellipse = (width: number) =>
    gaussianEllipse({
      width,
      title: "… and the marginal at two of them",
      first: names[0]!,
      second: names[1]!,
      mean: two.mean,
      covariance: two.covariance,
      samples: dots,
      named: drawnPaths,
    });
  return {
    id: "marginalisation",
    title: "Marginalising an infinite model",
    text: [
      "A Gaussian process has a value at every one of infinitely many places, yet we compute with a few: leaving the " +
        "other values out of a Gaussian means leaving out their rows and columns, and nothing about the rest changes. That " +
        "is why an infinite model can be used at all.",
      `The table shows the distribution of ${names[0]} and ${names[1]} given three observations, computed together ` +
        "with 0 to 1,000 other values: the largest change in any mean, variance or covariance is " +
        `${largestChange(changes)}. The dots in the second figure are ${draws} functions drawn at 201 places besides, of which ` +
        `only two values were kept; ${percent(inside)} of them lie in the 95 % ellipse that was computed from the two ` +
        "values alone.",
    ],
    pictures: [
      half((width) =>
        curves({
          width,
          height: heightOf(ellipse(width)),
          title: "Functions drawn at 201 places …",
          subtitle: `${drawnPaths} of ${draws}`,
          input: "x",
          output: "f(x)",
          places: [...pair],
          curves: joint.slice(0, drawnPaths).map((f, i) => ({
            hue: hueOf(i),
            x: shown.data,
            y: f.subarray(2),
          })),
        }),
      ),
      half(ellipse),
    ],
    table: {
      head: [
        "other values",
        ...names.map((n) => `mean ${n}`),
        ...names.map((n) => `sd ${n}`),
        "correlation",
        "largest change",
      ],
      rows: moments.map((m, i) => [
        others[i]!.toLocaleString("en"),
        say(m[0]!, 6),
        say(m[1]!, 6),
        say(Math.sqrt(m[2]!), 6),
        say(Math.sqrt(m[4]!), 6),
        say(m[3]! / Math.sqrt(m[2]! * m[4]!), 6),
        i === 0 ? "–" : say(changes[i]!, 2),
      ]),
    },
    code: `const f = gp(rbf()).condition({
  x: columnVector([0.6, 1.5, 4.6]), y: columnVector([-0.8, 0.5, 0.3]), noiseVariance: 0.01,
});
const two = [${pair.join(", ")}];
const others = Array.from({ length: 1000 }, (_, i) => (6 * i) / 999);
const alone = f.at(columnVector(two)).covariance;                 // 2 × 2
const among = f.at(columnVector([...two, ...others])).covariance; // 1002 × 1002
Math.abs(alone.data[1] - among.data[1]);                          // rounding`,
    numbers: { largestChange: Math.max(...changes), inside },
  };
}

/** Both means, then variance, covariance and variance of the first two values. */
function momentsOf({ mean, covariance }: Gaussian): readonly number[] {
  const { data, cols } = covariance;
  return [mean.data[0]!, mean.data[1]!, data[0]!, data[1]!, data[cols + 1]!];
}

function largestChange(changes: readonly number[]): string {
  const most = Math.max(...changes);
  return most === 0 ? "exactly 0" : `${say(most, 2)}, which is rounding`;
}

function mahalanobis(gaussian: Gaussian, first: number, second: number): number {
  const [m0, m1, a, b, c] = momentsOf(gaussian) as [number, number, number, number, number];
  const [u, v] = [first - m0, second - m1];
  return (c * u * u - 2 * b * u * v + a * v * v) / (a * c - b * b);
}
