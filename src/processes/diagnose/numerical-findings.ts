import { digits } from "../fit/report.ts";
import type { Finding } from "./finding.ts";
import { distance, nearestPair } from "./nearest-pair.ts";
import type { Patient } from "./patient.ts";

// Sixteen digits less the condition's are left of a solve: fewer than four are called ill.
export const illCondition = 1e12;

/** How many digits the algebra of the fit leaves. */
export function numericalFindings({ x, spread, health }: Patient): Finding[] {
  const { condition, jitter } = health;
  if (!(condition > illCondition || jitter > 0)) return [];
  const left = Math.max(0, Math.floor(15.95 - Math.log10(condition)));
  const pair = nearestPair(x);
  const close = pair
    ? `; rows ${pair[0] + 1} and ${pair[1] + 1} are the nearest, ${digits(distance(x, ...pair))} apart`
    : "";
  const added = jitter > 0 ? `, after ${digits(jitter)} was added to its diagonal to factor it at all` : "";
  return [
    {
      kind: "ill-conditioned",
      text: `the covariance has a condition of about ${condition.toExponential(0)}${added}: about ${left} digits are left of predictions${close}`,
      numbers: { condition, jitter, digits: left },
      ...(pair && { rows: pair }),
      advice: "give the noise a floor of a thousandth of the targets' sd",
      remedy: { options: { noiseVariance: { floor: 1e-6 * spread } } },
    },
  ];
}
