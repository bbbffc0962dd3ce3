/** Products of codes in a file: layers between DequantizeLinear and QuantizeLinear, and operators that read codes themselves. */
import type { NodeProto } from '../onnx/schema.js';
import type { ModelView } from './modelView.js';
import { attributeOf, operatorOf } from './valueTypes.js';

export interface CodeProduct {
  /** The layer. */
  node: NodeProto;
  /** The values with the codes of what it reads and of its weight. */
  activations: string;
  weights: string;
  /** The node that holds the weight's codes among its inputs, the layer itself or a DequantizeLinear, and where its zero point stands. */
  holder: NodeProto;
  position: number;
  zeroPosition: number;
  /** Where the weight's codes have the output channels; undefined where they lie otherwise than the layer reads them. */
  channels: 'first' | 'last' | undefined;
}

/** Operators that only move elements of their first input: runtimes take codes through them. */
export const movers: ReadonlySet<string> = new Set('Flatten Identity MaxPool Reshape Squeeze Transpose Unsqueeze'.split(' '));

/** Operators on codes: where they have the weight's codes and its zero point; what they read is their first input. */
const onCodes: Readonly<Record<string, readonly [position: number, zeroPosition: number]>> = {
  ...{ ConvInteger: [1, 3], MatMulInteger: [1, 3], QLinearConv: [3, 5], QLinearMatMul: [3, 5] },
  ...{ 'com.microsoft.QGemm': [3, 5], 'com.microsoft.MatMulIntegerToFloat': [1, 5] },
  ...{ 'com.microsoft.DynamicQuantizeMatMul': [1, 3], 'com.microsoft.QAttention': [1, 7] },
};

const onReals = new Set(['Conv', 'Gemm', 'MatMul']);

/** All products of a file whose two sides are codes. */
export function codeProducts(view: ModelView): CodeProduct[] {
  return view.nodes.flatMap((node) => {
    const found = onReals.has(operatorOf(node)) ? betweenCodes(view, node) : ofCodes(node);
    return found ? [{ node, ...found }] : [];
  });
}

type Sides = Omit<CodeProduct, 'node'>;

function ofCodes(node: NodeProto): Sides | undefined {
  const [position, zeroPosition] = onCodes[operatorOf(node)] ?? [];
  if (position === undefined || zeroPosition === undefined) return undefined;
  return { activations: node.input[0], weights: node.input[position], holder: node, position, zeroPosition, channels: channelsOf(node) };
}

function betweenCodes(view: ModelView, node: NodeProto): Sides | undefined {
  const [x, w] = node.input.map((value) => dequantizer(view, value));
  if (!x || !w) return undefined;
  const channels = w.output[0] === node.input[1] ? channelsOf(node) : undefined;
  return { activations: x.input[0], weights: w.input[0], holder: w, position: 0, zeroPosition: 2, channels };
}

/** The DequantizeLinear that a value comes from, moved or not. */
function dequantizer(view: ModelView, value: string): NodeProto | undefined {
  const moved = new Set([value]);
  for (const name of moved) {
    const maker = view.maker(name);
    if (maker?.opType === 'DequantizeLinear') return maker;
    if (maker && movers.has(maker.opType)) moved.add(maker.input[0]);
  }
  return undefined;
}

function channelsOf(node: NodeProto): 'first' | 'last' {
  return node.opType.includes('Conv') || attributeOf(node, 'transB')?.i === 1n ? 'first' : 'last';
}

/** Does every group of a convolution have one channel in and one out? */
export function isDepthwise(view: ModelView, { node, weights }: CodeProduct): boolean {
  const [out, perGroup] = view.constants.get(weights)?.dims ?? [];
  return node.opType.includes('Conv') && perGroup === 1n && attributeOf(node, 'group')?.i === out;
}

/** Does a value become codes, moved or not? A Relu or Clip on the way is part of rounding. */
export function endsInCodes(view: ModelView, value: string): boolean {
  const moved = new Set([value]);
  for (const name of moved) {
    for (const { opType, output } of view.readers(name)) {
      if (opType === 'QuantizeLinear') return true;
      if (movers.has(opType) || opType === 'Relu' || opType === 'Clip') moved.add(output[0]);
    }
  }
  return false;
}
