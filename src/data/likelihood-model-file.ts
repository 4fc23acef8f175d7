import { FormatError } from "../errors/index.ts";
import {
  independent,
  isIndependent,
  type KernelJson,
  kernelFromJson,
  kernelToJson,
  type ParametersJson,
  parametersFromJson,
  parametersToJson,
  repeated,
} from "../kernels/index.ts";
import type { Tensor } from "../linalg/index.ts";
import {
  conditionLatent,
  constantMean,
  type LatentMethodName,
  likelihoods,
  zeroMean,
} from "../processes/index.ts";
import { sealed } from "./checksum.ts";
import type { LikelihoodTableModel } from "./likelihood-model.ts";
import { asMatrix, asTensor } from "./tensors.ts";

/** What the metadata say; the data are the tensors "data.x" and "data.y" (classes by number). */
export interface LikelihoodHeader {
  readonly version: 1;
  readonly kind: "likelihood";
  readonly inputs: readonly string[];
  readonly target: string;
  readonly likelihood: string;
  readonly parameters: ParametersJson;
  readonly classes?: readonly string[];
  /** One for each latent function, or one that serves them all. */
  readonly kernels: readonly KernelJson[];
  /** Of each latent function; absent: 0. */
  readonly mean?: readonly number[];
  readonly method: LatentMethodName;
}

export function encodeLikelihoodModel(model: LikelihoodTableModel): Uint8Array {
  const { inputs, target, classes, likelihoodName, process } = model;
  const { kernel, mean, likelihood } = process.model;
  const each = isIndependent(kernel) ? kernel.each : [kernel];
  const distinct = likelihood.latentsDiffer ? each : each.slice(0, 1);
  const value = mean.parameters.value?.value;
  const header: LikelihoodHeader = {
    version: 1,
    kind: "likelihood",
    inputs,
    target,
    likelihood: likelihoodName,
    parameters: parametersToJson(likelihood.parameters),
    ...(classes && { classes }),
    kernels: distinct.map(kernelToJson),
    ...(value && { mean: Array.from(value) }),
    method: process.method,
  };
  const tensors = new Map<string, Tensor>([
    ["data.x", asTensor(process.data.x)],
    ["data.y", asTensor(process.data.y)],
  ]);
  return sealed(tensors, JSON.stringify(header));
}

/** The model of a file's header and tensors. Throws FormatError when they do not belong together. */
export function likelihoodModelFrom(
  header: LikelihoodHeader,
  tensors: ReadonlyMap<string, Tensor>,
): LikelihoodTableModel {
  const { inputs, target, classes, kernels, mean, method } = header;
  const [x, y] = [asMatrix(tensors, "data.x"), asMatrix(tensors, "data.y")];
  if (x.cols !== inputs.length || y.rows !== x.rows || kernels.length === 0) {
    throw new FormatError("its data do not fit its columns; the file was altered");
  }
  const blank = likelihoods.likelihoodNamed(header.likelihood, classes?.length);
  const likelihood = blank.with(parametersFromJson(header.parameters, blank.parameters));
  const each = kernels.map(kernelFromJson);
  const { latents } = likelihood;
  if (each.length !== (likelihood.latentsDiffer ? latents : 1)) {
    throw new FormatError("its kernels do not fit its likelihood; the file was altered");
  }
  const kernel = likelihood.latentsDiffer
    ? independent(each)
    : latents === 1
      ? each[0]!
      : repeated(each[0]!, latents);
  const centre = mean ? constantMean(inputs.length, mean) : zeroMean(inputs.length, latents);
  return {
    kind: "likelihood",
    inputs,
    target,
    likelihoodName: header.likelihood,
    ...(classes && { classes }),
    process: conditionLatent({ kernel, mean: centre, likelihood }, { x, y }, method),
  };
}
