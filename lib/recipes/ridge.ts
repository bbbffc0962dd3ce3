/** Linear readouts in closed form: ridge regression, solved by a Cholesky decomposition in float64. */

export interface Readout {
  /** (outputs, features) */
  weight: Float32Array;
  /** (outputs) */
  bias: Float32Array;
}

/**
 * The W and b with the least Σ ‖W·x + b − y‖² + λ·‖W‖², from (XᵀX + λI)·Wᵀ = XᵀY with the means taken off X and Y.
 * @param x (samples, features)
 * @param labels the class of each sample; y is 1 for it and 0 for the others
 * @param strength λ as a share of the mean of the diagonal of XᵀX, above 0
 */
export function ridge(x: Float32Array, labels: ArrayLike<number>, classes: number, strength: number): Readout {
  const samples = labels.length;
  const features = x.length / samples;
  const mean = meanOf(x, samples, features);
  const gram = new Float64Array(features * features);
  const target = Array.from({ length: classes }, () => new Float64Array(features)); // XᵀY, a row for each class
  const row = new Float64Array(features);
  for (let n = 0; n < samples; n++) {
    for (let i = 0; i < features; i++) row[i] = x[n * features + i] - mean[i];
    addOuter(gram, row);
    for (let i = 0; i < features; i++) target[labels[n]][i] += row[i]; // the mean of Y drops out: X has mean 0
  }
  let trace = 0;
  for (let i = 0; i < features; i++) trace += gram[i * features + i];
  for (let i = 0; i < features; i++) gram[i * features + i] += (strength * trace) / features;
  const factor = cholesky(gram, features);
  const weight = new Float32Array(classes * features);
  const bias = new Float32Array(classes);
  for (let c = 0; c < classes; c++) {
    const w = solve(factor, target[c]);
    weight.set(w, c * features);
    const share = Array.from(labels).filter((label) => label === c).length / samples;
    bias[c] = w.reduce((sum, value, i) => sum - value * mean[i], share);
  }
  return { weight, bias };
}

function meanOf(x: Float32Array, samples: number, features: number): Float64Array {
  const mean = new Float64Array(features);
  for (let n = 0; n < samples; n++) for (let i = 0; i < features; i++) mean[i] += x[n * features + i] / samples;
  return mean;
}

// The lower triangle of gram + row·rowᵀ.
function addOuter(gram: Float64Array, row: Float64Array): void {
  const size = row.length;
  for (let i = 0; i < size; i++) {
    const a = row[i];
    if (a === 0) continue;
    for (let j = 0; j <= i; j++) gram[i * size + j] += a * row[j];
  }
}

/** L with L·Lᵀ = a, both as lower triangles of a positive definite matrix; in place. */
function cholesky(a: Float64Array, size: number): Float64Array {
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i * size + j];
      for (let k = 0; k < j; k++) sum -= a[i * size + k] * a[j * size + k];
      a[i * size + j] = i === j ? Math.sqrt(sum) : sum / a[j * size + j];
    }
  }
  return a;
}

/** x with L·Lᵀ·x = b. */
function solve(lower: Float64Array, b: Float64Array): Float64Array {
  const size = b.length;
  const x = Float64Array.from(b);
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < i; k++) x[i] -= lower[i * size + k] * x[k];
    x[i] /= lower[i * size + i];
  }
  for (let i = size - 1; i >= 0; i--) {
    for (let k = i + 1; k < size; k++) x[i] -= lower[k * size + i] * x[k];
    x[i] /= lower[i * size + i];
  }
  return x;
}
