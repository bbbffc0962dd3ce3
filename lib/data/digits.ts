/** A generated set of handwritten-looking digits: nothing to download, the same on every machine. */
import { checkOptions, fail } from '../error.js';
import { streamOf, uniform, words } from '../random.js';
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
  const draw = (sample: number) => drawn(sample, seed, size);
  const kept: Uint8Array[] = []; // by sample; large sets are drawn anew each time
  const images = count * size * size <= mostKept ? (sample: number) => (kept[sample] ??= draw(sample)) : draw;
  return {
    description: `digits:${count}`,
    length: count,
    hasLabels: true,
    shape: [1, size, size],
    dtype: 'float32',
    levels: Float32Array.from({ length: 256 }, (_, level) => level / 255),
    gather: (numbers) => {
      const values = new Uint8Array(numbers.length * size * size);
      for (const [i, sample] of numbers.entries()) values.set(images(sample), i * size * size);
      return { values, labels: Int32Array.from(numbers, (sample) => sample % 10) };
    },
  };
}

const mostKept = 2 ** 26; // bytes: 85,000 samples of the usual size

function check(option: string, came: number, low: number, high: number): void {
  if (Number.isInteger(came) && came >= low && came <= high) return;
  fail({ code: 'option', where: 'digits', option, came, expected: `a whole number from ${low} to ${high}` });
}

function drawn(sample: number, seed: number, size: number): Uint8Array {
  const random = numbersFor(seed, sample);
  const variants = glyphs[sample % 10];
  const glyph = variants[Math.floor(random(0, variants.length))];
  const turn = turned(random, size);
  const half = (random(0.6, 1.8) * size) / 28; // half the width of the pen
  const lines = placed(
    glyph.map((stroke) => polyline(wobbled(stroke, random)).map(turn)),
    half,
    random,
    size,
  );
  const ink = 255 * random(0.6, 1);
  const noise = 255 * random(0, 0.25);
  const grain = words(seed, streamOf('digits', sample), size * size, drawingWords);
  const distance = distances(lines, size, half + 0.5);
  const out = new Uint8Array(size * size);
  for (let i = 0; i < out.length; i++) {
    const covered = Math.min(1, half + 0.5 - distance[i]); // of the pixel, nearly: its edge is one pixel wide
    out[i] = Math.min(255, Math.max(0, Math.round(covered * ink + noise * (grain[i] / 2 ** 31 - 1))));
  }
  return out;
}

type Random = (low: number, high: number) => number;

// The drawing of a sample takes at most so many words of its stream; those of the noise follow.
const drawingWords = 128;

/** The numbers of a sample's own stream, one after the other: samples of different seeds or numbers share none. */
function numbersFor(seed: number, sample: number): Random {
  const numbers = uniform(seed, streamOf('digits', sample), drawingWords);
  let next = 0;
  return (low, high) => low + (high - low) * numbers[next++];
}

/** From the glyph's 0..10 to pixels around 0: scaled, slanted and turned. */
function turned(random: Random, size: number): (point: Point) => Point {
  const width = (size / 10) * random(0.44, 0.7);
  const height = (size / 10) * random(0.54, 0.72);
  const slant = random(-0.25, 0.35);
  const angle = random(-0.24, 0.24);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return ([x, y]) => {
    const v = (y - 5) * height;
    const u = (x - 5) * width - slant * v;
    return [cos * u - sin * v, sin * u + cos * v];
  };
}

/** The lines moved to where the pen stays inside the image, up to `most` of its side from the middle. */
function placed(lines: readonly Point[][], half: number, random: Random, size: number): Point[][] {
  const most = 0.06;
  const move = [0, 1].map((axis) => {
    const along = lines.flatMap((line) => line.map((point) => point[axis]));
    const low = Math.max((0.5 - most) * size, half + 1.5 - Math.min(...along));
    const high = Math.min((0.5 + most) * size, size - half - 1.5 - Math.max(...along));
    return low < high ? random(low, high) : random((low + high) / 2, (low + high) / 2);
  });
  return lines.map((line) => line.map(([x, y]) => [x + move[0], y + move[1]]));
}

function wobbled({ smooth, points }: Stroke, random: Random): Stroke {
  return { smooth, points: points.map(([x, y]) => [x + random(-0.4, 0.4), y + random(-0.4, 0.4)]) };
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

/** How far the centre of each pixel is from the nearest line, at most `reach`. */
function distances(lines: readonly (readonly Point[])[], size: number, reach: number): Float64Array {
  const squared = new Float64Array(size * size).fill(reach * reach);
  for (const line of lines) {
    for (let i = 0; i + 1 < line.length; i++) approach(squared, size, reach, line[i], line[i + 1]);
  }
  for (let i = 0; i < squared.length; i++) squared[i] = Math.sqrt(squared[i]);
  return squared;
}

/** Lowers the squared distances to those from the piece of a line from a to b, where that is within reach. */
function approach(squared: Float64Array, size: number, reach: number, [ax, ay]: Point, [bx, by]: Point): void {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy || 1;
  const first = (a: number, b: number) => Math.max(0, Math.floor(Math.min(a, b) - reach));
  const last = (a: number, b: number) => Math.min(size - 1, Math.ceil(Math.max(a, b) + reach));
  const [left, right, bottom] = [first(ax, bx), last(ax, bx), last(ay, by)];
  for (let row = first(ay, by); row <= bottom; row++) {
    const y = row + 0.5 - ay;
    for (let column = left; column <= right; column++) {
      const x = column + 0.5 - ax;
      const t = Math.min(1, Math.max(0, (x * dx + y * dy) / length));
      const distance = (x - t * dx) * (x - t * dx) + (y - t * dy) * (y - t * dy);
      if (distance < squared[row * size + column]) squared[row * size + column] = distance;
    }
  }
}
