import { factoryArm, posture } from "../data/index.ts";
import { fitLatent, predictView, relevances, usedBy } from "../deep/latent/index.ts";
import { type Matrix, matrix, rowRange, stackRows } from "../linalg/index.ts";
import { bars, imageRows, latentSpace } from "../plot/index.ts";
import { type Key, normal, split, uniform } from "../random/index.ts";
import type { Task } from "../tasks/index.ts";
import { full, half, heightOf, type Section, say } from "./section.ts";

// The camera's image: so many pixels across and up, each so many metres wide.
const across = 12;
const up = 8;
const pixel = 0.2;
/** How far light spreads around the arm, in m. */
const blur = 0.3;
const seen = 80;
const fresh = 30;

/** One pose of an arm, seen as joint angles and as pixels: what the two views share, and what is each one's own. */
export function* multipleViewsSection(key: Key): Task<Section> {
  const { angles, pixels } = sightings(key, seen + fresh);
  const part = (m: Matrix) => rowRange(m, 0, seen);
  const { posterior } = yield* fitLatent(
    [
      { name: "joints", y: part(angles) },
      { name: "camera", y: part(pixels) },
    ],
    { dimensions: 5, inducing: 20, iterations: [150, 450] },
  );
  const users = usedBy(posterior.model);
  const roles = users.map((views) =>
    views.length === 2
      ? "shared"
      : views.length === 0
        ? "off"
        : `private to ${views[0] === 0 ? "joints" : "camera"}`,
  );
  const each = posterior.views.map(({ mapping }) => relevances(mapping));
  const newAngles = rowRange(angles, seen, seen + fresh);
  const newPixels = rowRange(pixels, seen, seen + fresh);
  const prediction = predictView(posterior, { joints: newAngles }, "camera");
  const errors = {
    mapped: rootMeanSquare(prediction.mean, newPixels),
    nearest: rootMeanSquare(nearestPixels(part(angles), part(pixels), newAngles), newPixels),
  };
  const [a, b] = sharedAndOwn(each, users);
  const count = (role: string) => roles.filter((each) => each === role).length;
  const relevanceBars = (width: number) =>
    bars({
      width,
      title: "What each view uses of the latent space",
      names: roles.map((_, q) => `dimension ${q + 1}`),
      groups: roles,
      panels: ["joints", "camera"].map((name, v) => ({
        label: `relevance to the ${name} (largest 1)`,
        values: each[v]!,
      })),
    });
  return {
    id: "multiple-views",
    title: "Multiple views of one thing",
    text: [
      "An arm moves. One view is what its joints report: three angles, their sines and cosines, and the temperature at two motors, which drifts by itself. " +
        `The other is a camera's image of ${across} × ${up} pixels, in which the light changes by itself. Nobody says what the two have ` +
        "in common. A Gaussian process leads from one latent space to each view, each with a lengthscale of its own for every " +
        "dimension; the bound on the evidence decides which dimensions a view needs.",
      `Of five dimensions ${count("shared")} ${count("shared") === 1 ? "is" : "are"} shared, ${count("private to joints")} ${count("private to joints") === 1 ? "is" : "are"} the joints' own, ${count("private to camera")} the camera's own ` +
        `and ${count("off")} switched off. From the angles of ${fresh} new poses the camera's image is predicted with an error of ` +
        `${say(errors.mapped)} (RMSE, pixels from 0 to 1; the nearest known pose's image: ${say(errors.nearest)}): the latents are inferred from the ` +
        "joints alone, and the light, of which they say nothing, is averaged over.",
    ],
    pictures: [
      half(relevanceBars),
      half((width) =>
        latentSpace({
          width,
          height: heightOf(relevanceBars(width)),
          title: "What is known of a pose, and what the joints leave open",
          subtitle: "Known poses were seen by both; of new ones only the joints report",
          across: `dimension ${a + 1} (${roles[a]})`,
          up: `dimension ${b + 1} (${roles[b]})`,
          mean: stackRows([
            pair(posterior.latents.mean, a, b),
            rowRange(pair(prediction.latents.mean, a, b), 0, 6),
          ]),
          variance: stackRows([
            pair(posterior.latents.variance, a, b),
            rowRange(pair(prediction.latents.variance, a, b), 0, 6),
          ]),
          groups: Array.from({ length: seen + 6 }, (_, i) =>
            i < seen ? "known pose" : "new pose, from its joints",
          ),
        }),
      ),
      full((width) => {
        const columns = ["1", "2", "3", "4", "5", "6"];
        const row = (name: string, pixels: Matrix) => ({
          name,
          images: columns.map((_, i) => matrix(up, across, rowRange(pixels, i, i + 1).data)),
        });
        return imageRows({
          width,
          title: "The camera's image of six new poses, from the joint angles alone",
          columns,
          label: "pose",
          rows: [row("seen", newPixels), row("predicted", prediction.mean)],
        });
      }),
    ],
    code: `const views = [{ name: "joints", y: angles }, { name: "camera", y: pixels }];
const { posterior } = runSync(fitLatent(views, { dimensions: 6 }));
usedBy(posterior.model);                                    // [[0, 1], [1], …]: shared, private, off
predictView(posterior, { joints: newAngles }, "camera");    // mean and variance of each pixel
posterior.sample("camera", key(seed), 1);                   // a function from latent space to images`,
    numbers: {
      sharedDimensions: count("shared"),
      errorMapped: errors.mapped,
      errorNearest: errors.nearest,
      switchedOff: count("off"),
    },
  };
}

/** Poses as both views see them, each with something of its own: n × 8 and n × pixels. */
function sightings(key: Key, count: number) {
  const pose = uniform(split(key, "poses"), 2 * count);
  const temperature = uniform(split(key, "temperature"), count);
  const light = uniform(split(key, "light"), count);
  const errors = normal(split(key, "noise"), count * (8 + across * up));
  const angles = matrix(count, 8);
  const pixels = matrix(count, across * up);
  for (let i = 0; i < count; i++) {
    const first = 0.9 + 1.2 * pose[2 * i]!;
    const second = -0.8 + 1.6 * pose[2 * i + 1]!;
    const joints = [first, second, 0.4 * second];
    const warm = 2 * temperature[i]! - 1;
    const reported = [
      ...joints.flatMap((q) => [Math.sin(q), Math.cos(q)]),
      0.4 * warm,
      0.3 * Math.cos(2 * warm),
    ];
    reported.forEach((v, c) => {
      angles.data[8 * i + c] = v + 0.04 * errors[8 * i + c]!;
    });
    const image = exposure(posture(factoryArm, joints));
    image.forEach((v, k) => {
      const at = i * image.length + k;
      pixels.data[at] = (0.5 + 0.5 * light[i]!) * v + 0.04 * errors[8 * count + at]!;
    });
  }
  return { angles, pixels };
}

/** How bright each pixel is: 1 on the arm, less the farther from it; rows from the top. */
function exposure(chain: Matrix): Float64Array {
  const out = new Float64Array(across * up);
  for (let row = 0; row < up; row++) {
    for (let col = 0; col < across; col++) {
      const x = (col + 0.5 - across / 2) * pixel;
      const y = (up - row - 0.5) * pixel - 0.2;
      let nearest = Infinity;
      for (let j = 0; j + 1 < chain.rows; j++) {
        const [ax, ay, bx, by] = chain.data.subarray(2 * j, 2 * j + 4) as unknown as number[];
        const [dx, dy] = [bx! - ax!, by! - ay!];
        const along = Math.min(1, Math.max(0, ((x - ax!) * dx + (y - ay!) * dy) / (dx * dx + dy * dy)));
        nearest = Math.min(nearest, Math.hypot(x - ax! - along * dx, y - ay! - along * dy));
      }
      out[row * across + col] = Math.exp((-nearest * nearest) / (2 * blur * blur));
    }
  }
  return out;
}

/** The dimension that both views use most, and the camera's most relevant one of its own (another shared one else). */
function sharedAndOwn(
  each: readonly Float64Array[],
  users: readonly (readonly number[])[],
): [shared: number, own: number] {
  const most = (score: (q: number) => number) =>
    users.reduce((best, _, q) => (score(q) > score(best) ? q : best), 0);
  const shared = most((q) => users[q]!.length + Math.min(each[0]![q]!, each[1]![q]!));
  const own = most((q) => (q === shared ? -1 : (users[q]!.join() === "1" ? 1 : 0) + each[1]![q]!));
  return [shared, own];
}

function pair({ rows, cols, data }: Matrix, a: number, b: number): Matrix {
  const out = matrix(rows, 2);
  for (let i = 0; i < rows; i++) out.data.set([data[i * cols + a]!, data[i * cols + b]!], 2 * i);
  return out;
}

/** For each new row the image of the known row with the nearest reported angles. */
function nearestPixels(angles: Matrix, pixels: Matrix, rows: Matrix): Matrix {
  const out = matrix(rows.rows, pixels.cols);
  for (let i = 0; i < rows.rows; i++) {
    let [best, least] = [0, Infinity];
    for (let j = 0; j < angles.rows; j++) {
      let distance = 0;
      for (let c = 0; c < angles.cols; c++) {
        distance += (rows.data[i * angles.cols + c]! - angles.data[j * angles.cols + c]!) ** 2;
      }
      if (distance < least) [best, least] = [j, distance];
    }
    out.data.set(rowRange(pixels, best, best + 1).data, i * pixels.cols);
  }
  return out;
}

function rootMeanSquare(a: Matrix, b: Matrix): number {
  return Math.sqrt(a.data.reduce((sum, v, k) => sum + (v - b.data[k]!) ** 2, 0) / a.data.length);
}
