/** Signed codes of activations become unsigned, 128 higher as is their zero point, wherever all who make and read them can follow. */
import type { NodeProto } from '../../onnx/schema.js';
import type { ModelView } from '../modelView.js';
import { movers } from '../products.js';
import { type Fix, Recoding, unsigned } from './fix.js';

export const unsignedActivations: Fix = (view) => {
  const recoding = new Recoding(view, 'uint8');
  const shifted = new Set<string>();
  for (const { opType, output } of view.nodes) {
    if (opType !== 'QuantizeLinear' || view.type(output[0]) !== 'i8' || shifted.has(output[0])) continue;
    const group = groupOf(view, output[0]);
    for (const value of group?.values ?? []) shifted.add(value);
    for (const node of group?.coders ?? []) recoding.replace(node, 2, unsigned);
  }
  const graph = view.model.proto.graph!;
  graph.valueInfo = graph.valueInfo.filter(({ name }) => !shifted.has(name)); // they are of another type now
  return recoding.done();
};

interface Group {
  /** The same codes, moved: no element is changed between them. */
  values: Set<string>;
  /** The nodes at their ends, which hold a zero point. */
  coders: Set<NodeProto>;
}

/** Operators whose outputs are elements of their inputs, of the same zero point. */
const moves = new Set([...movers, 'Concat', 'Split']);

/** All values that must change together with one; undefined where one of them cannot. */
function groupOf(view: ModelView, start: string): Group | undefined {
  const group: Group = { values: new Set([start]), coders: new Set() };
  for (const value of group.values) {
    if (view.isPort(value)) return undefined;
    const maker = view.maker(value);
    for (const node of [...(maker ? [maker] : []), ...view.readers(value)]) {
      if (moves.has(node.opType)) {
        for (const name of [...dataOf(node), ...node.output]) group.values.add(name);
      } else if (isCoder(view, node, value)) group.coders.add(node);
      else return undefined;
    }
    if (!maker) return undefined;
  }
  return group;
}

const dataOf = ({ opType, input }: NodeProto) => (opType === 'Concat' ? input : input.slice(0, 1));

/** Does the node make or read these codes, with a constant zero point? */
function isCoder(view: ModelView, { opType, input, output }: NodeProto, value: string): boolean {
  const codes = { QuantizeLinear: output[0], DequantizeLinear: input[0] }[opType];
  return codes === value && view.constants.has(input[2] ?? '');
}
