import { type Kernel, rbf } from "../../kernels/index.ts";
import { eigh, gramOf, type Matrix, matrix, multiply, takeRows } from "../../linalg/index.ts";
import { type Key, normal, permutation, split } from "../../random/index.ts";
import { encode, encoderInputs, matchEncoder } from "./encoder.ts";
import type { LatentFitOptions } from "./fit-latent.ts";
import { kernelTerms } from "./kernel-terms.ts";
import type { LatentModel, Mapping } from "./latent-model.ts";
import type { Latents } from "./latents.ts";
import type { SeenValues } from "./seen-values.ts";

// Where the search begins. The noise is small against the data, so that the latents are pulled to where they explain
// them before noise may (Damianou's recipe); jitter is smaller still.
const startVariance = 0.1;
const startNoise = 0.01;
const relativeJitter = 1e-6;
// How far other starts lie from the first, in units of the latents' deviation.
const startShake = 0.5;

/**
 * The model that a fit starts from: latents at the leading principal components of all views together, each view
 * counted alike, with unit variance; inducing inputs at some of them. Starts after the first (index 0) move the latents
 * by normal numbers and take other inducing inputs.
 */
export function startLatent(
  data: readonly SeenValues[],
  options: LatentFitOptions,
  root: Key,
  index = 0,
): LatentModel {
  const key = index === 0 ? root : split(split(root, "start"), index);
  const { dimensions, inducing = 50, kernel = (q: number) => rbf({ ard: q }), encoder } = options;
  const widths = [dimensions].flat();
  const levels: Latents[] = [];
  let below = sideBySide(data.map(({ values }) => unitPower(values)));
  for (const [k, width] of widths.entries()) {
    const leading = principalComponents(below, width, split(split(key, "latents"), k));
    const mean = index === 0 ? leading : shaken(leading, split(split(key, "shaken"), k));
    levels.push({
      mean,
      variance: matrix(mean.rows, mean.cols, new Float64Array(mean.data.length).fill(startVariance)),
    });
    below = mean;
  }
  const mapping = (latents: Latents, power: number, own: Key): Mapping =>
    startMapping(kernel(latents.mean.cols), latents.mean, inducing, power, own);
  const inputs = encoderInputs(data);
  const matched = encoder && matchEncoder(encoder, inputs, levels[0]!);
  if (matched) levels[0] = encode(matched, inputs);
  return {
    levels,
    views: data.map((seen, v) => mapping(levels[0]!, powerOf(seen), split(split(key, "view"), v))),
    links: levels.slice(1).map((latents, k) => mapping(latents, 1, split(split(key, "link"), k))),
    ...(matched && { encoder: matched }),
  };
}

function shaken(latents: Matrix, key: Key): Matrix {
  const moves = normal(key, latents.data.length);
  return { ...latents, data: latents.data.map((v, k) => v + startShake * moves[k]!) };
}

function startMapping(kernel: Kernel, latents: Matrix, count: number, power: number, key: Key): Mapping {
  const chosen = permutation(key, latents.rows).subarray(0, Math.min(count, latents.rows));
  // Lengthscales that grow with the dimensions: distances do.
  const typical = Math.sqrt(latents.cols / 2);
  const terms = kernelTerms(kernel);
  const share = power / terms.length;
  const values = Object.fromEntries(
    terms.flatMap(({ kind, prefix }) => {
      const name = (of: string) => (prefix === "" ? of : `${prefix}.${of}`);
      return kind === "linear"
        ? [[name("variance"), share / latents.cols]]
        : [
            [name("variance"), share],
            [name("lengthscale"), typical],
          ];
    }),
  ) as Readonly<Record<string, number>>;
  const started = kernel.with(
    Object.fromEntries(
      Object.entries(kernel.parameters).map(([name, parameter]) => [
        name,
        parameter.unset && values[name] !== undefined
          ? { ...parameter, value: parameter.value.map(() => values[name]!) }
          : parameter,
      ]),
    ),
  );
  return {
    kernel: started,
    inducing: takeRows(latents, chosen),
    noiseVariance: startNoise * power,
    jitter: relativeJitter,
  };
}

/** Average square of what was seen. */
function powerOf({ patterns, squares }: SeenValues): number {
  let count = 0;
  for (const { columns, rows } of patterns) count += columns.length * rows.reduce((a, b) => a + b, 0);
  return squares / count;
}

/** Scaled so that all its squares sum to 1. */
function unitPower({ rows, cols, data }: Matrix): Matrix {
  const size = Math.sqrt(data.reduce((sum, v) => sum + v * v, 0));
  return matrix(
    rows,
    cols,
    data.map((v) => v / size),
  );
}

function sideBySide(parts: readonly Matrix[]): Matrix {
  const cols = parts.reduce((sum, part) => sum + part.cols, 0);
  const out = matrix(parts[0]!.rows, cols);
  let from = 0;
  for (const part of parts) {
    for (let i = 0; i < part.rows; i++) {
      out.data.set(part.data.subarray(i * part.cols, (i + 1) * part.cols), i * cols + from);
    }
    from += part.cols;
  }
  return out;
}

/** The leading principal components of centred rows, each of unit variance; small normal numbers past their rank. */
export function principalComponents(values: Matrix, count: number, key: Key): Matrix {
  const { rows: n, cols: d } = values;
  // The smaller of the two Gram matrices has the same eigenvalues.
  const wide = d > n;
  const { values: powers, vectors } = eigh(gramOf(values, !wide));
  const size = powers.length;
  const scores = wide ? vectors : multiply(values, vectors);
  const out = matrix(n, count, normal(key, n * count));
  for (let q = 0; q < count; q++) {
    const at = size - 1 - q;
    if (at < 0 || !(powers[at]! > 1e-10 * powers[size - 1]!)) {
      for (let i = 0; i < n; i++) out.data[i * count + q]! *= 0.01;
      continue;
    }
    const scale = Math.sqrt(n) / (wide ? 1 : Math.sqrt(powers[at]!));
    // The sign is the eigensolver's choice: make it ours.
    let largest = 0;
    for (let i = 0; i < n; i++) {
      const v = scores.data[i * size + at]!;
      if (Math.abs(v) > Math.abs(largest) + 1e-9) largest = v;
    }
    for (let i = 0; i < n; i++) {
      out.data[i * count + q] = Math.sign(largest) * scale * scores.data[i * size + at]!;
    }
  }
  return out;
}
