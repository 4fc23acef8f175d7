/** Models as ONNX files. Apart from the rest of the room: it brings the ONNX writer. */
import { leading } from "../adapt/index.ts";
import { UsageError } from "../errors/index.ts";
import { matrix, type Precision, type Tensor } from "../linalg/index.ts";
import { type Network, unflatten } from "../networks/index.ts";
import { encodeOnnx, type OnnxOptions, type OnnxUnits } from "../networks/onnx/index.ts";
import type { ClassifierModel } from "./classifier-model.ts";
import { inputsOfNetwork, type RegressionModel } from "./model.ts";
import type { AnyModel } from "./model-file.ts";
import type { ModelInputs } from "./model-inputs.ts";
import type { Standardiser } from "./standardise.ts";
import { isProcess } from "./table-model.ts";

/**
 * The model's mean as an ONNX file in the units of its tables: x are the input columns (or arrays, bytes as 0 to 1), y the
 * targets; of a classifier y are the mean logits (the classes' scores, where labels were regressed; of a pool those of the
 * way of the largest exponent). An adapted network is
 * written as its linearisation. Throws UsageError for a Gaussian process without a network.
 */
export function encodeModelAsOnnx(model: AnyModel): Uint8Array {
  if (model.kind === "likelihood" || isProcess(model))
    throw new UsageError("a Gaussian process has no network to write to ONNX");
  const { network } = model;
  const inputs = unitsOfInputs(model.kind === "classifier" ? model.inputs : inputsOfNetwork(model), network);
  const outputs = model.kind === "classifier" ? undefined : unitsOf(model.target, network.precision);
  return encodeOnnx(network, {
    ...(inputs && { inputs }),
    ...(outputs && { outputs }),
    ...(model.adapted && linearised(model)),
  });
}

/** How the weights move, and from which mean. */
function linearised(model: RegressionModel | ClassifierModel): Pick<OnnxOptions, "move" | "prior" | "other"> {
  const { network } = model;
  const adaptation = model.kind === "classifier" ? model.adapted!.classifier : model.adapted!.adaptation;
  const move = unflatten(adaptation.shift(), network.weights, network.precision);
  if (adaptation.mean === "constant") {
    const data = adaptation.prior.at(matrix(1, network.inputs)).data;
    return { move, prior: { shape: network.outputShape, data: inPrecision(data, network.precision) } };
  }
  const regressed = model.kind === "classifier" && leading(model.adapted!.classifier).method === "regression";
  const prior = regressed ? "probabilities" : "network";
  const { fineTuned } = adaptation;
  return { move, prior, ...(fineTuned && { other: fineTuned }) };
}

function unitsOfInputs(inputs: ModelInputs, { precision }: Network): OnnxUnits | undefined {
  if (inputs.kind === "columns") return unitsOf(inputs.units, precision);
  const { shape, mean, scale } = inputs;
  if (isPlain(mean, scale)) return undefined;
  const axes = mean.length === 1 ? [1] : [mean.length, ...shape.slice(1).map(() => 1)];
  return { mean: tensor(mean, axes, precision), scale: tensor(scale, axes, precision) };
}

function unitsOf({ mean, scale }: Standardiser, precision: Precision): OnnxUnits | undefined {
  if (isPlain(mean, scale)) return undefined;
  return { mean: tensor(mean, [mean.length], precision), scale: tensor(scale, [scale.length], precision) };
}

function isPlain(mean: readonly number[], scale: readonly number[]): boolean {
  return mean.every((m) => m === 0) && scale.every((s) => s === 1);
}

function tensor(values: readonly number[], shape: readonly number[], precision: Precision): Tensor {
  return { shape, data: inPrecision(values, precision) };
}

function inPrecision(values: ArrayLike<number>, precision: Precision): Tensor["data"] {
  return precision === "f32" ? Float32Array.from(values) : Float64Array.from(values);
}
