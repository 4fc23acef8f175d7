/** log Γ(x) for x > 0: Stirling's series (Abramowitz & Stegun 6.1.41) after shifting x above 10; within 1e-14. */
export function logGamma(x: number): number {
  let shift = 0;
  let z = x;
  for (; z < 10; z++) shift += Math.log(z);
  const r = 1 / (z * z);
  const series = (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r / 1188)))) / z;
  return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series - shift;
}

/**
 * eˣ E₁(x) for x > 0, the scaled exponential integral: its series below 1 (Abramowitz & Stegun 5.1.11), its
 * continued fraction above (5.1.22, by Lentz's method); within 1e-14.
 */
export function scaledExponentialIntegral(x: number): number {
  if (x < 1) {
    let sum = -0.5772156649015329 - Math.log(x);
    let term = 1;
    for (let n = 1; n < 40; n++) {
      term *= -x / n;
      sum -= term / n;
    }
    return Math.exp(x) * sum;
  }
  let b = x + 1;
  let c = Infinity;
  let d = 1 / b;
  let fraction = d;
  for (let n = 1; n < 500; n++) {
    const a = -n * n;
    b += 2;
    d = 1 / (a * d + b);
    c = b + a / c;
    const change = c * d;
    fraction *= change;
    if (Math.abs(change - 1) < 1e-15) break;
  }
  return fraction;
}
