import { FormatError } from "../errors/index.ts";
import { affine, type KernelJson, kernelFromJson, kernelToJson } from "../kernels/index.ts";
import { matrix, type Tensor } from "../linalg/index.ts";
import { constantMean, gp, type Mean, zeroMean } from "../processes/index.ts";
import { sealed } from "./checksum.ts";
import type { GpModel, MeanName } from "./gp-model.ts";
import { asMatrix, asTensor } from "./tensors.ts";

/** A linear mean is value + weight · x. */
export interface MeanJson {
  readonly name: MeanName;
  readonly value: number;
  readonly weight: readonly number[];
}

/** What the metadata of a Gaussian process' file says; its data are the tensors "data.x", "data.y", "data.noise". */
export interface GpHeader {
  readonly version: 1;
  readonly kind: "gp";
  readonly inputs: readonly string[];
  readonly target: string;
  readonly kernel: KernelJson;
  readonly mean: MeanJson;
  readonly noiseVariance: number;
}

/** The file of a fitted Gaussian process: all it needs to predict, and to be given more data. */
export function encodeGpModel({ inputs, target, meanName, kernel, mean, process }: GpModel): Uint8Array {
  const { x, y, noise } = process.solution;
  const header: GpHeader = {
    version: 1,
    kind: "gp",
    inputs,
    target,
    kernel: kernelToJson(kernel),
    mean: meanJson(meanName, mean, inputs.length),
    noiseVariance: process.noiseVariance,
  };
  const tensors = new Map<string, Tensor>([
    ["data.x", asTensor(x)],
    ["data.y", asTensor(y)],
    ["data.noise", { shape: [noise.length], data: noise }],
  ]);
  return sealed(tensors, JSON.stringify(header));
}

/** The model of a file's header and tensors. Throws FormatError when they do not belong together. */
export function gpModelFrom(header: GpHeader, tensors: ReadonlyMap<string, Tensor>): GpModel {
  const { inputs, target, noiseVariance } = header;
  const [x, y] = [asMatrix(tensors, "data.x"), asMatrix(tensors, "data.y")];
  const noise = tensors.get("data.noise")?.data ?? [];
  if (x.cols !== inputs.length || y.cols !== 1 || y.rows !== x.rows || noise.length !== y.rows) {
    throw new FormatError("its data do not fit its columns; the file was altered");
  }
  const kernel = kernelFromJson(header.kernel);
  const mean = meanFrom(header.mean, inputs.length);
  // Rows of one noise variance were seen together: sets as they came.
  let process: GpModel["process"] | undefined;
  const prior = gp(kernel, { mean, inputs: inputs.length });
  for (let from = 0; from < x.rows; ) {
    let to = from + 1;
    while (to < x.rows && noise[to] === noise[from]) to++;
    const part = {
      x: matrix(to - from, x.cols, x.data.slice(from * x.cols, to * x.cols)),
      y: matrix(to - from, 1, y.data.slice(from, to)),
      noiseVariance: noise[from]!,
    };
    process = process ? process.condition(part) : prior.condition(part);
    from = to;
  }
  if (!process || noise[x.rows - 1] !== noiseVariance)
    throw new FormatError("its noise does not fit its data");
  return { kind: "gp", inputs, target, meanName: header.mean.name, kernel, mean, process };
}

export function meanJson(name: MeanName, mean: Mean, inputs: number): MeanJson {
  const value = mean.at(matrix(1, inputs)).data[0]!;
  return { name, value, weight: Array.from(mean.parameters.weight?.value ?? []) };
}

export function meanFrom({ name, value, weight }: MeanJson, inputs: number): Mean {
  if (name === "zero") return zeroMean(inputs);
  if (name === "constant") return constantMean(inputs, [value]);
  if (name === "linear") return affine(matrix(1, inputs, Float64Array.from(weight)), Float64Array.of(value));
  throw new FormatError(`its mean "${name}" is not zero, constant or linear`);
}
