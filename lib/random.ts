/**
 * Random numbers that depend on a seed, a stream and a place in it, and on nothing else: there is no generator whose state a run would
 * have to keep, and numbers of different streams never meet. native/core/philox.h gives the same.
 */
import { fail } from './error.js';

export type Words = [number, number, number, number];

/**
 * Philox4x32-10: four uint32 from a key and a counter, each of uint32 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as
 * 1, 2, 3", SC 2011). For one key it is a bijection of the counters.
 */
export function philox([key0, key1]: readonly [number, number], [c0, c1, c2, c3]: Readonly<Words>): Words {
  const out = new Uint32Array(4);
  rounds(key0, key1, c0, c1, c2, c3, out, 0);
  return [out[0], out[1], out[2], out[3]];
}

function rounds(k0: number, k1: number, c0: number, c1: number, c2: number, c3: number, out: Uint32Array, at: number): void {
  for (let round = 0; round < 10; round++) {
    const a = highHalf(0xd2511f53, c0);
    const b = highHalf(0xcd9e8d57, c2);
    const low = Math.imul(0xd2511f53, c0);
    c0 = b ^ c1 ^ k0;
    c1 = Math.imul(0xcd9e8d57, c2);
    c2 = a ^ c3 ^ k1;
    c3 = low;
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  out[at] = c0;
  out[at + 1] = c1;
  out[at + 2] = c2;
  out[at + 3] = c3;
}

/** The upper 32 bits of the product of two uint32: by halves, each partial sum below 2^32. */
function highHalf(a: number, b: number): number {
  const [a0, a1, b0, b1] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const other = a0 * b1 + (middle & 0xffff);
  return a1 * b1 + (middle >>> 16) + (other >>> 16);
}

/** What random numbers are used for; each use has 2^32 streams of its own. */
const uses = ['order', 'augment', 'digits', 'weights', 'dropout', 'rounding'] as const;

/** Stream `number` (an epoch, a sample, a layer) of a use. */
export function streamOf(use: (typeof uses)[number], number = 0): number {
  check('number', number, 2 ** 32 - 1);
  return uses.indexOf(use) * 2 ** 32 + number;
}

/**
 * `count` uint32 of a stream, from its word `first` on. Word i is word i % 4 of philox([seed], [⌊i / 4⌋, stream]), lower halves first.
 * @throws LowbitError 'option' where a number is not whole, below 0 or beyond 2^53
 */
export function words(seed: number, stream: number, count: number, first = 0): Uint32Array {
  for (const [option, value] of Object.entries({ seed, stream, count, first })) check(option, value);
  const [seedHigh, streamHigh] = [Math.floor(seed / 2 ** 32), Math.floor(stream / 2 ** 32)];
  const offset = first % 4;
  const out = new Uint32Array(Math.ceil((offset + count) / 4) * 4);
  for (let at = 0, block = Math.floor(first / 4); at < out.length; at += 4, block++) {
    rounds(seed | 0, seedHigh, block | 0, Math.floor(block / 2 ** 32), stream | 0, streamHigh, out, at);
  }
  return out.subarray(offset, offset + count);
}

/** `count` numbers of [0, 1) in steps of 2^-24, from number `first` of the stream on; each takes one word. */
export function uniform(seed: number, stream: number, count: number, first = 0): Float32Array {
  return Float32Array.from(words(seed, stream, count, first), (word) => (word >>> 8) * 2 ** -24);
}

/**
 * `count` numbers of mean 0 and deviation 1, from number `first` of the stream on. Numbers 2i and 2i + 1 are
 * √(−2·ln u)·cos 2πv and √(−2·ln u)·sin 2πv (Box, Muller 1958) with words 2i and 2i + 1 as u in (0, 1] and v in [0, 1).
 */
export function normal(seed: number, stream: number, count: number, first = 0): Float32Array {
  const odd = first % 2;
  const bits = words(seed, stream, Math.ceil((odd + count) / 2) * 2, first - odd);
  return Float32Array.from({ length: count }, (_, i) => {
    const pair = (i + odd) & ~1;
    const radius = Math.sqrt(-2 * Math.log((bits[pair] + 1) / 2 ** 32));
    const angle = (2 * Math.PI * bits[pair + 1]) / 2 ** 32;
    return radius * ((i + odd) % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
  });
}

/** 0 ... count - 1 in random order, each order as likely as any other: Fisher and Yates, from the back. */
export function permutation(seed: number, stream: number, count: number): Uint32Array {
  check('count', count, 2 ** 32 - 1);
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  const below = bounded(seed, stream, count);
  for (let i = count - 1; i > 0; i--) {
    const j = below(i + 1);
    const kept = order[i];
    order[i] = order[j];
    order[j] = kept;
  }
  return order;
}

/** Draws from 0 ... n - 1, all equally likely: words beyond the last multiple of n are passed over. */
function bounded(seed: number, stream: number, block: number): (n: number) => number {
  let drawn = words(seed, stream, block);
  let next = 0;
  let first = 0;
  return (n) => {
    for (;;) {
      if (next === drawn.length) {
        first += next;
        drawn = words(seed, stream, 64, first);
        next = 0;
      }
      const word = drawn[next++];
      if (word < 2 ** 32 - (2 ** 32 % n)) return word % n;
    }
  };
}

function check(option: string, came: number, most = Number.MAX_SAFE_INTEGER): void {
  if (Number.isSafeInteger(came) && came >= 0 && came <= most) return;
  fail({ code: 'option', where: 'random numbers', option, came, expected: `a whole number from 0 to ${most}` });
}
