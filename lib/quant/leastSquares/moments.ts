/** What rows of a layer say about errors of its weights: covariances of what it reads, and of that with what its outputs lack. */
import { gemm, gemmWeightGrad, sub } from '../../ops/index.js';
import { scope, Tensor } from '../../tensor.js';

/** One group of a layer, as a product of rows. */
export interface GroupProduct {
  /** What the group reads in the quantized network, (rows, k). */
  inputs: Float32Array;
  /** What its outputs are in the float network, before any clamp, (rows, out). */
  wanted: Float32Array;
  /** (out, k). */
  weight: Float32Array;
  bias: Float32Array;
}

export interface Moments {
  /** Covariance of the inputs, (k, k). */
  s: Float64Array;
  /** Covariance of what the outputs lack, wanted − (w·x̂ + b), with the inputs, (out, k). */
  d: Float64Array;
}

/** Of all rows, of those to learn from, and of those to judge with. */
export interface SplitMoments {
  all: Moments;
  learned: Moments;
  held: Moments;
}

/** Sums over some rows of x·xᵀ, r·xᵀ, x and r. */
interface Sums {
  count: number;
  xx: Float64Array;
  rx: Float64Array;
  x: Float64Array;
  r: Float64Array;
}

/** @param isHeld of each row, whether it is kept back to judge with */
export function momentsOf(group: GroupProduct, isHeld: readonly boolean[]): SplitMoments {
  const [rows, outputs] = [isHeld.length, group.bias.length];
  const size = group.weight.length / outputs;
  // Counted from means, sums of squares in float32 keep their digits.
  const x = centred(group.inputs, size);
  const r = centred(lacking(group, rows, size), outputs);
  const [learned, held] = [false, true].map((side) => {
    const chosen = Int32Array.from(isHeld.keys()).filter((row) => isHeld[row] === side);
    return sumsOf(rowsOf(x, chosen, size), rowsOf(r, chosen, outputs), chosen.length);
  });
  return { all: covariance(total(learned, held)), learned: covariance(learned), held: covariance(held) };
}

function lacking({ inputs, wanted, weight, bias }: GroupProduct, rows: number, size: number): Float32Array {
  return scope(() => {
    const given = gemm(Tensor.from(inputs, [rows, size]), Tensor.from(weight, [bias.length, size]), Tensor.from(bias));
    return sub(Tensor.from(wanted, [rows, bias.length]), given).data() as Float32Array;
  });
}

function sumsOf(x: Float32Array, r: Float32Array, count: number): Sums {
  const [size, outputs] = [x, r].map((values) => (count ? values.length / count : 0));
  const product = (a: Tensor, b: Tensor) => Float64Array.from(gemmWeightGrad(a, b).data() as Float32Array);
  return scope(() => {
    const [xs, rs] = [Tensor.from(x, [count, size]), Tensor.from(r, [count, outputs])];
    return { count, xx: product(xs, xs), rx: product(rs, xs), x: columnSums(x, size), r: columnSums(r, outputs) };
  });
}

function total(a: Sums, b: Sums): Sums {
  if (!b.count) return a;
  const sum = (name: 'xx' | 'rx' | 'x' | 'r') => a[name].map((value, i) => value + b[name][i]);
  return { count: a.count + b.count, xx: sum('xx'), rx: sum('rx'), x: sum('x'), r: sum('r') };
}

function covariance({ count, xx, rx, x, r }: Sums): Moments {
  const size = x.length;
  const less = (products: Float64Array, sums: Float64Array) =>
    products.map((value, i) => (value - (sums[Math.floor(i / size)] * x[i % size]) / count) / count);
  return { s: less(xx, x), d: less(rx, r) };
}

function centred(values: Float32Array, width: number): Float32Array {
  const rows = values.length / width;
  const means = columnSums(values, width).map((sum) => sum / rows);
  return values.map((value, i) => value - means[i % width]);
}

function columnSums(values: Float32Array, width: number): Float64Array {
  const sums = new Float64Array(width);
  for (let i = 0, c = 0; i < values.length; i++, c = c + 1 === width ? 0 : c + 1) sums[c] += values[i];
  return sums;
}

function rowsOf(values: Float32Array, chosen: Int32Array, width: number): Float32Array {
  const out = new Float32Array(chosen.length * width);
  for (const [place, row] of chosen.entries()) out.set(values.subarray(row * width, (row + 1) * width), place * width);
  return out;
}
