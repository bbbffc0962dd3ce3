/** All operators of the format that can be read or written. */
import type { AnyOp } from '../../op.js';
import type { ImportNode } from '../importNode.js';
import type { Operator } from '../operator.js';
import { convolutions } from './conv.js';
import { summations } from './einsum.js';
import { elementwise } from './elementwise.js';
import { fused } from './fused.js';
import { lowbit } from './lowbit.js';
import { making } from './making.js';
import { norm } from './norm.js';
import { positional } from './positions.js';
import { quantize } from './quantize.js';
import { reduce } from './reduce.js';
import { reshaping } from './reshaping.js';
import { resizing } from './resize.js';
import { slicing } from './slicing.js';
import { spatial } from './spatial.js';

export const operators: readonly Operator[] = [
  ...elementwise,
  ...reduce,
  ...making,
  ...reshaping,
  ...slicing,
  ...positional,
  ...resizing,
  ...convolutions,
  ...spatial,
  ...norm,
  ...summations,
  ...fused,
  ...quantize,
  ...lowbit,
];

type Import = NonNullable<Operator['import']>;

/** How to read an operator, by its name; `domain.name` outside the default domain. */
export const importers: ReadonlyMap<string, Import> = new Map(
  operators.flatMap(({ type, domain, import: read }) =>
    read ? [[domain ? `${domain}.${type}` : type, (node: ImportNode) => read(node)] as const] : [],
  ),
);

/** The operators that can be read, by name; `domain.name` outside the default domain. */
export const onnxOperators: readonly string[] = [...importers.keys()];

/** How to write an op. */
export const exporters: ReadonlyMap<AnyOp, NonNullable<Operator['export']>> = new Map(
  operators.flatMap(({ op, export: write }) => (op && write ? [[op, write] as const] : [])),
);
