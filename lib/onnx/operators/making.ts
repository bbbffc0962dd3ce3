import * as ops from '../../ops/index.js';
import { type Dtype, isReal } from '../../shape.js';
import type { ImportNode } from '../importNode.js';
import type { Operator } from '../operator.js';
import { bitsOf } from '../tensors.js';
import { bounded } from './slicing.js';

const identity: Operator = { type: 'Identity', import: (node) => node.input(0) };

const constant: Operator = {
  type: 'Constant',
  import(node) {
    const tensor = node.tensor('value');
    if (tensor) return node.folder.constant(tensor, node.name, bitsOf(node.file.dataTypes.get(node.proto.output[0]) ?? 0));
    if (node.has('value_float')) return node.scalar(node.float('value_float', 0));
    if (node.has('value_int')) return node.scalar(node.int('value_int', 0), 'int64');
    const floats = node.floats('value_floats');
    if (floats) return node.constant(floats, [floats.length], 'float32');
    const ints = node.ints('value_ints');
    if (ints) return node.constant(ints, [ints.length], 'int64');
    return node.refuse('only tensors, numbers and lists of numbers are supported as constants');
  },
};

const shape: Operator = {
  type: 'Shape',
  import: (node) =>
    node.add(ops.shape, [node.input(0)], { start: node.int('start', 0), ...(node.has('end') ? { end: node.int('end', 0) } : {}) }),
  op: ops.shape,
  export(node) {
    // Written for opset 13 as well, where it has no start and end.
    const { start, end } = { ...ops.shape.params, ...node.params } as { start: number; end: number };
    const whole = node.emit('Shape', [node.in(node.node.inputs[0])]);
    if (start === 0 && end === ops.shape.params.end) return node.done(whole);
    const [starts, ends] = [bounded([start]), bounded([end])];
    if (node.opset < 10) node.done(node.emit('Slice', [whole], { starts: { ints: starts }, ends: { ints: ends } }));
    else node.done(node.emit('Slice', [whole, node.ints(starts), node.ints(ends)]));
  },
};

const size: Operator = {
  type: 'Size',
  import: (node) => node.add(ops.reduceProd, [node.add(ops.shape, [node.input(0)])], { axes: [0], keepDims: false }),
};

const constantOfShape: Operator = {
  type: 'ConstantOfShape',
  import(node) {
    const tensor = node.tensor('value');
    const dtype: Dtype = tensor?.dtype ?? 'float32';
    const value = tensor ? tensor.toNumbers()[0] : 0;
    tensor?.dispose();
    return node.add(ops.fill, [], { shape: node.input(0), value, dtype });
  },
  op: ops.fill,
  export(node) {
    const { shape: target, value, dtype } = node.params;
    const one = { dtype: dtype as Dtype, shape: [1], values: [value as number] };
    node.done(node.emit('ConstantOfShape', [node.parameter(target)], { value: { t: one } }));
  },
};

const range: Operator = {
  type: 'Range',
  import(node) {
    const dtype = node.dtype(node.input(0));
    return node.add(ops.range, [], { start: node.input(0), limit: node.input(1), delta: node.input(2), dtype });
  },
  op: ops.range,
  export(node) {
    const { start, limit, delta, dtype } = node.params;
    node.done(
      node.emit(
        'Range',
        [start, limit, delta].map((param) => node.parameter(param, dtype as Dtype)),
      ),
    );
  },
};

const trilu: Operator = {
  type: 'Trilu',
  import: (node) => node.add(ops.trilu, [node.input(0)], { upper: node.flag('upper', true), k: node.optional(1) ?? 0 }),
  op: ops.trilu,
  export: (node) => node.plain('Trilu', { upper: { i: node.params.upper ? 1 : 0 } }, [node.parameter(node.params.k, 'int64')]),
};

const dropout: Operator = {
  type: 'Dropout',
  import(node) {
    const x = node.input(0);
    const ratio = dropoutRatio(node);
    if (node.opset >= 12 && node.numbers(2, 'training_mode')?.[0] && ratio !== 0) {
      node.refuse('it is exported in training mode; export the model for inference');
    }
    // Only training asks for a rate; one that it could not use is none.
    const y = ratio > 0 && ratio < 1 ? node.add(ops.dropout, [x], { rate: ratio }) : x;
    if (!node.wants(1)) return y;
    const ones = node.add(ops.fill, [], {
      shape: node.add(ops.shape, [x]),
      value: 1,
      dtype: isReal(node.dtype(x)) && node.opset < 10 ? node.dtype(x) : 'boolean',
    });
    return [y, ones];
  },
  // A file is written to be used: dropout is left out.
  op: ops.dropout,
  export: (node) => node.done(node.stored(0), node.perm),
};

// 0.5 where the file does not say, and where it is computed while the model runs.
function dropoutRatio(node: ImportNode): number {
  if (node.opset < 12) return node.float('ratio', 0.5);
  const ratio = node.optional(1);
  return (ratio && node.known(ratio)?.[0]) ?? 0.5;
}

export const making: readonly Operator[] = [identity, constant, shape, size, constantOfShape, range, trilu, dropout];
