import { FormatError } from "../errors/index.ts";
import {
  type KernelJson,
  kernelFromJson,
  kernelToJson,
  type ParametersJson,
  parametersFromJson,
  parametersToJson,
} from "../kernels/index.ts";
import type { Tensor } from "../linalg/index.ts";
import { type Constraint, conditionConstrained, likelihoods } from "../processes/index.ts";
import { sealed } from "./checksum.ts";
import type { ConstrainedGpModel } from "./constrained-model.ts";
import { type MeanJson, meanFrom, meanJson } from "./gp-model-file.ts";
import { asMatrix, asTensor } from "./tensors.ts";

/** What the metadata say; data are the tensors "data.x" and "data.y", virtual observations "virtual.x", "virtual.y". */
export interface ConstrainedHeader {
  readonly version: 1;
  readonly kind: "constrained";
  readonly inputs: readonly string[];
  readonly target: string;
  readonly kernel: KernelJson;
  readonly mean: MeanJson;
  /** Of the Gaussian noise. */
  readonly parameters: ParametersJson;
  readonly constraints: readonly Constraint[];
}

export function encodeConstrainedModel(model: ConstrainedGpModel): Uint8Array {
  const { inputs, target, meanName, process } = model;
  const { kernel, mean, likelihood } = process.model;
  const header: ConstrainedHeader = {
    version: 1,
    kind: "constrained",
    inputs,
    target,
    kernel: kernelToJson(kernel),
    mean: meanJson(meanName, mean, inputs.length),
    parameters: parametersToJson(likelihood.parameters),
    constraints: process.constraints,
  };
  const tensors = new Map<string, Tensor>([
    ["data.x", asTensor(process.data.x)],
    ["data.y", asTensor(process.data.y)],
    ["virtual.x", asTensor(process.virtual.x)],
    ["virtual.y", asTensor(process.virtual.y)],
  ]);
  return sealed(tensors, JSON.stringify(header));
}

/** The model of a file's header and tensors. Throws FormatError when they do not belong together. */
export function constrainedModelFrom(
  header: ConstrainedHeader,
  tensors: ReadonlyMap<string, Tensor>,
): ConstrainedGpModel {
  const { inputs, target, constraints } = header;
  const [x, y] = [asMatrix(tensors, "data.x"), asMatrix(tensors, "data.y")];
  const virtual = { x: asMatrix(tensors, "virtual.x"), y: asMatrix(tensors, "virtual.y") };
  const fits =
    x.cols === inputs.length &&
    y.rows === x.rows &&
    virtual.x.cols === x.cols + 1 &&
    virtual.y.rows === virtual.x.rows &&
    virtual.y.cols === 3;
  if (!fits) throw new FormatError("its data do not fit its columns; the file was altered");
  const blank = likelihoods.gaussian();
  const model = {
    kernel: kernelFromJson(header.kernel),
    mean: meanFrom(header.mean, inputs.length),
    likelihood: blank.with(parametersFromJson(header.parameters, blank.parameters)),
  };
  return {
    kind: "constrained",
    inputs,
    target,
    meanName: header.mean.name,
    process: conditionConstrained(model, { x, y }, constraints, virtual),
  };
}
