import { FormatError, UsageError } from "../errors/index.ts";
import { affine, fix, type LearnableFn } from "../kernels/index.ts";
import { type Fn, type Matrix, matrix, type Tensor } from "../linalg/index.ts";
import { definitionOf, type NetworkDefinition, namedTensors, networkFrom } from "../networks/index.ts";
import { isLearnableNetwork, learnable } from "../tangent/index.ts";
import { asMatrix, asTensor } from "./tensors.ts";

/** What a header says of a function in a file; an affine one's tensors, "weight" and "bias", say all. */
export type LearnableHeader =
  | { readonly kind: "affine" }
  | ({ readonly kind: "network" } & {
      readonly network: NetworkDefinition;
    });

/** Sets a function's tensors, their names after `prefix`. Throws UsageError for one that is neither a network nor affine. */
export function setLearnable(
  tensors: Map<string, Tensor>,
  prefix: string,
  fn: LearnableFn,
  what: string,
): LearnableHeader {
  if (isLearnableNetwork(fn)) {
    for (const [name, tensor] of namedTensors(fn.network)) tensors.set(prefix + name, tensor);
    return { kind: "network", network: definitionOf(fn.network) };
  }
  const { weight, bias } = planeOf(fn, what);
  tensors.set(`${prefix}weight`, asTensor(weight));
  tensors.set(`${prefix}bias`, { shape: [bias.length], data: bias });
  return { kind: "affine" };
}

/** The function of these tensors, `what` its name in errors. Throws FormatError where tensors are missing or do not fit. */
export function learnableIn(
  tensors: ReadonlyMap<string, Tensor>,
  prefix: string,
  header: LearnableHeader,
  what: string,
): LearnableFn {
  if (header.kind === "network") {
    const own = [...tensors].flatMap(([name, tensor]): [string, Tensor][] =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [],
    );
    return learnable(networkFrom(header.network, new Map(own)));
  }
  const weight = asMatrix(tensors, `${prefix}weight`);
  const bias = tensors.get(`${prefix}bias`)?.data;
  if (bias?.length !== weight.rows) {
    throw new FormatError(`${what} does not fit itself; the file was altered`);
  }
  return fix(affine(weight, Float64Array.from(bias)), "*");
}

/** An affine function as x Wᵀ + b: read off at the origin and at the unit points, and tried elsewhere. */
function planeOf(
  fn: Fn,
  what: string,
): {
  readonly weight: Matrix;
  readonly bias: Float64Array;
} {
  const { inputs, outputs } = fn;
  const bias = fn.at(matrix(1, inputs)).data;
  const units = matrix(inputs, inputs);
  for (let c = 0; c < inputs; c++) units.data[c * (inputs + 1)] = 1;
  const values = fn.at(units).data;
  const weight = matrix(outputs, inputs);
  for (let c = 0; c < inputs; c++) {
    for (let p = 0; p < outputs; p++) weight.data[p * inputs + c] = values[c * outputs + p]! - bias[p]!;
  }
  const plane = affine(weight, bias);
  const elsewhere = matrix(5, inputs);
  for (let k = 0; k < elsewhere.data.length; k++) elsewhere.data[k] = 3 * Math.sin(12.9898 * (k + 1));
  const wanted = fn.at(elsewhere).data;
  const size = wanted.reduce((most, v) => Math.max(most, Math.abs(v)), 1);
  if (!plane.at(elsewhere).data.every((v, k) => Math.abs(v - wanted[k]!) <= 1e-9 * size)) {
    throw new UsageError(
      `${what} is a function that files cannot hold: they hold networks (learnable(net)) and affine functions`,
    );
  }
  return { weight, bias };
}
