/** Every op, by the name it has in the op table. */
import type { AnyOp } from '../op.js';
import * as augment from './augment.js';
import * as basic from './basic.js';
import * as batchNorm from './batchNorm.js';
import * as binary from './binary.js';
import * as conv from './conv.js';
import * as dropout from './dropout.js';
import * as elementwise from './elementwise.js';
import * as fused from './fused.js';
import * as gemm from './gemm.js';
import * as indexing from './indexing.js';
import * as integer from './integer.js';
import * as layout from './layout.js';
import * as loss from './loss.js';
import * as lowbit from './lowbit.js';
import * as norm from './norm.js';
import * as optimizer from './optimizer.js';
import * as pool from './pool.js';
import * as qconv from './qconv.js';
import * as qgemm from './qgemm.js';
import * as quantize from './quantize.js';
import * as range from './range.js';
import * as reduce from './reduce.js';
import * as slb from './slb.js';

export * from './augment.js';
export { sumTo } from './basic.js';
export * from './batchNorm.js';
export * from './binary.js';
export * from './conv.js';
export * from './dropout.js';
export * from './elementwise.js';
export { fusedElementwise } from './fused.js';
export * from './gemm.js';
export * from './indexing.js';
export * from './integer.js';
export * from './layout.js';
export * from './loss.js';
export * from './lowbit.js';
export * from './norm.js';
export * from './optimizer.js';
export * from './pool.js';
export * from './qconv.js';
export * from './qgemm.js';
export * from './quantize.js';
export * from './range.js';
export * from './reduce.js';
export * from './slb.js';

const families = [
  basic,
  elementwise,
  fused,
  reduce,
  indexing,
  layout,
  gemm,
  conv,
  pool,
  norm,
  quantize,
  range,
  qgemm,
  qconv,
  integer,
  lowbit,
  binary,
  augment,
  batchNorm,
  optimizer,
  slb,
  loss,
  dropout,
];

const isOp = (value: unknown): value is AnyOp => typeof value === 'function' && 'infer' in value;

/** All ops by name. */
export const allOps: ReadonlyMap<string, AnyOp> = new Map(
  families.flatMap((family) => Object.values(family).filter(isOp)).map((op) => [op.name, op]),
);
