/** Every op, by the name it has in the op table. */
import type { AnyOp } from '../op.js';
import * as elementwise from './elementwise.js';
import * as layout from './layout.js';
import * as reduce from './reduce.js';

export * from './elementwise.js';
export * from './layout.js';
export * from './reduce.js';

const families = [elementwise, layout, reduce];

const isOp = (value: unknown): value is AnyOp => typeof value === 'function' && 'infer' in value;

/** All ops by name. */
export const allOps: ReadonlyMap<string, AnyOp> = new Map(
  families.flatMap((family) => Object.values(family).filter(isOp)).map((op) => [op.name, op]),
);
