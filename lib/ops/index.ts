/** Every op, by the name it has in the op table. */
import type { AnyOp } from '../op.js';
import * as elementwise from './elementwise.js';
import * as integer from './integer.js';
import * as qconv from './qconv.js';
import * as qgemm from './qgemm.js';
import * as quantize from './quantize.js';

export * from './elementwise.js';
export * from './integer.js';
export * from './qconv.js';
export * from './qgemm.js';
export * from './quantize.js';

const families = [elementwise, quantize, qgemm, qconv, integer];

const isOp = (value: unknown): value is AnyOp => typeof value === 'function' && 'infer' in value;

/** All ops by name. */
export const allOps: ReadonlyMap<string, AnyOp> = new Map(
  families.flatMap((family) => Object.values(family).filter(isOp)).map((op) => [op.name, op]),
);
