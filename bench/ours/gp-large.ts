import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { useEngine, wasm } from "../../src/engine/index.ts";
import { rbf } from "../../src/kernels/index.ts";
import { type Matrix, matrix } from "../../src/linalg/index.ts";
import { useNative } from "../../src/native/index.ts";
import { constantMean, fitIteratively, fitSparse, fitVariational } from "../../src/processes/index.ts";
import type { Task } from "../../src/tasks/index.ts";
import type { Reply, Request } from "../gp-large.ts";

// The counterpart of bench/peers/gp_large.py: a request a line in, a reply a line out.

interface Scored {
  readonly logEvidence: number;
  readonly mean: Matrix;
  /** log p(y) of each test row. */
  readonly densities: ArrayLike<number>;
}

function answer(request: Request): Reply {
  if (request.hand === "native") useNative();
  else useEngine(wasm);
  const { rows, tested, columns, start, method } = request;
  const { buffer, byteOffset } = readFileSync(request.data);
  // A small file's buffer is part of a pool: its place may not be one of doubles.
  const bytes = buffer.slice(byteOffset);
  let at = 0;
  const part = (height: number, width: number) => {
    const values = new Float64Array(bytes, at, height * width);
    at += values.byteLength;
    return matrix(height, width, values);
  };
  const data = { x: part(rows, columns), y: part(rows, 1) };
  const test = { x: part(tested, columns), y: part(tested, 1) };
  const inducing = part(request.inducing, columns);
  const kernel = rbf({ lengthscale: start.lengthscale, variance: start.variance });
  const mean = constantMean(columns, [start.mean]);
  const noiseVariance = { start: start.noiseVariance };
  const { steps, learningRate, probes, rank, tolerance } = request;
  const begun = { mean, noiseVariance, startRows: 0 };

  const times: number[] = [];
  const driven = <T>(task: Task<T>, stage: string): T => {
    for (;;) {
      const before = performance.now();
      const step = task.next();
      if (step.done) return step.value;
      if (step.value.stage === stage) times.push(performance.now() - before);
    }
  };
  const ways: Readonly<Record<Request["method"], () => Scored>> = {
    sgpr() {
      const { process, logEvidence } = driven(
        fitSparse(kernel, data, { ...begun, inducing, maxIterations: steps }),
        "fit: inducing points",
      );
      const seen = process.observed(test.x);
      return { logEvidence, mean: seen.mean, densities: seen.logDensities(test.y).data };
    },
    svgp() {
      const { batch: batchSize, naturalRate } = request;
      const { process, logEvidence } = driven(
        fitVariational(kernel, data, { ...begun, inducing, steps, learningRate, batchSize, naturalRate }),
        "fit: batches",
      );
      return {
        logEvidence,
        mean: process.at(test.x).mean,
        densities: process.logPredictive(test.x, test.y),
      };
    },
    iterative() {
      const { process, evidence } = driven(
        fitIteratively(kernel, data, {
          ...begun,
          ...{ steps, learningRate, probes, rank, tolerance },
          stepTolerance: tolerance,
        }),
        "fit: all rows",
      );
      const seen = process.observed(test.x);
      return { logEvidence: evidence.value, mean: seen.mean, densities: seen.logDensities(test.y).data };
    },
  };
  const before = performance.now();
  const { logEvidence, mean: means, densities } = ways[method]();
  const totalMs = performance.now() - before;
  const squares = means.data.reduce((sum, m, i) => sum + (m - test.y.data[i]!) ** 2, 0);
  const sum = times.reduce((a, b) => a + b, 0);
  return {
    ms: method === "sgpr" ? sum / times.length : times.toSorted((a, b) => a - b)[times.length >> 1]!,
    totalMs,
    value: logEvidence,
    rmse: Math.sqrt(squares / tested),
    nlpd: -Array.from(densities).reduce((a, b) => a + b, 0) / tested,
    peakMb: process.resourceUsage().maxRSS / 1024,
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(answer(JSON.parse(line))));
}
process.exit(0);
