/**
 * e^(−z) I_j(z), j = 0, …, count − 1, for z ≥ 0: modified Bessel functions by downward recurrence (Miller), normalised by
 * I_0 + 2 Σ_j I_j = e^z (Abramowitz & Stegun 9.6.26 and 9.6.37).
 */
export function scaledBessel(z: number, count: number): Float64Array {
  const out = new Float64Array(count);
  if (z === 0) {
    out[0] = 1;
    return out;
  }
  let [above, here, total] = [0, 1e-300, 0];
  for (let j = count + 30 + Math.ceil(2 * Math.sqrt(40 * z)); j >= 0; j--) {
    if (j < count) out[j] = here;
    total += j === 0 ? here : 2 * here;
    const below = above + (2 * j * here) / z;
    above = here;
    here = below;
    if (here > 1e200) {
      // Far above the first numbers: bring all of them back into range.
      above *= 1e-200;
      here *= 1e-200;
      total *= 1e-200;
      for (let i = j; i < count; i++) out[i]! *= 1e-200;
    }
  }
  return out.map((v) => v / total);
}
