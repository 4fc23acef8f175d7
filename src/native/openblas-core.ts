import { readFileSync } from "node:fs";

/** Kernels of OpenBLAS (by processor) that use AVX2 and fused multiply-add, or more. */
const MODERN = ["Haswell", "Zen", "Excavator", "SkylakeX", "Cooperlake", "SapphireRapids"];
const AVX512 = ["avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"];

/**
 * The core whose kernels OpenBLAS should use, where it took this processor for a much older one: releases older than
 * the processor know neither its model nor to ask for its instructions, and run several times slower than they could.
 * `taken` is the core it chose and `flags` are the processor's features; undefined where its choice should stand.
 */
export function betterCore(taken: string, flags: readonly string[]): string | undefined {
  const has = (flag: string) => flags.includes(flag);
  if (MODERN.includes(taken) || !has("avx2") || !has("fma")) return undefined;
  return AVX512.every(has) ? "SkylakeX" : "Haswell";
}

/** Features of this machine's x86 processor as Linux lists them; none elsewhere. */
export function processorFlags(): readonly string[] {
  if (process.platform !== "linux" || process.arch !== "x64") return [];
  try {
    return /^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "latin1"))?.[1]?.trim().split(/\s+/) ?? [];
  } catch {
    return [];
  }
}
