import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { deepStack, fitDeep } from "../../src/deep/index.ts";
import { useEngine, wasm } from "../../src/engine/index.ts";
import { columnVector, matrix } from "../../src/linalg/index.ts";
import { useNative } from "../../src/native/index.ts";
import type { Reply, Request } from "../deep.ts";

// The counterpart of bench/peers/deep.py: a request a line in, a reply a line out.

const points = (rows: number[][]) => matrix(rows.length, rows[0]!.length, Float64Array.from(rows.flat()));

function answer(request: Request): Reply {
  if (request.hand === "native") useNative();
  else useEngine(wasm);
  const { x, y, testX, testY } = JSON.parse(readFileSync(request.data, "utf8"));
  const { layers, steps, batch, samples, learningRate, draws, seed } = request;
  const data = { x: points(x), y: columnVector(y) };
  const task = fitDeep(deepStack(data.x.cols, { layers }), data, {
    inducing: request.inducing[0]!.length,
    batchSize: batch,
    stopWhenStalled: false,
    noise: "constant",
    steps,
    samples,
    learningRate,
    // As the other side's: the same at every step.
    schedule: () => 1,
    seed,
  });
  const times: number[] = [];
  for (;;) {
    const start = performance.now();
    const step = task.next();
    if (!step.done) {
      times.push(performance.now() - start);
      continue;
    }
    const at = step.value.process.observed(points(testX), draws);
    const truth = columnVector(testY);
    const squares = at.mean.data.reduce((sum, m, i) => sum + (m - truth.data[i]!) ** 2, 0);
    const logDensity = at.logDensities(truth).data.reduce((a, b) => a + b) / truth.rows;
    const ms = times.toSorted((a, b) => a - b)[times.length >> 1]!;
    return { ms, rmse: Math.sqrt(squares / truth.rows), logDensity };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(answer(JSON.parse(line))));
}
process.exit(0);
