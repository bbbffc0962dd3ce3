/** Our own operator, domain "lowbit": packed codes to integer levels (docs/onnx.md). Only files that were asked for it have it. */
import * as ops from '../../ops/index.js';
import type { ImportNode } from '../importNode.js';
import type { Operator } from '../operator.js';

export const lowbitDomain = 'lowbit';

/** The version of the domain that is written, and the newest one that is read. */
export const lowbitVersion = 1;

const unpackLevels: Operator = {
  type: 'UnpackLevels',
  domain: lowbitDomain,
  import(node) {
    if (node.opset > lowbitVersion) node.refuse(`version ${node.opset} of domain "${lowbitDomain}" is not known here; update lowbit`);
    for (const name of ['bits', 'grid', 'shape']) if (!node.has(name)) node.refuse(`attribute "${name}" is missing`);
    const params = { bits: node.int('bits', 0), grid: node.string('grid', ''), shape: node.ints('shape')! };
    return node.add(ops.unpackLevels, [packedInput(node)], params);
  },
  op: ops.unpackLevels,
  export(node) {
    if (node.file.weights.storage !== 'packed') {
      node.refuse('its codes are not constant, so they can only be written packed: export with weights: "packed"');
    }
    const { bits, grid, shape } = node.fixedParams();
    const attributes = { bits: { i: Number(bits) }, grid: { s: String(grid) }, shape: { ints: shape as number[] } };
    node.done(node.emit(`${lowbitDomain}.UnpackLevels`, [node.in(node.node.inputs[0])], attributes));
  },
};

// Its rows are bytes as they are: codes of a narrower type would be something else.
function packedInput(node: ImportNode) {
  const packed = node.input(0);
  if (packed.bits !== undefined) node.refuse(`its packed codes are ${packed.bits}-bit integers, expected bytes (UINT8)`);
  return packed;
}

export const lowbit: readonly Operator[] = [unpackLevels];
