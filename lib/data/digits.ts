/** A generated set of handwritten-looking digits: nothing to download, the same on every machine. */
import { checkOptions, fail } from '../error.js';
import { type Dataset, dataset, type Source } from './dataset.js';
import { glyphs, type Point, type Stroke } from './glyphs.js';

export interface DigitsOptions {
  /** How many samples, default 1000. The labels are 0, 1, ... 9, 0, ... */
  count?: number;
  /** Another seed is another set. Default 1. */
  seed?: number;
  /** Pixels of a side, default 28. */
  size?: number;
}

/**
 * Digits with random slant, size, place, pen and noise, values 0..1, shape [1, size, size]. Sample i depends on the seed and i alone.
 * @throws LowbitError 'option' for a count below 1, a size outside 8..256 or a seed that is not a whole number
 */
export function digits(options: DigitsOptions = {}): Dataset {
  checkOptions('digits', options, ['count', 'seed', 'size']);
  return dataset(digitsSource(options));
}

export function digitsSource({ count = 1000, seed = 1, size = 28 }: DigitsOptions): Source {
  check('count', count, 1, 2 ** 31);
  check('seed', seed, 0, 2 ** 32 - 1);
  check('size', size, 8, 256);
  const area = size * size;
  const read = (first: number, number: number) => {
    const data = new Float32Array(number * area);
    for (let n = 0; n < number; n++) draw(first + n, seed, size, data.subarray(n * area, (n + 1) * area));
    return { data, labels: Int32Array.from({ length: number }, (_, n) => (first + n) % 10) };
  };
  return { description: `digits:${count}`, length: count, hasLabels: true, shape: [1, size, size], read };
}

function check(option: string, came: number, low: number, high: number): void {
  if (Number.isInteger(came) && came >= low && came <= high) return;
  fail({ code: 'option', where: 'digits', option, came, expected: `a whole number from ${low} to ${high}` });
}

function draw(sample: number, seed: number, size: number, out: Float32Array): void {
  const random = numbersFor(seed, sample);
  const variants = glyphs[sample % 10];
  const glyph = variants[Math.floor(random(0, variants.length))];
  const place = placement(random, size);
  const lines = glyph.map((stroke) => polyline(wobbled(stroke, random)).map(place));
  const half = (random(0.7, 1.7) * size) / 28; // half the width of the pen
  const ink = random(0.75, 1);
  const noise = random(0, 0.12);
  for (let i = 0; i < size * size; i++) {
    const distance = nearest(lines, (i % size) + 0.5, Math.floor(i / size) + 0.5);
    const covered = Math.min(1, Math.max(0, half + 0.5 - distance)); // of the pixel, nearly: its edge is one pixel wide
    out[i] = Math.min(1, Math.max(0, covered * ink + noise * random(-1, 1)));
  }
}

type Random = (low: number, high: number) => number;

// The n-th number of a sample is a hash of (seed, sample, n): no state that runs from sample to sample.
function numbersFor(seed: number, sample: number): Random {
  const base = mixed(mixed(seed) ^ sample);
  let n = 0;
  return (low, high) => low + ((high - low) * mixed(base + Math.imul(++n, 0x9e3779b9))) / 2 ** 32;
}

// A bijection of 32 bits that changes about half of them for each bit of the input: multiply and xor-shift, twice.
function mixed(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** From the glyph's 0..10 to pixels: scaled, slanted, turned and moved. */
function placement(random: Random, size: number): (point: Point) => Point {
  const width = (size / 10) * random(0.46, 0.68);
  const height = (size / 10) * random(0.56, 0.7);
  const slant = random(-0.2, 0.3);
  const angle = random(-0.2, 0.2);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [left, top] = [0.5 + random(-0.05, 0.05), 0.5 + random(-0.05, 0.05)].map((middle) => middle * size);
  return ([x, y]) => {
    const v = (y - 5) * height;
    const u = (x - 5) * width - slant * v;
    return [left + cos * u - sin * v, top + sin * u + cos * v];
  };
}

function wobbled({ smooth, points }: Stroke, random: Random): Stroke {
  return { smooth, points: points.map(([x, y]) => [x + random(-0.35, 0.35), y + random(-0.35, 0.35)]) };
}

/** The stroke as straight pieces. A smooth one becomes a Catmull-Rom spline: through every point, along the line between its neighbours. */
function polyline({ smooth, points }: Stroke): Point[] {
  if (!smooth) return [...points];
  const pieces = 5;
  const at = (i: number) => points[Math.min(points.length - 1, Math.max(0, i))];
  const out: Point[] = [points[0]];
  for (let i = 0; i + 1 < points.length; i++) {
    for (let k = 1; k <= pieces; k++) {
      const along = (axis: 0 | 1) => spline(at(i - 1)[axis], at(i)[axis], at(i + 1)[axis], at(i + 2)[axis], k / pieces);
      out.push([along(0), along(1)]);
    }
  }
  return out;
}

// b at t = 0, c at t = 1
const spline = (a: number, b: number, c: number, d: number, t: number) =>
  b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));

function nearest(lines: readonly (readonly Point[])[], x: number, y: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (const line of lines) {
    for (let i = 0; i + 1 < line.length; i++) least = Math.min(least, distanceSquared(line[i], line[i + 1], x, y));
  }
  return Math.sqrt(least);
}

function distanceSquared([ax, ay]: Point, [bx, by]: Point, x: number, y: number): number {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const t = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / length));
  return (x - ax - t * dx) ** 2 + (y - ay - t * dy) ** 2;
}
