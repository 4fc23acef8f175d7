import { rbf } from "../../src/kernels/index.ts";
import { rowRange } from "../../src/linalg/index.ts";
import { fitIteratively } from "../../src/processes/index.ts";
import { uci } from "../support/uci.ts";

// The work of kin40k.ts, in a process of its own so that its memory can be told. Rows on the command line cut it short.

export interface Kin40kReply {
  readonly rows: number;
  readonly rmse: number;
  readonly nlpd: number;
  readonly noiseVariance: number;
  readonly residual: number;
  readonly tolerance: number;
  readonly products: number;
  readonly rank: number;
  readonly seconds: { readonly fit: number; readonly predict: number };
  readonly peakMb: number;
  readonly engine: string;
}

const { train, test } = uci("kin40k", 0)!;
const rows = Number(process.argv[2] ?? train.x.rows);
const data = { x: rowRange(train.x, 0, rows), y: rowRange(train.y, 0, rows) };
const begin = performance.now();
const task = fitIteratively(rbf({ ard: train.x.cols }), data, {
  ...{ startRows: 3000, starts: 1 },
  // With the residual four right-hand sides, for which a product takes no longer than for one.
  probes: 3,
  // GPyTorch's own steps end at a residual of 1; its predictions at 0.01.
  ...{ steps: 2, stepTolerance: 0.5, tolerance: 0.01, rank: 1000 },
});
let step = task.next();
for (let at = 0; !step.done; step = task.next()) {
  if (performance.now() - at < 20_000) continue;
  at = performance.now();
  console.error(
    `${((at - begin) / 1000).toFixed(0)} s ${step.value.stage} ${JSON.stringify(step.value.metrics)}`,
  );
}
const { process: posterior, noiseVariance } = step.value;
const fitted = performance.now();
const seen = posterior.observed(test.x);
const { mean } = seen;
const squares = mean.data.reduce((sum, m, i) => sum + (m - test.y.data[i]!) ** 2, 0);
const reply: Kin40kReply = {
  rows,
  rmse: Math.sqrt(squares / mean.rows),
  nlpd: -seen.logDensities(test.y).data.reduce((a, b) => a + b) / mean.rows,
  noiseVariance,
  residual: posterior.report.residual,
  tolerance: posterior.report.tolerance,
  products: posterior.report.iterations,
  rank: posterior.report.rank,
  seconds: { fit: (fitted - begin) / 1000, predict: (performance.now() - fitted) / 1000 },
  peakMb: process.resourceUsage().maxRSS / 1024,
  engine: posterior.report.engine,
};
console.log(JSON.stringify(reply));
process.exit(0);
