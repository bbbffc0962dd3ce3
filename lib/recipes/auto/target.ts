/** What `autoQuantize` has to reach, and which of two networks is nearer to it. */
import { fail } from '../../error.js';
import type { Score } from '../judge.js';

/** Points of top-1 that may be lost, or decibels of signal to noise that the outputs must have. */
export type Target = { maxDrop: number } | { minSqnr: number };

export interface TargetOptions {
  /** Points of top-1 accuracy that may be lost against the float network, where right answers can be counted. Default 0.5. */
  maxDrop?: number;
  /**
   * Signal to noise that every output must have against the float network's, in decibels: the target instead of `maxDrop`. Default 20 where
   * there are no labels or the first output is not a row of scores.
   */
  minSqnr?: number;
}

/** @throws LowbitError "option" where both are given, or one is no such number */
export function checkTarget({ maxDrop, minSqnr }: TargetOptions): void {
  const refuse = (option: string, came: unknown, expected: string, because?: string) =>
    fail({ code: 'option', where: 'autoQuantize', option, came, expected, because });
  if (maxDrop !== undefined && minSqnr !== undefined) refuse('minSqnr', minSqnr, 'to be left out', 'maxDrop is the target');
  if (maxDrop !== undefined && !(maxDrop >= 0 && maxDrop <= 100)) refuse('maxDrop', maxDrop, 'points from 0 to 100');
  if (minSqnr !== undefined && !Number.isFinite(minSqnr)) refuse('minSqnr', minSqnr, 'a number of decibels');
}

/** @param countsAnswers whether right answers are known */
export function targetOf({ maxDrop = 0.5, minSqnr }: TargetOptions, countsAnswers: boolean): Target {
  if (minSqnr !== undefined) return { minSqnr };
  return countsAnswers ? { maxDrop } : { minSqnr: 20 };
}

/** Is a network as good as asked? */
export function isMet(target: Target, score: Score, float: Score): boolean {
  if ('minSqnr' in target) return score.sqnr >= target.minSqnr;
  const rounding = 1e-9; // 0.915 - 0.91 is more than 0.005
  return 100 * (float.top1! - score.top1!) <= target.maxDrop + rounding;
}

/**
 * Is a more like the float network than b: more right answers, and not by chance, or else less noise?
 *
 * Two forms of one network that give another answer to one sample of twenty differ in right answers by a standard deviation of √(n / 20) without
 * one being better: so much decides nothing, where noise, a sum over all outputs, does.
 */
export function isBetter(a: Score, b: Score, samples: number): boolean {
  const lead = a.top1 === null || b.top1 === null ? 0 : a.top1 - b.top1;
  if (Math.abs(lead) > Math.sqrt(1 / (20 * samples))) return lead > 0;
  return a.sqnr > b.sqnr || (a.sqnr === b.sqnr && lead > 0) || (Number.isNaN(b.sqnr) && !Number.isNaN(a.sqnr));
}
