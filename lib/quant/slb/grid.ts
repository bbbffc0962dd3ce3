/**
 * The values that a low-bit weight may take: "uniform", 2^b equally spaced values from −1 to 1, the published grid, which has no 0; "zero",
 * 2^b − 1 of them, 0 in the middle. Levels are in lib/ops/lowbit.ts; value = level / `largestLevel`.
 */
import { type Grid, levelsOf } from '../../ops/lowbit.js';

export type { Grid };

export const weightBits = [1, 2, 3, 4] as const;
export type WeightBits = (typeof weightBits)[number];

/** The level of the value 1. */
export const largestLevel = (bits: number, grid: Grid): number => (grid === 'uniform' ? 2 ** bits - 1 : 2 ** (bits - 1) - 1);

/** Values by code. */
export const valuesOf = (bits: number, grid: Grid): number[] => levelsOf(bits, grid).map((level) => level / largestLevel(bits, grid));

/** Whether a search may choose the code: the lowest level of "zero" has no counterpart above 0. */
export const isChoice = (code: number, grid: Grid): boolean => grid === 'uniform' || code > 0;
