import type { Block } from "../engine/engine.ts";
import type { SparseMap, WideChain, WidePoints, WideStep } from "../engine/wide.ts";
import type { Checker } from "./check-engine-support.ts";

const U = 2 ** -53;

/** Around tiles (4 to 64 points) and blocks (256). */
const COUNTS: readonly (readonly [n: number, m: number])[] = [
  [0, 2],
  [1, 1],
  [3, 5],
  [17, 66],
  [130, 71],
  [270, 259],
];

/**
 * Chains of infinitely wide layers. The reciprocals of deviations and the chain's own products cost a few units in the
 * last place a step; the angle between points that nearly agree loses half of the digits, as any arc cosine does: the
 * points here are apart, and those of a symmetric matrix meet themselves exactly.
 */
export function checkWide(check: Checker): void {
  for (const [n, m] of COUNTS) {
    for (const chain of [denseChain, imageChain, pooledChain]) {
      // A chain of all pairs of positions is slow in plain loops.
      if (chain !== denseChain && n > 100) continue;
      for (const crossed of [false, true]) checkChain(check, chain, n, crossed ? m : undefined);
    }
  }
}

type Variances = (
  positions: number,
) => Pick<Extract<WideStep, { name: "bend" }>, "rowVariances" | "colVariances">;

/** A chain, given the variances of both sides. */
type Chain = (variances: Variances) => { readonly channels: number; readonly chain: WideChain };

const denseChain: Chain = (variances) => ({
  channels: 7,
  chain: {
    positions: 1,
    full: false,
    steps: [
      { name: "linear", weight: 2, bias: 0.1 },
      { name: "bend", below: 0, above: 1, full: false, ...variances(1) },
      { name: "linear", weight: 1.5, bias: 0 },
      { name: "bend", below: -0.3, above: 1, full: false, ...variances(1) },
      { name: "linear", weight: 1, bias: 0.2 },
    ],
  },
});

const imageChain: Chain = (variances) => ({
  channels: 3,
  chain: {
    positions: 5,
    full: false,
    steps: [
      { name: "mix", map: mapOf(4, (o) => [o, o + 1]) },
      { name: "linear", weight: 2, bias: 0.1 },
      { name: "bend", below: 0, above: 1, full: false, ...variances(4) },
      { name: "mix", map: mapOf(1, () => [0, 1, 2, 3]) },
      { name: "linear", weight: 2, bias: 0.1 },
    ],
  },
});

const pooledChain: Chain = (variances) => ({
  channels: 1,
  chain: {
    positions: 3,
    full: true,
    steps: [
      { name: "linear", weight: 2, bias: 0.1 },
      { name: "bend", below: -1, above: 1, full: true, ...variances(3) },
      // Two mixtures one after the other, then one of the pairs to a diagonal.
      { name: "mix", map: mapOf(9, (o) => (o % 2 ? [o, o - 1] : [o])) },
      { name: "mix", map: mapOf(4, (o) => [o, o + 3, 8]) },
      { name: "mix", map: mapOf(2, (o) => [3 * o]) },
      { name: "linear", weight: 1, bias: 0.1 },
      { name: "bend", below: 0, above: 1, full: false, ...variances(2) },
      { name: "mix", map: mapOf(1, () => [1, 0]) },
    ],
  },
});

function mapOf(outputs: number, sourcesOf: (output: number) => readonly number[]): SparseMap {
  const rows = Array.from({ length: outputs }, (_, o) => sourcesOf(o));
  const offsets = Int32Array.from({ length: outputs + 1 }, (_, o) => rows.slice(0, o).flat().length);
  const sources = Int32Array.from(rows.flat());
  return { outputs, offsets, sources, weights: Float64Array.from(sources, (_, e) => 1 / (2 + (e % 3))) };
}

function checkChain(check: Checker, make: Chain, n: number, m: number | undefined): void {
  const side = (count: number) => {
    const made = new Map<number, Float64Array>();
    return (positions: number): Float64Array => {
      // Some points have no variance at all.
      const values =
        made.get(positions) ??
        Float64Array.from({ length: positions * count }, (_, i) =>
          i % 11 === 10 ? 0 : 8 + 2 * check.random(),
        );
      made.set(positions, values);
      return values;
    };
  };
  const rows = side(n);
  const cols = m === undefined ? rows : side(m);
  const { channels, chain } = make((positions) => ({
    rowVariances: rows(positions),
    colVariances: cols(positions),
  }));
  const pointsOf = (count: number): WidePoints => ({
    count,
    channels,
    data: Float64Array.from({ length: chain.positions * count * channels }, () => check.random()),
  });
  const x = pointsOf(n);
  const z = m === undefined ? undefined : pointsOf(m);
  const width = m ?? n;
  const blank = (): Block => {
    const data = new Float64Array(n * (width + 1) + 1).map(() => 0.5);
    return { data, offset: 1, stride: width + 1 };
  };
  const found = [blank(), blank(), blank()] as const;
  const wanted = [blank(), blank()] as const;
  check.engine.wideKernels(chain, x, z, found[0], found[1]);
  check.engine.wideKernels(chain, x, z, found[2], undefined);
  check.reference.wideKernels(chain, x, z, wanted[0], wanted[1]);
  // Numbers up to some hundreds go through at most eight steps.
  const allowed = () => 4096 * U;
  check.close("wideKernels' NNGP", n, width, found[0], wanted[0], allowed);
  check.close("wideKernels' NTK", n, width, found[1], wanted[1], allowed);
  check.close("wideKernels' NNGP alone", n, width, found[2], wanted[0], allowed);
}
