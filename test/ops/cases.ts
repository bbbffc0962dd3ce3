/** The one list of op cases: tests run every case on every kernel row, benches take their smallest shapes from it. */
import type { Case } from './case.js';
import { elementwiseCases } from './elementwise.js';
import { layoutCases } from './layout.js';
import { reduceCases } from './reduce.js';

export const cases: Record<string, Case[]> = { ...elementwiseCases, ...layoutCases, ...reduceCases };
