/** The values that a low-bit weight may take, and the whole numbers that stand for them. */

/**
 * "uniform": 2^b equally spaced values from −1 to 1, the published grid, which has no 0. "zero": 2^b − 1 of them, 0 in the middle.
 */
export type { Grid } from '../../ops/lowbit.js';

import type { Grid } from '../../ops/lowbit.js';

export const weightBits = [1, 2, 3, 4] as const;
export type WeightBits = (typeof weightBits)[number];

/** The level of a code, a small whole number; value = level / `largestLevel`. */
export const levelOf = (code: number, bits: number, grid: Grid): number =>
  grid === 'uniform' ? 2 * code - (2 ** bits - 1) : code - 2 ** (bits - 1);

/** The level of the value 1. */
export const largestLevel = (bits: number, grid: Grid): number => (grid === 'uniform' ? 2 ** bits - 1 : 2 ** (bits - 1) - 1);

/** Levels by code. The lowest one of "zero" has no counterpart above 0: it is a code, and never chosen. */
export const levelsOf = (bits: number, grid: Grid): number[] => Array.from({ length: 2 ** bits }, (_, code) => levelOf(code, bits, grid));

/** Values by code. */
export const valuesOf = (bits: number, grid: Grid): number[] => levelsOf(bits, grid).map((level) => level / largestLevel(bits, grid));

/** Whether a search may choose the code. */
export const isChoice = (code: number, grid: Grid): boolean => grid === 'uniform' || code > 0;
