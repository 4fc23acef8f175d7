/**
 * Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"):
 * a counter-based generator of two 32-bit words from a key of two words. Integer arithmetic only, so every
 * platform gives the same numbers.
 */
const parity = 0x1bd11bda;
const rotations = [13, 15, 26, 6, 17, 29, 16, 24] as const;

/** Writes the two words for counter (c0, c1) to out[at], out[at + 1]. */
export function threefry(k0: number, k1: number, c0: number, c1: number, out: Uint32Array, at: number): void {
  const k2 = (parity ^ k0 ^ k1) | 0;
  let x0 = (c0 + k0) | 0;
  let x1 = (c1 + k1) | 0;
  for (let round = 0; round < 20; round++) {
    x0 = (x0 + x1) | 0;
    const r = rotations[round & 7]!;
    x1 = (x1 << r) | (x1 >>> (32 - r));
    x1 ^= x0;
    if ((round & 3) === 3) {
      const injection = (round >> 2) + 1;
      const which = injection % 3;
      x0 = (x0 + (which === 0 ? k0 : which === 1 ? k1 : k2)) | 0;
      x1 = (x1 + (which === 0 ? k1 : which === 1 ? k2 : k0) + injection) | 0;
    }
  }
  out[at] = x0;
  out[at + 1] = x1;
}
