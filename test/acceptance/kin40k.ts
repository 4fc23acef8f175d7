import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { uci } from "../support/uci.ts";
import { atMost, type Group, reported } from "./check.ts";
import type { Kin40kReply } from "./kin40k-run.ts";

// Wang et al. (2019), exact, 25,600 rows, a Matérn 3/2 kernel of one lengthscale: FACTS.md, section 8, recalled.
const published = 0.099;

/** All 36,000 rows of kin40k by conjugate gradients: parameters from 3,000 rows, two steps on all, one solve of all. */
export const kin40k: Group = {
  title: "kin40k, exact",
  run() {
    if (!uci("kin40k", 0)) return "skipped: ../shared/data/uci is not here";
    const script = fileURLToPath(new URL("kin40k-run.ts", import.meta.url));
    const output = execFileSync(process.execPath, ["--import", "tsx", script], {
      stdio: ["ignore", "pipe", "inherit"],
      encoding: "utf8",
    });
    const found: Kin40kReply = JSON.parse(output);
    const { fit, predict } = found.seconds;
    return [
      atMost(
        `kin40k, ${found.rows} rows, exact by conjugate gradients: RMSE (published ${published})`,
        found.rmse,
        1.03 * published,
        4,
      ),
      atMost("peak memory of the process, fitting and predicting (MB)", found.peakMb, 2048, 0),
      atMost(
        "residual of the solve, relative, largest of 4 right-hand sides",
        found.residual,
        found.tolerance,
        4,
      ),
      reported("NLPD, noise variance", `${found.nlpd.toFixed(3)}, ${found.noiseVariance.toExponential(2)}`),
      reported("products of the solve, rank", `${found.products}, ${found.rank}`),
      reported(
        "seconds to fit, to predict 4,000 rows",
        `${fit.toFixed(0)}, ${predict.toFixed(0)} (${found.engine})`,
      ),
    ];
  },
};
