/** Convolutions over volumes by way of images: each tap of depth is a convolution of frames, all frames at once. */
import type { Value } from '../../graph/graph.js';
import * as ops from '../../ops/index.js';
import type { ImportNode } from '../importNode.js';
import { part, type Window } from './window.js';

/** Convolves images (n, h, w, c) with a weight in the file's layout, without its depth. */
export type Convolve = (images: Value, w: Value, window: Window, bias: Value | undefined) => Value;

interface Operands {
  /** (n, c, d, h, w) */
  x: Value;
  /** (out, in/groups, kd, kh, kw), or (in, out/groups, kd, kh, kw) of a transposed convolution */
  w: Value;
  bias: Value | undefined;
}

/** Frame t of the output is Σ conv2d(frame t·stride + i·dilation − before of x, tap i of w). */
export function convolveVolume(node: ImportNode, { x, w, bias }: Operands, window: Window, convolve: Convolve): Value {
  const { taps, stride, dilation, before, behind } = depthOf(node, w, window);
  const padded = node.add(ops.pad, [volumeOf(node, x)], { pads: [0, before, 0, 0, 0, 0, behind, 0, 0, 0] });
  const depth = Math.floor((knownDepth(node, padded) - (taps - 1) * dilation - 1) / stride) + 1;
  if (depth < 1) node.refuse(`the input has a depth of ${knownDepth(node, x, 2)}, less than the kernel`);
  const sum = sumOver(node, taps, (i) => {
    const [from, to] = [i * dilation, i * dilation + (depth - 1) * stride + 1];
    const seen = node.add(ops.slice, [padded], { starts: [from], ends: [to], axes: [1], steps: [stride] });
    return convolve(framesOf(node, seen), tapOf(node, w, i), part(window, [1, 2]), i === 0 ? bias : undefined);
  });
  return volumeTo(node, sum, depth);
}

/** Frame t·stride + i·dilation − before of the output gets convTranspose2d(frame t of x, tap i of w). */
export function spreadVolume(node: ImportNode, { x, w, bias }: Operands, window: Window, outputPad: number, convolve: Convolve): Value {
  const { taps, stride, dilation, before, behind } = depthOf(node, w, window);
  const volume = volumeOf(node, x);
  const frames = framesOf(node, volume);
  const spread = knownDepth(node, volume) * stride;
  const depth = spread - stride + (taps - 1) * dilation + 1 + outputPad - before - behind;
  if (depth < 1) node.refuse(`the output would have a depth of ${depth}`);
  const sum = sumOver(node, taps, (i) => {
    const made = convolve(frames, tapOf(node, w, i), part(window, [1, 2]), undefined);
    // (n·d, h, w, c) -> (n·d, stride, h, w, c), zeros behind each frame -> (n, depth, h, w, c)
    const apart = node.reshaped(made, [{ of: made, axis: 0 }, 1, ...axesOf(made, 1, 2, 3)]);
    const zeros = node.add(ops.pad, [apart], { pads: [0, 0, 0, 0, 0, 0, stride - 1, 0, 0, 0] });
    const stretched = node.reshaped(zeros, [{ of: x, axis: 0 }, spread, ...axesOf(zeros, 2, 3, 4)]);
    const first = i * dilation - before;
    return node.add(ops.pad, [stretched], { pads: [0, first, 0, 0, 0, 0, depth - spread - first, 0, 0, 0] });
  });
  return volumeTo(node, bias ? node.add(ops.add, [sum, bias]) : sum, depth);
}

function depthOf(node: ImportNode, w: Value, { strides, dilations, pads }: Window) {
  const taps = node.knownShape(w, 'a convolution over a volume')[2];
  return { taps, stride: strides[0], dilation: dilations[0], before: pads[0], behind: pads[3] };
}

function knownDepth(node: ImportNode, volume: Value, axis = 1): number {
  const depth = node.shape(volume)![axis];
  return Number.isNaN(depth) ? node.refuse('it needs a volume whose depth is known; fix the free dimensions first') : depth;
}

const axesOf = (of: Value, ...axes: number[]) => axes.map((axis) => ({ of, axis }));

/** (n, c, d, h, w) -> (n, d, h, w, c) */
const volumeOf = (node: ImportNode, x: Value) => node.transposed(x, [0, 2, 3, 4, 1]);

/** (n, d, h, w, c) -> (n·d, h, w, c) */
const framesOf = (node: ImportNode, volume: Value) => node.reshaped(volume, [-1, ...axesOf(volume, 2, 3, 4)]);

/** (n·d, h, w, c) or (n, d, h, w, c) -> (n, c, d, h, w) */
function volumeTo(node: ImportNode, y: Value, depth: number): Value {
  const volume = node.rank(y) === 5 ? y : node.reshaped(y, [-1, depth, ...axesOf(y, 1, 2, 3)]);
  return node.transposed(volume, [0, 4, 1, 2, 3]);
}

/** w[:, :, i]; of dequantized constants the codes, so that they stay packed. */
function tapOf(node: ImportNode, w: Value, i: number): Value {
  const producer = w.producer;
  if (producer?.op === ops.dequantize && node.constantOf(producer.inputs[0])) {
    const [codes, scale, zeroPoint] = producer.inputs;
    return node.add(ops.dequantize, [tapOf(node, codes, i), scale, zeroPoint], producer.params);
  }
  const tap = node.add(ops.slice, [w], { starts: [i], ends: [i + 1], axes: [2] });
  return node.reshaped(tap, axesOf(tap, 0, 1, 3, 4));
}

const sumOver = (node: ImportNode, count: number, term: (i: number) => Value) =>
  Array.from({ length: count }, (_, i) => term(i)).reduce((a, b) => node.add(ops.add, [a, b]));
