/** An ONNX operator, both ways. */
import type { Value } from '../graph/graph.js';
import type { AnyOp } from '../op.js';
import type { ExportNode } from './exportNode.js';
import type { ImportNode } from './importNode.js';

export interface Operator {
  /** The operator's name; the default domain unless `domain` says otherwise. */
  type: string;
  domain?: string;
  /** Adds the ops that compute the node; one value an output, in the file's order. */
  import?(node: ImportNode): Value | readonly (Value | undefined)[];
  /** Our op that is written as this operator, and how. */
  op?: AnyOp;
  export?(node: ExportNode): void;
}
