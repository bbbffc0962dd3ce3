/** An operator that is another one with something before or behind it reads as that one. */
import type { Value } from '../../graph/graph.js';
import type { ImportNode } from '../importNode.js';
import { convolutions } from './conv.js';
import { norm } from './norm.js';
import { spatial } from './spatial.js';

/** What the operator of this name makes of the node's attributes and other inputs. */
export function borrow(node: ImportNode, type: string, inputs: readonly Value[]): Value {
  const operator = [...convolutions, ...spatial, ...norm].find((entry) => entry.type === type)!;
  const names = inputs.map((_, i) => `${node.name}#${i}`);
  const proto = { ...node.proto, opType: type, input: names };
  const values = new Map(inputs.map((value, i) => [names[i], value]));
  return operator.import!(node.with(proto, values)) as Value;
}
