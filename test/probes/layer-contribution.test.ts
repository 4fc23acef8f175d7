import { describe, expect, it } from "vitest";
import { adapt } from "../../src/adapt/index.ts";
import { cholesky, dot, logDeterminant, type Matrix, matrix, solve } from "../../src/linalg/index.ts";
import { dense, network, tanh } from "../../src/networks/index.ts";
import { layerEvidence } from "../../src/probes/index.ts";
import { tangentKernel } from "../../src/tangent/index.ts";
import { randomMatrix } from "../support/random.ts";

const x = randomMatrix(14, 1, "x");
const y = matrix(
  14,
  1,
  x.data.map((v, i) => Math.sin(2 * v) + 0.1 * Math.cos(40 * i)),
);
const centred = matrix(
  14,
  1,
  y.data.map((v) => v - y.data.reduce((a, b) => a + b, 0) / 14),
);

/** log p(y) for y − mean ~ N(0, s K + σ² I). */
function evidence(k: Matrix, s: number, noise: number): number {
  const covariance = matrix(
    14,
    14,
    k.data.map((v, at) => s * v + (at % 15 === 0 ? noise : 0)),
  );
  const factor = cholesky(covariance);
  const fit = dot(centred.data, solve(factor, centred).data);
  return -0.5 * (fit + logDeterminant(factor) + 14 * Math.log(2 * Math.PI));
}

const powers = (from: number, to: number) =>
  Array.from({ length: 60 }, (_, i) => 10 ** (from + (i * (to - from)) / 59));

describe("layerEvidence", () => {
  it("is the whole's evidence less the largest over all scales of the others and all noises", () => {
    const net = network({ inputShape: [1], layers: [dense(6), tanh(), dense(1)], seed: 2, precision: "f64" });
    const whole = adapt(net, { x, y }, { scales: "layer", mean: "constant" }).logEvidence;
    const shares = tangentKernel(net).shares(x);
    layerEvidence(net, x, y).forEach((found, l) => {
      const other = shares[1 - l]!;
      const tried = powers(-3, 3).flatMap((s) => powers(-5, 1).map((noise) => evidence(other, s, noise)));
      // The grid's steps of a quarter cost up to 0.05 nats of its maximum.
      expect(Math.abs(whole - found.evidence - Math.max(...tried))).toBeLessThan(0.05);
    });
  });

  it("of the only layer is measured against noise alone", () => {
    const net = network({ inputShape: [1], layers: [dense(1)], seed: 2, precision: "f64" });
    const whole = adapt(net, { x, y }, { scales: "layer", mean: "constant" }).logEvidence;
    const nothing = matrix(14, 14);
    const alone = Math.max(...powers(-3, 1).map((noise) => evidence(nothing, 0, noise)));
    const [only] = layerEvidence(net, x, y);
    expect(Math.abs(whole - only!.evidence - alone)).toBeLessThan(0.05);
    expect(only!.varianceShare).toBeCloseTo(1, 12);
  });
});
