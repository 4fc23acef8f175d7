import { FormatError } from "../errors/index.ts";
import { type KernelJson, kernelFromJson, kernelToJson } from "../kernels/index.ts";
import type { Matrix, Tensor } from "../linalg/index.ts";
import {
  gp,
  restoreIterative,
  restoreSparse,
  restoreStateSpace,
  restoreVariational,
} from "../processes/index.ts";
import { runSync } from "../tasks/index.ts";
import { sealed } from "./checksum.ts";
import { type MeanJson, meanFrom, meanJson } from "./gp-model-file.ts";
import type { LargeGpModel } from "./large-gp-model.ts";
import { asMatrix, asTensor } from "./tensors.ts";

/**
 * What the metadata of such a file say. All but variational ones keep their data ("data.x", "data.y",
 * "data.noise"), with the solution "alpha" (iterative) or the "inducing" points (sparse); variational ones the inducing
 * points and q ("precision", "pull") alone.
 */
export interface LargeGpHeader {
  readonly version: 1;
  readonly kind: "large";
  readonly method: LargeGpModel["process"]["method"];
  readonly inputs: readonly string[];
  readonly target: string;
  readonly kernel: KernelJson;
  readonly mean: MeanJson;
  readonly noiseVariance: number;
  /** Of a variational model, in nats. */
  readonly bound?: number;
  /** Of an iterative one: where solves end, and the preconditioner's rank. */
  readonly tolerance?: number;
  readonly rank?: number;
}

export function encodeLargeGpModel(model: LargeGpModel): Uint8Array {
  const { inputs, target, meanName, kernel, mean, noiseVariance, process } = model;
  const header: LargeGpHeader = {
    version: 1,
    kind: "large",
    method: process.method,
    inputs,
    target,
    kernel: kernelToJson(kernel),
    mean: meanJson(meanName, mean, inputs.length),
    noiseVariance,
    ...(process.method === "variational" && { bound: process.logEvidence }),
    ...(process.method === "iterative" && { tolerance: process.report.tolerance, rank: process.report.rank }),
  };
  const tensors = new Map<string, Tensor>();
  const keep = (name: string, a: Matrix) => tensors.set(name, asTensor(a));
  if (process.method === "variational") {
    keep("inducing", process.inducing);
    keep("precision", process.model.latents[0]!.precision);
    keep("pull", process.model.latents[0]!.pull);
  } else {
    keep("data.x", process.data.x);
    keep("data.y", process.data.y);
    tensors.set("data.noise", { shape: [process.data.noise.length], data: process.data.noise });
    if (process.method === "sparse") keep("inducing", process.inducing);
    else if (process.method === "iterative") keep("alpha", process.alpha);
  }
  return sealed(tensors, JSON.stringify(header));
}

/** The model of a file's header and tensors. Throws FormatError when they do not belong together. */
export function largeGpModelFrom(header: LargeGpHeader, tensors: ReadonlyMap<string, Tensor>): LargeGpModel {
  const { inputs, target, noiseVariance, method } = header;
  const d = inputs.length;
  const tensor = (name: string, rows: number | undefined, cols: number): Matrix => {
    const a = asMatrix(tensors, name);
    if (a.cols !== cols || (rows !== undefined && a.rows !== rows)) {
      throw new FormatError(`its "${name}" is ${a.rows} × ${a.cols}; the file was altered`);
    }
    return a;
  };
  const kernel = kernelFromJson(header.kernel);
  const mean = meanFrom(header.mean, d);
  const prior = gp(kernel, { mean, inputs: d });
  const data = () => {
    const x = tensor("data.x", undefined, d);
    const noise = tensors.get("data.noise")?.data;
    if (noise?.length !== x.rows) throw new FormatError("its noise does not fit its data");
    return { x, y: tensor("data.y", x.rows, 1), noise: Float64Array.from(noise) };
  };
  const process = (): LargeGpModel["process"] => {
    if (method === "sparse") {
      return restoreSparse(prior, tensor("inducing", undefined, d), data(), noiseVariance);
    }
    if (method === "state-space") return restoreStateSpace(prior, data(), noiseVariance);
    if (method === "iterative") {
      const seen = data();
      const alpha = tensor("alpha", seen.x.rows, 1);
      const { tolerance, rank } = header;
      const options = { ...(tolerance && { tolerance }), ...(rank !== undefined && { rank }) };
      return runSync(restoreIterative(prior, seen, noiseVariance, options, alpha));
    }
    if (method === "variational") {
      const inducing = tensor("inducing", undefined, d);
      const m = inducing.rows;
      const q = { precision: tensor("precision", m, m), pull: tensor("pull", m, 1) };
      return restoreVariational(prior, inducing, q, noiseVariance, header.bound ?? Number.NaN);
    }
    throw new FormatError(`its method "${method}" is not state-space, iterative, sparse or variational`);
  };
  return {
    kind: "large",
    inputs,
    target,
    meanName: header.mean.name,
    kernel,
    mean,
    noiseVariance,
    process: process(),
  };
}
