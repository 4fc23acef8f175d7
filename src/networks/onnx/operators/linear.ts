import { FormatError } from "../../../errors/index.ts";
import type { Tensor } from "../../../linalg/index.ts";
import { dense } from "../../layers/dense.ts";
import { fanInMatmul } from "../../layers/fan-in-matmul.ts";
import { fanInSum } from "../../layers/fan-in-sum.ts";
import type { Graph } from "../graph.ts";
import { expectOtherAxis, type Operation, type Operator } from "../operation.ts";
import type { Constant, Flowing, Value, View } from "../value.ts";
import { commonAxes, repeated, together } from "./broadcast.ts";
import { transposed } from "./shapes.ts";

export const linear: Readonly<Record<string, Operator>> = { Gemm: gemm, MatMul: matmul };

function gemm(operation: Operation): Value {
  const { graph } = operation;
  const swapped = (index: number, attribute: string): Value => {
    const value = operation.input(index);
    if (value.axes.length !== 2) throw new FormatError(`takes matrices, got ${value.axes.join(" × ")}`);
    return operation.number(attribute, 0) === 0 ? value : transposed(graph, value, [1, 0]);
  };
  const [a, b] = [swapped(0, "transA"), swapped(1, "transB")];
  const bias = operation.inputs[2];
  const [alpha, beta] = [operation.number("alpha", 1), operation.number("beta", 1)];
  if (a.kind !== "flowing" || b.kind !== "constant") {
    throw new FormatError("is read as a computed value times a constant matrix alone");
  }
  const [, units] = b.axes as [number, number];
  const known = bias?.kind === "constant" ? vector(graph, bias, units) : undefined;
  const y = affine(graph, a, scaled(b, alpha), known && scaled(known, beta));
  if (bias?.kind !== "flowing") return y;
  if (beta !== 1) throw new FormatError("is read with beta = 1 where a computed value is added");
  const pair = together(graph, y as Flowing, bias);
  return graph.place(fanInSum(), pair, pair[0]);
}

/** The constant as one number a unit. */
function vector(graph: Graph, bias: Constant, units: number): Constant {
  const flat = { ...bias, axes: bias.data.length === 1 ? [1] : bias.axes.filter((size) => size !== 1) };
  return repeated(graph, flat, [units]) as Constant;
}

function scaled(constant: Constant, factor: number): Constant {
  return factor === 1 ? constant : { ...constant, data: constant.data.map((v) => factor * v) };
}

/** x B + bias along the last axis. */
function affine(graph: Graph, x: Flowing, b: Constant, bias: Constant | undefined): Value {
  expectOtherAxis(x, x.axes.length - 1);
  const [features, units] = b.axes as [number, number];
  if (x.axes.at(-1) !== features) {
    throw new FormatError(`multiplies ${x.axes.join(" × ")} with a matrix of ${features} × ${units}`);
  }
  const weight: Tensor = graph.tensor(transposed(graph, b, [1, 0]) as Constant);
  const tensors = { weight, ...(bias && { bias: graph.tensor(bias) }) };
  const axes = [...x.axes.slice(0, -1), units];
  return graph.place(dense(units, { bias: bias !== undefined }), [x], { ...x, axes }, tensors);
}

function matmul(operation: Operation): Value {
  const { graph } = operation;
  const [a, b] = [operation.input(0), operation.input(1)];
  if (a.axes.length < 2 || b.axes.length < 2) {
    throw new FormatError(`is read between matrices, got ${a.axes.join(" × ")} and ${b.axes.join(" × ")}`);
  }
  if (a.kind === "flowing" && b.kind === "constant" && b.axes.length === 2) {
    return affine(graph, a, b, undefined);
  }
  if (a.kind === "constant" && b.kind === "flowing" && a.axes.length === 2) {
    // A X = (Xᵀ Aᵀ)ᵀ.
    const swap = b.axes.map((_, i) => (i < b.axes.length - 2 ? i : 2 * b.axes.length - 3 - i));
    const x = transposed(graph, b, swap) as Flowing;
    return transposed(graph, affine(graph, x, transposed(graph, a, [1, 0]) as Constant, undefined), swap);
  }
  return product(graph, a, b);
}

/** The products of the last two axes' matrices; leading axes repeat to each other. */
function product(graph: Graph, a: Value, b: Value): Value {
  const lead = commonAxes(a.axes.slice(0, -2), b.axes.slice(0, -2));
  const [x, y] = [a, b].map((value) => {
    if (value.kind === "flowing" && value.batchAxis >= value.axes.length - 2) {
      throw new FormatError("would mix the examples");
    }
    return repeated(graph, value, [...lead, ...value.axes.slice(-2)]);
  }) as [Value, Value];
  const axes = [...lead, a.axes.at(-2)!, b.axes.at(-1)!];
  if (x.kind === "flowing" && y.kind === "flowing") {
    if (x.batchAxis !== y.batchAxis || x.before !== y.before) {
      throw new FormatError("combines every example of a batch with every other");
    }
  }
  const like = x.kind === "flowing" ? x : y;
  const view: View | { axes: readonly number[] } = like.kind === "flowing" ? { ...like, axes } : { axes };
  return graph.place(fanInMatmul(), [x, y], view);
}
