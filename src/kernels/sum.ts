import { ShapeError, UsageError } from "../errors/index.ts";
import { add, giveBack, type LowerBar, type Matrix, matrix } from "../linalg/index.ts";
import { split, uniform } from "../random/index.ts";
import { addTo } from "./elementwise.ts";
import { featuresOf } from "./features.ts";
import type { InputGradient, Kernel, PathFn } from "./kernel.ts";
import { joinParts, type Parameters, partOf } from "./parameters.ts";
import { startAt } from "./scale-of-data.ts";

/** A kernel that is the sum of others: its functions are sums of theirs. */
export interface SumKernel extends Kernel {
  readonly terms: readonly Kernel[];
  with(parameters: Parameters): SumKernel;
}

/** k = k₀ + k₁ + …; parameters "0.lengthscale", "1.variance", … Sums inside sums are opened. */
export function sum(...kernels: readonly Kernel[]): SumKernel {
  const terms = kernels.flatMap((kernel) => (isSum(kernel) ? kernel.terms : [kernel]));
  const inputs = agree("sum", terms);
  const parameters = joinParts(Object.fromEntries(terms.map((term, t) => [t, term.parameters])));
  const total = (part: (term: Kernel) => Matrix) => {
    const first = part(terms[0]!);
    const out = matrix(first.rows, first.cols, first.data.slice());
    for (const term of terms.slice(1)) addTo(out, part(term));
    return out;
  };
  /** Each feature is one of a random term's, √terms times as large. */
  const features: NonNullable<Kernel["features"]> = (key, inputs, count) => {
    const size = Math.sqrt(terms.length);
    const picks = uniform(split(key, "term"), count).map((u) => Math.floor(u * terms.length));
    const all = terms.map((term, t) => featuresOf(term, split(key, t), inputs, count));
    return {
      inputs,
      outputs: 2 * count,
      at(x) {
        const values = all.map((features) => features.at(x).data);
        const out = matrix(x.rows, 2 * count);
        for (let k = 0; k < out.data.length; k++) out.data[k] = size * values[picks[k % count]!]![k]!;
        return out;
      },
      ...(all.every((features) => features.pullbackInputs) && {
        pullbackInputs: (x: Matrix, bar: Matrix) =>
          all
            .map((features, t) => {
              const own = bar.data.map((v, k) => (picks[k % count] === t ? size * v : 0));
              return features.pullbackInputs!(x, { ...bar, data: own });
            })
            .reduce((a, b) => add(a, b)),
      }),
    };
  };
  return {
    outputs: terms[0]!.outputs,
    inputs,
    terms,
    parameters,
    definition: { kind: "sum", parts: terms },
    with: (next: Parameters) => sum(...terms.map((term, t) => term.with(partOf(next, `${t}`)))),
    gram: (x) => total((term) => term.gram(x)),
    cross: (x, z) => total((term) => term.cross(x, z)),
    diagonal: (x) => terms.map((term) => term.diagonal(x)).reduce((a, b) => a.map((v, i) => v + b[i]!)),
    ...(terms.every((term) => term.multiply) && {
      multiply: (x: Matrix, z: Matrix | undefined, v: Matrix) => total((term) => term.multiply!(x, z, v)),
    }),
    pullback: (x, z, bar) =>
      joinParts(Object.fromEntries(terms.map((term, t) => [t, term.pullback(x, z, bar)]))),
    ...(terms.every((term) => term.lower) && {
      lower: {
        gram(x: Matrix) {
          const [out, ...others] = terms.map((term) => term.lower!.gram(x));
          for (const other of others) {
            addTo(out!, other);
            giveBack(other.data);
          }
          return out!;
        },
        pullback: (x: Matrix, bar: LowerBar) =>
          joinParts(Object.fromEntries(terms.map((term, t) => [t, term.lower!.pullback(x, bar)]))),
      },
    }),
    ...(terms.every((term) => term.pullbackInputs) && {
      pullbackInputs: (x: Matrix, z: Matrix | undefined, bar: Matrix) =>
        addInputGradients(terms.map((term) => term.pullbackInputs!(x, z, bar))),
    }),
    ...(terms.every((term) => term.jet) && {
      jet: (x: Matrix, z: Matrix) => total((term) => term.jet!(x, z)),
    }),
    path(key, inputs): PathFn {
      const paths = terms.map((term, t) => term.path(split(key, t), inputs));
      return {
        inputs,
        outputs: terms[0]!.outputs,
        at: (x) => paths.map((path) => path.at(x)).reduce((a, b) => add(a, b)),
        ...(paths.every((path) => path.pullbackInputs) && {
          pullbackInputs: (x: Matrix, bar: Matrix) =>
            paths.map((path) => path.pullbackInputs!(x, bar)).reduce((a, b) => add(a, b)),
        }),
      };
    },
    ...(terms[0]!.outputs === 1 && { features }),
    startAt: (x, variance) => sum(...terms.map((term) => startAt(term, x, variance / terms.length))),
  };
}

export function isSum(kernel: Kernel): kernel is SumKernel {
  return kernel.definition?.kind === "sum" && "terms" in kernel;
}

export function addInputGradients(gradients: readonly InputGradient[]): InputGradient {
  return gradients.reduce((a, b) =>
    a.z && b.z ? { x: add(a.x, b.x), z: add(a.z, b.z) } : { x: add(a.x, b.x) },
  );
}

/** The columns that all the parts take. Throws for no parts, or parts of different outputs or inputs. */
export function agree(kind: string, parts: readonly Kernel[]): number | undefined {
  if (parts.length === 0) throw new UsageError(`${kind}: at least one kernel is needed`);
  const outputs = new Set(parts.map((part) => part.outputs));
  if (outputs.size > 1) {
    throw new ShapeError(`${kind}: kernels of ${[...outputs].join(" and ")} outputs do not go together`);
  }
  const inputs = new Set(parts.flatMap((part) => part.inputs ?? []));
  if (inputs.size > 1) {
    throw new ShapeError(
      `${kind}: kernels on ${[...inputs].join(" and ")} columns do not go together; choose columns with on(kernel, columns)`,
    );
  }
  return [...inputs][0];
}
