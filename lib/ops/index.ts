/** Every op, by the name it has in the op table. */
import type { AnyOp } from '../op.js';
import * as elementwise from './elementwise.js';

export * from './elementwise.js';

const families = [elementwise];

const isOp = (value: unknown): value is AnyOp => typeof value === 'function' && 'infer' in value;

/** All ops by name. */
export const allOps: ReadonlyMap<string, AnyOp> = new Map(
  families.flatMap((family) => Object.values(family).filter(isOp)).map((op) => [op.name, op]),
);
