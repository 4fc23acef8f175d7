import { UsageError } from "../../errors/index.ts";
import { lbfgs, type Matrix, matrix, rowRange } from "../../linalg/index.ts";
import { encode, encoderInputs } from "./encoder.ts";
import { expectations } from "./expectations.ts";
import { divergence } from "./latent-bound.ts";
import type { LatentPosterior, ViewPosterior } from "./latent-posterior.ts";
import type { Latents } from "./latents.ts";
import type { MappingPosterior } from "./mapping-posterior.ts";
import { type SeenValues, seenValues } from "./seen-values.ts";
import { triangleBar } from "./triangle.ts";

/** New rows of some of the views, by the views' names; NaN marks what was not seen of them. */
export type PartlySeen = Readonly<Record<string, Matrix>>;

/** What the search for one row's latents begins from, at most so many nearest rows of the data. */
const starts = 3;
const iterations = 100;

/**
 * q of the first level for new rows, each row by itself and the model as it is: the bound's largest value over the
 * row's own q, from the latents of the rows of the data that look most alike. With an encoder the search begins from its
 * latents too. Throws UsageError for names that no view has, and for rows of which nothing was seen.
 */
export function inferLatents(posterior: LatentPosterior, rows: PartlySeen): Latents {
  const names = Object.keys(rows);
  if (names.length === 0) throw new UsageError("expected new rows of at least one view");
  const given = names.map((name) => posterior.view(name));
  const count = rows[names[0]!]!.rows;
  const seen = posterior.views.map((view) => {
    const y =
      rows[view.name] ??
      matrix(count, view.centre.length, new Float64Array(count * view.centre.length).fill(Number.NaN));
    return seenValues(y, view.name, true, view.centre);
  });
  const q = posterior.latents.mean.cols;
  const out = { mean: matrix(count, q), variance: matrix(count, q) };
  const encoded = posterior.model.encoder && encode(posterior.model.encoder, encoderInputs(seen));
  for (let r = 0; r < count; r++) {
    const targets = given.map((view) => rowTarget(view, seen[posterior.views.indexOf(view)]!, r));
    if (targets.every(({ columns }) => columns.length === 0)) {
      throw new UsageError(
        `nothing was seen of row ${r} (from 0): there is nothing to infer its latents from`,
      );
    }
    const candidates = nearestRows(given, targets).map((row) =>
      posterior.model.levels.map((level) => one(level, row)),
    );
    if (encoded) candidates.push([one(encoded, r), ...candidates[0]!.slice(1)]);
    let best: { value: number; levels: readonly Latents[] } | undefined;
    for (const start of candidates) {
      const found = search(posterior, given, targets, start);
      if (!best || found.value > best.value) best = found;
    }
    out.mean.data.set(best!.levels[0]!.mean.data, r * q);
    out.variance.data.set(best!.levels[0]!.variance.data, r * q);
  }
  return out;
}

/** What was seen of one row in one view. */
interface RowTarget {
  readonly columns: readonly number[];
  /** Values less the averages, in the order of `columns`. */
  readonly values: Float64Array;
}

function rowTarget(_view: ViewPosterior, seen: SeenValues, row: number): RowTarget {
  const columns = seen.patterns.flatMap((pattern) =>
    pattern.rows[row] === 1 ? Array.from(pattern.columns) : [],
  );
  const d = seen.values.cols;
  return { columns, values: Float64Array.from(columns, (c) => seen.values.data[row * d + c]!) };
}

/** The rows of the data nearest in what was seen, by mean squared distance over noise in the columns both have. */
function nearestRows(views: readonly ViewPosterior[], targets: readonly RowTarget[]): number[] {
  const n = views[0]!.seen.values.rows;
  const sums = new Float64Array(n);
  const counts = new Float64Array(n);
  views.forEach(({ seen: { values, patterns }, patternOf, mapping }, v) => {
    const { columns, values: wanted } = targets[v]!;
    columns.forEach((c, k) => {
      const { rows } = patterns[patternOf[c]!]!;
      for (let i = 0; i < n; i++) {
        if (rows[i] === 0) continue;
        sums[i]! += (values.data[i * values.cols + c]! - wanted[k]!) ** 2 / mapping.noiseVariance;
        counts[i]! += 1;
      }
    });
  });
  const distances = sums.map((sum, i) => (counts[i]! > 0 ? sum / counts[i]! : Infinity));
  return Array.from({ length: n }, (_, i) => i)
    .sort((a, b) => distances[a]! - distances[b]!)
    .slice(0, starts);
}

function search(
  posterior: LatentPosterior,
  views: readonly ViewPosterior[],
  targets: readonly RowTarget[],
  start: readonly Latents[],
): { value: number; levels: readonly Latents[] } {
  const terms = views.map((view, v) => rowTerm(view, targets[v]!));
  const widths = start.map(({ mean }) => mean.cols);
  const top = start.length - 1;
  const levelsAt = (vector: Float64Array): Latents[] => {
    let at = 0;
    return widths.map((q) => {
      at += 2 * q;
      return {
        mean: matrix(1, q, vector.slice(at - 2 * q, at - q)),
        variance: matrix(1, q, vector.slice(at - q, at).map(Math.exp)),
      };
    });
  };
  const found = lbfgs(
    (vector) => {
      const levels = levelsAt(vector);
      let value = -divergence(levels[top]!);
      const slopes = levels.map(({ mean, variance }, k) => ({
        mean: mean.data.map((v) => (k === top ? -v : 0)),
        // ∂/∂ log variance of −KL, or of the entropy of a level between.
        spread: variance.data.map((s) => (k === top ? 0.5 - 0.5 * s : 0.5)),
      }));
      const join = (term: ReturnType<RowTerm>, k: number) => {
        value += term.value;
        term.latents.mean.data.forEach((v, c) => {
          slopes[k]!.mean[c]! += v;
        });
        term.latents.variance.data.forEach((v, c) => {
          slopes[k]!.spread[c]! += v * levels[k]!.variance.data[c]!;
        });
      };
      for (const term of terms) join(term(levels[0]!), 0);
      posterior.links.forEach((link, k) => {
        const { mean, variance } = levels[k]!;
        const { noiseVariance } = link.mapping;
        const all = { columns: Array.from(mean.data.keys()), values: mean.data };
        const term = rowTerm(link, all)(levels[k + 1]!);
        join(term, k + 1);
        variance.data.forEach((s, c) => {
          value += 0.5 * Math.log(2 * Math.PI * Math.E * s) - (0.5 * s) / noiseVariance;
          slopes[k]!.spread[c]! -= (0.5 * s) / noiseVariance;
          slopes[k]!.mean[c]! += term.values[c]!;
        });
      });
      if (!Number.isFinite(value)) return { value: Infinity, gradient: new Float64Array(vector.length) };
      const gradient = slopes.flatMap(({ mean, spread }) => [...mean, ...spread]);
      return { value: -value, gradient: Float64Array.from(gradient, (v) => -v) };
    },
    Float64Array.from(start.flatMap(({ mean, variance }) => [...mean.data, ...variance.data.map(Math.log)])),
    { maxIterations: iterations, valueTolerance: 1e-8, gradientTolerance: 1e-5 },
  );
  return { value: -found.value, levels: levelsAt(found.x) };
}

type RowTerm = (latents: Latents) => {
  readonly value: number;
  readonly latents: Latents;
  /** In the values. */
  readonly values: Float64Array;
};

/**
 * E[log p(y | f(x))] of one row over q(x) and the model's q(u), which is linear in the kernel's expectations: Σ over
 * what was seen of log N(y; ψ₁ a, σ²) − (ψ₀ + ⟨ψ₂, a aᵀ − deficit⟩ − (ψ₁ a)²) / 2σ².
 */
function rowTerm(part: MappingPosterior, { columns, values }: RowTarget): RowTerm {
  const { mapping, weights, deficits, patternOf } = part;
  const { kernel, inducing, noiseVariance } = mapping;
  const [m, d] = [weights.rows, weights.cols];
  const first = new Float64Array(m);
  const second = matrix(m, m);
  let squares = 0;
  columns.forEach((c, k) => {
    squares += values[k]! ** 2;
    for (let i = 0; i < m; i++) {
      const a = weights.data[i * d + c]!;
      first[i]! += (a * values[k]!) / noiseVariance;
      for (let j = 0; j < m; j++) second.data[i * m + j]! += a * weights.data[j * d + c]!;
    }
  });
  deficits.forEach((deficit, g) => {
    const times = columns.filter((c) => patternOf[c] === g).length;
    if (times === 0) return;
    for (let k = 0; k < second.data.length; k++) second.data[k]! -= times * deficit.data[k]!;
  });
  const triangle = triangleBar(second).map((v) => (-0.5 * v) / noiseVariance);
  const count = columns.length;
  const bars = {
    psi0: Float64Array.of((-0.5 * count) / noiseVariance),
    psi1: matrix(1, m, first),
    psi2: matrix(1, triangle.length, triangle),
  };
  return (latents) => {
    const expected = expectations(kernel, latents, inducing);
    let value =
      -0.5 * count * Math.log(2 * Math.PI * noiseVariance) -
      squares / (2 * noiseVariance) +
      bars.psi0[0]! * expected.psi0[0]!;
    for (let i = 0; i < m; i++) value += first[i]! * expected.psi1.data[i]!;
    for (let t = 0; t < triangle.length; t++) value += triangle[t]! * expected.psi2.data[t]!;
    return {
      value,
      latents: expected.pullLatents(bars),
      values: Float64Array.from(columns, (c, k) => {
        let mean = 0;
        for (let i = 0; i < m; i++) mean += expected.psi1.data[i]! * weights.data[i * d + c]!;
        return (mean - values[k]!) / noiseVariance;
      }),
    };
  };
}

function one({ mean, variance }: Latents, row: number): Latents {
  return { mean: rowRange(mean, row, row + 1), variance: rowRange(variance, row, row + 1) };
}
