/** Conv and ConvTranspose over sequences, images and volumes. */
import type { Value } from '../../graph/graph.js';
import * as ops from '../../ops/index.js';
import type { ImportNode } from '../importNode.js';
import type { Operator } from '../operator.js';
import { addRow, imageOf, imageTo, toFirst, toLast } from './image.js';
import { type Convolve, convolveVolume, spreadVolume } from './volume.js';
import { widened } from './widened.js';
import { imageWindow, sharedOut, type Window, windowOf } from './window.js';

const conv: Operator = {
  type: 'Conv',
  import(node) {
    const [x, w, bias] = [node.input(0), node.input(1), node.optional(2)];
    const rank = node.rank(x);
    if (node.rank(w) !== rank) node.refuse(`the weight has ${node.rank(w)} dimensions, the input ${rank}`);
    const shape = node.shape(w)!;
    const groups = node.int('group', 1);
    const window = windowOf(node, x, shape.slice(2));
    const convolve: Convolve = (image, weight, { strides, dilations, pads }, addend) =>
      node.add(ops.conv2d, [image, node.transposed(weight, toLast), addend ?? node.zeros([shape[0]])], {
        ...{ strides, dilations, pads, groups },
      });
    if (rank === 5) return convolveVolume(node, { x, w, bias }, window, convolve);
    return imageTo(node, convolve(imageOf(node, x), rank === 3 ? addRow(node, w) : w, imageWindow(window), bias), rank);
  },
  op: ops.conv2d,
  export(node) {
    const { strides, pads, dilations, groups } = node.params as Record<string, number[]> & { groups: number };
    const inputs = [node.in(node.node.inputs[0], toFirst), node.in(node.node.inputs[1], toFirst)];
    if (!node.isZero(2)) inputs.push(node.in(node.node.inputs[2]));
    const attributes = { strides: { ints: strides }, pads: { ints: pads }, dilations: { ints: dilations }, group: { i: groups } };
    node.done(node.emit('Conv', inputs, attributes), toFirst);
  },
};

const convTranspose: Operator = {
  type: 'ConvTranspose',
  import(node) {
    const [x, w, bias] = [node.input(0), node.input(1), node.optional(2)];
    const rank = node.rank(x);
    const groups = node.int('group', 1);
    const shape = node.knownShape(w, 'ConvTranspose');
    const { window, outputPads } = fitted(node, x, windowOf(node, x, shape.slice(2)));
    const planePads = rank === 3 ? [0, ...outputPads] : outputPads.slice(-2);
    const convolve: Convolve = (image, weight, { strides, dilations, pads }, addend) =>
      node.add(ops.convTranspose2d, [image, turned(node, weight, groups), addend ?? node.zeros([shape[1] * groups])], {
        ...{ strides, dilations, pads, outputPads: planePads, groups },
      });
    if (rank === 5) return spreadVolume(node, { x, w, bias }, window, outputPads[0], convolve);
    return imageTo(node, convolve(imageOf(node, x), rank === 3 ? addRow(node, w) : w, imageWindow(window), bias), rank);
  },
  op: ops.convTranspose2d,
  export(node) {
    const { strides, pads, dilations, outputPads, groups } = node.params as Record<string, number[]> & { groups: number };
    const [x, w, bias] = node.node.inputs;
    const inputs = [node.in(x, toFirst), groups === 1 ? node.in(w, [3, 0, 1, 2]) : node.groupedTransposeWeight(w, groups)];
    if (!node.isZero(2)) inputs.push(node.in(bias));
    const attributes = {
      ...{ strides: { ints: strides }, pads: { ints: pads }, dilations: { ints: dilations } },
      ...{ output_padding: { ints: outputPads }, group: { i: groups } },
    };
    node.done(node.emit('ConvTranspose', inputs, attributes), toFirst);
  },
};

// (in, out/groups, kh, kw) -> (out, kh, kw, in/groups)
function turned(node: ImportNode, w: Value, groups: number): Value {
  if (groups === 1) return node.transposed(w, [1, 2, 3, 0]);
  const [channels, out, kh, kw] = node.shape(w)!;
  const apart = node.reshaped(w, [groups, channels / groups, out, kh, kw]);
  return node.reshaped(node.transposed(apart, [0, 2, 3, 4, 1]), [groups * out, kh, kw, channels / groups]);
}

// The pads that give the wanted output: output_shape, or input times stride for auto_pad SAME. A larger one gets more output padding.
// An odd pixel is cut at the beginning, for auto_pad SAME_UPPER at the end.
function fitted(node: ImportNode, x: Value, window: Window): { window: Window; outputPads: readonly number[] } {
  const { kernel, strides, dilations } = window;
  const outputPads = node.ints('output_padding') ?? kernel.map(() => 0);
  if (outputPads.length !== kernel.length) {
    node.refuse(`output_padding has ${outputPads.length} numbers for ${kernel.length} spatial dimensions`);
  }
  const auto = node.string('auto_pad', 'NOTSET');
  const same = auto === 'SAME_UPPER' || auto === 'SAME_LOWER';
  const wanted = node.ints('output_shape');
  if (!wanted && !same) return { window, outputPads };
  const size = node.knownChannels(x).slice(2);
  const out = wanted?.slice(-kernel.length) ?? size.map((n, i) => n * strides[i]);
  const excess = out.map((n, i) => strides[i] * (size[i] - 1) + outputPads[i] + (kernel[i] - 1) * dilations[i] + 1 - n);
  const [begin, end] = sharedOut(
    excess.map((n) => Math.max(0, n)),
    auto === 'SAME_UPPER',
  );
  return { window: { ...window, pads: [...begin, ...end] }, outputPads: outputPads.map((n, i) => n + Math.max(0, -excess[i])) };
}

export const convolutions: readonly Operator[] = [widened(conv), widened(convTranspose)];
