/** How far the mean of numbers lies towards the network trained on, before any data; a quarter more or less. */
export const usualShare = 0.25;
const shareDeviation = 0.25;

/**
 * How far towards the network trained on the mean of numbers should lie: the average of 0, ¼ … 1, each weighed by how likely
 * the left-out numbers are about it. Not by evidence: that of a cross-fitted mean is a product of densities given the
 * other folds, which the network's own cannot reach; of ten or twenty numbers no single share is sure to be the best.
 */
export function shareByLeaveOneOut(logDensity: (share: number) => number): number {
  const tried = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const prior = -0.5 * ((share - usualShare) / shareDeviation) ** 2;
    return { share, value: prior + logDensity(share) };
  });
  const top = Math.max(...tried.map(({ value }) => value));
  const weights = tried.map(({ value }) => Math.exp(value - top));
  const whole = weights.reduce((sum, w) => sum + w, 0);
  return tried.reduce((sum, { share }, i) => sum + (share * weights[i]!) / whole, 0);
}
