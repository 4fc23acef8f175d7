import type { Block, KernelMap, KernelPullback, KernelSlopes, Points, SymmetricBar } from "./engine.ts";

/** f(s), f′(s) and ∂f/∂α of a kernel map, as its definition says. */
function evaluate(map: KernelMap, s: number): { f: number; slope: number; alpha: number } {
  switch (map.name) {
    case "squaredDistance":
      return { f: s, slope: 1, alpha: 0 };
    case "rbf": {
      const f = Math.exp(-s / 2);
      return { f, slope: -f / 2, alpha: 0 };
    }
    case "matern12": {
      const f = Math.exp(-Math.sqrt(s));
      return { f, slope: s === 0 ? 0 : -f / (2 * Math.sqrt(s)), alpha: 0 };
    }
    case "matern32": {
      const a = Math.sqrt(3 * s);
      return { f: (1 + a) * Math.exp(-a), slope: -1.5 * Math.exp(-a), alpha: 0 };
    }
    case "matern52": {
      const a = Math.sqrt(5 * s);
      const e = Math.exp(-a);
      return { f: (1 + a + (a * a) / 3) * e, slope: (-5 / 6) * (1 + a) * e, alpha: 0 };
    }
    case "rationalQuadratic": {
      const u = s / (2 * map.alpha);
      const f = Math.exp(-map.alpha * Math.log1p(u));
      return { f, slope: (-0.5 * f) / (1 + u), alpha: f * (u / (1 + u) - Math.log1p(u)) };
    }
  }
}

function coordinate(points: Points, i: number, p: number): number {
  return points.data[points.offset + i * points.stride + p]!;
}

function squaredDistance(x: Points, i: number, z: Points, j: number): number {
  let s = 0;
  for (let p = 0; p < x.dims; p++) s += (coordinate(x, i, p) - coordinate(z, j, p)) ** 2;
  return s;
}

export const referenceKernels = {
  arcCosine(
    rows: number,
    cols: number,
    k: Block,
    rowVariances: Float64Array,
    colVariances: Float64Array,
    slopes: Block,
  ): void {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < cols; j++) {
        const at = k.offset + i * k.stride + j;
        const scale = Math.sqrt(rowVariances[i]! * colVariances[j]!);
        const c = scale === 0 ? 0 : Math.max(-1, Math.min(1, k.data[at]! / scale));
        const angle = Math.PI - Math.acos(c);
        slopes.data[slopes.offset + i * slopes.stride + j] = angle / (2 * Math.PI);
        k.data[at] = (scale * (Math.sqrt((1 - c) * (1 + c)) + angle * c)) / (2 * Math.PI);
      }
    }
  },

  kernelMatrix(
    map: KernelMap,
    amplitude: number,
    x: Points,
    z: Points | undefined,
    k: Block,
    part: "full" | "lower" = "full",
  ) {
    const other = z ?? x;
    for (let i = 0; i < x.count; i++) {
      const end = part === "lower" && !z ? i + 1 : other.count;
      for (let j = 0; j < end; j++) {
        k.data[k.offset + i * k.stride + j] = amplitude * evaluate(map, squaredDistance(x, i, other, j)).f;
      }
    }
  },

  kernelMultiply(
    map: KernelMap,
    amplitude: number,
    x: Points,
    z: Points | undefined,
    columns: number,
    v: Block,
    out: Block,
  ) {
    const other = z ?? x;
    for (let i = 0; i < x.count; i++) {
      const row = new Float64Array(columns);
      for (let j = 0; j < other.count; j++) {
        const { f } = evaluate(map, squaredDistance(x, i, other, j));
        for (let c = 0; c < columns; c++) row[c]! += f * v.data[v.offset + j * v.stride + c]!;
      }
      for (let c = 0; c < columns; c++) out.data[out.offset + i * out.stride + c] = amplitude * row[c]!;
    }
  },

  kernelPullback(
    map: KernelMap,
    amplitude: number,
    x: Points,
    z: Points | undefined,
    bar: Block,
  ): KernelPullback {
    const other = z ?? x;
    const d = x.dims;
    const toX = new Float64Array(x.count * d);
    const toZ = z ? new Float64Array(z.count * d) : toX;
    const scales = new Float64Array(d);
    let byAmplitude = 0;
    let byAlpha = 0;
    for (let i = 0; i < x.count; i++) {
      for (let j = 0; j < other.count; j++) {
        const [row, col] = z || j <= i ? [i, j] : [j, i];
        const weight = bar.data[bar.offset + row * bar.stride + col]!;
        const { f, slope, alpha } = evaluate(map, squaredDistance(x, i, other, j));
        byAmplitude += weight * f;
        byAlpha += weight * amplitude * alpha;
        for (let p = 0; p < d; p++) {
          const difference = coordinate(x, i, p) - coordinate(other, j, p);
          const pull = weight * amplitude * slope * difference;
          toX[i * d + p]! += 2 * pull;
          toZ[j * d + p]! -= 2 * pull;
          scales[p]! += pull * difference;
        }
      }
    }
    return { amplitude: byAmplitude, alpha: byAlpha, scales, x: toX, z: z ? toZ : undefined };
  },

  kernelSlopes(map: KernelMap, amplitude: number, x: Points, bar: SymmetricBar): KernelSlopes {
    const whole = new Float64Array(x.count ** 2);
    for (let i = 0, k = 0; i < x.count; i++) {
      for (let j = 0; j < x.count; j++, k++) {
        const stored = bar.data[bar.offset + Math.max(i, j) * bar.stride + Math.min(i, j)]!;
        whole[k] = bar.scale * (stored - (bar.vector ? bar.vector[i]! * bar.vector[j]! : 0));
      }
    }
    const block = { data: whole, offset: 0, stride: x.count };
    const {
      amplitude: size,
      alpha,
      scales,
    } = referenceKernels.kernelPullback(map, amplitude, x, undefined, block);
    return { amplitude: size, alpha, scales };
  },
};
