/** The normal distribution, and what is left of its mean behind a clamp. */

const density = (x: number) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

/** Φ(x), the share of a normal distribution below x: 1/2 + φ(x)·(x + x³/3 + x⁵/(3·5) + ...), to 1e-15. */
export function normalShare(x: number): number {
  if (Math.abs(x) > 8) return x > 0 ? 1 : 0;
  let sum = x;
  let term = x;
  for (let i = 3, before = 0; sum !== before; i += 2) {
    before = sum;
    term *= (x * x) / i;
    sum += term;
  }
  return 0.5 + density(x) * sum;
}

/**
 * The mean of min(max(x, low), high) for x of a normal distribution; bounds may be infinite. With a = (low − mean) / deviation and b alike:
 * deviation·(φ(a) − φ(b)) + mean·(Φ(b) − Φ(a)) + low·Φ(a) + high·(1 − Φ(b)).
 * Source: Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, 2019.
 * @param deviation from 0; the |γ| of a batch normalization, whose γ may be negative
 */
export function clippedMean(mean: number, deviation: number, low: number, high: number): number {
  if (deviation === 0) return Math.min(Math.max(mean, low), high);
  const a = (low - mean) / deviation;
  const b = (high - mean) / deviation;
  const outside = (bound: number, share: number) => (share === 0 ? 0 : bound * share);
  const inside = deviation * (density(a) - density(b)) + mean * (normalShare(b) - normalShare(a));
  return inside + outside(low, normalShare(a)) + outside(high, 1 - normalShare(b));
}
