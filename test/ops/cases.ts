/** The one list of op cases: tests run every case on every kernel row, benches take their smallest shapes from it. */
import { augmentCases } from './augment.js';

import { batchNormCases } from './batchNorm.js';
import { binaryCases } from './binary.js';
import type { Case } from './case.js';
import { convCases } from './conv.js';
import { convWeightGradCases } from './convWeightGrad.js';
import { dropoutCases } from './dropout.js';
import { elementwiseCases } from './elementwise.js';
import { fusedCases } from './fused.js';
import { gemmCases } from './gemm.js';
import { integerCases } from './integer.js';
import { layoutCases } from './layout.js';
import { lossCases } from './loss.js';
import { lowbitCases } from './lowbit.js';
import { normCases } from './norm.js';
import { optimizerCases } from './optimizer.js';
import { poolCases } from './pool.js';
import { qconvCases } from './qconv.js';
import { qgemmCases } from './qgemm.js';
import { quantizeCases } from './quantize.js';
import { rangeCases } from './range.js';
import { reduceCases } from './reduce.js';
import { slbCases } from './slb.js';

export const cases: Record<string, Case[]> = {
  ...elementwiseCases,
  ...fusedCases,
  ...reduceCases,
  ...layoutCases,
  ...gemmCases,
  ...convCases,
  ...convWeightGradCases,
  ...poolCases,
  ...normCases,
  ...batchNormCases,
  ...optimizerCases,
  ...slbCases,
  ...lossCases,
  ...dropoutCases,
  ...quantizeCases,
  ...rangeCases,
  ...qgemmCases,
  ...qconvCases,
  ...integerCases,
  ...lowbitCases,
  ...binaryCases,
  ...augmentCases,
};
