import type { Block } from "./engine.ts";
import type { SparseMap, WideChain, WidePoints, WideStep } from "./wide.ts";

/** The states of one pair of points. */
interface States {
  readonly nngp: Float64Array;
  readonly ntk: Float64Array;
}

export const referenceWide = {
  wideKernels(
    { positions, full, steps }: WideChain,
    x: WidePoints,
    z: WidePoints | undefined,
    nngp: Block,
    ntk: Block | undefined,
  ): void {
    const other = z ?? x;
    for (let i = 0; i < x.count; i++) {
      for (let j = 0; j < (z ? z.count : i + 1); j++) {
        const start = products(x, i, other, j, positions, full);
        const { nngp: k, ntk: t } = steps.reduce((states, step) => stepped(step, states, x, i, other, j), {
          nngp: start,
          ntk: new Float64Array(start.length),
        } as States);
        for (const [r, c] of z
          ? [[i, j]]
          : [
              [i, j],
              [j, i],
            ]) {
          nngp.data[nngp.offset + r! * nngp.stride + c!] = k[0]!;
          if (ntk) ntk.data[ntk.offset + r! * ntk.stride + c!] = t[0]!;
        }
      }
    }
  },
};

function products(
  x: WidePoints,
  i: number,
  z: WidePoints,
  j: number,
  positions: number,
  full: boolean,
): Float64Array {
  const { channels } = x;
  return Float64Array.from({ length: positions * (full ? positions : 1) }, (_, s) => {
    const p = full ? Math.floor(s / positions) : s;
    const q = full ? s % positions : s;
    let sum = 0;
    for (let c = 0; c < channels; c++) {
      sum += x.data[(p * x.count + i) * channels + c]! * z.data[(q * z.count + j) * channels + c]!;
    }
    return sum / channels;
  });
}

function stepped(
  step: WideStep,
  { nngp, ntk }: States,
  x: WidePoints,
  i: number,
  z: WidePoints,
  j: number,
): States {
  switch (step.name) {
    case "linear": {
      const next = nngp.map((k) => step.weight * k + step.bias);
      return { nngp: next, ntk: ntk.map((t, s) => next[s]! + step.weight * t) };
    }
    case "mix":
      return { nngp: mixed(step.map, nngp), ntk: mixed(step.map, ntk) };
    case "bend": {
      const { below, above, full, rowVariances, colVariances } = step;
      const positions = rowVariances.length / x.count;
      const out = { nngp: nngp.slice(), ntk: ntk.slice() };
      nngp.forEach((given, s) => {
        const [p, q] = full ? [Math.floor(s / positions), s % positions] : [s, s];
        const variance = rowVariances[p * x.count + i]!;
        const scale = Math.sqrt(variance * colVariances[q * z.count + j]!);
        const k = x === z && i === j && p === q ? variance : given;
        const c = scale === 0 ? 0 : Math.max(-1, Math.min(1, k / scale));
        const angle = Math.PI - Math.acos(c);
        const [bend, straight] = [(above - below) ** 2, above * below];
        out.nngp[s] =
          (bend * scale * (Math.sqrt((1 - c) * (1 + c)) + angle * c)) / (2 * Math.PI) + straight * k;
        out.ntk[s]! *= (bend * angle) / (2 * Math.PI) + straight;
      });
      return out;
    }
  }
}

function mixed({ outputs, offsets, sources, weights }: SparseMap, values: Float64Array): Float64Array {
  return Float64Array.from({ length: outputs }, (_, o) => {
    let sum = 0;
    for (let e = offsets[o]!; e < offsets[o + 1]!; e++) sum += weights[e]! * values[sources[e]!]!;
    return sum;
  });
}
