/** The one list of op cases: tests run every case on every kernel row, benches take their smallest shapes from it. */
import type { Case } from './case.js';
import { elementwiseCases } from './elementwise.js';
import { integerCases } from './integer.js';
import { qconvCases } from './qconv.js';
import { qgemmCases } from './qgemm.js';
import { quantizeCases } from './quantize.js';

export const cases: Record<string, Case[]> = { ...elementwiseCases, ...quantizeCases, ...qgemmCases, ...qconvCases, ...integerCases };
