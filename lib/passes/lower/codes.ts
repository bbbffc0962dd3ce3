/** What lowering knows about a quantized value. */
import { type Graph, isValue, type Node, type Value } from '../../graph/graph.js';
import { dequantize, type Packing, quantize, unpackLevels } from '../../ops/index.js';
import { roundHalfEven } from '../../rounding.js';
import { type Dtype, integerRange, type Shape } from '../../shape.js';

/** A value of the new graph that holds codes of one scale and zero point: real = (q − zero)·scale. */
export interface Codes {
  value: Value;
  dtype: Dtype;
  scale: number;
  zero: number;
}

/** Why a node that reads or makes codes of 16 bits is no integer op. */
export const wideActivations = '16-bit activations, computed in float';

/** Constant int8 codes with one scale, or one for each index of axis 0; maybe packed. */
export interface WeightCodes {
  codes: Value;
  shape: Shape;
  scales: readonly number[];
  zero: number;
  /** The constant holds low-bit codes of these levels. */
  packing?: Packing;
}

/** Where codes go: the scale, zero point and range that a quantize node asks for. */
export interface Target {
  dtype: Dtype;
  scale: number;
  zero: number;
  qmin: number;
  qmax: number;
}

const defaults = quantize.params;

/** Scale, zero point and axis of a quantize or dequantize node whose parameters are constants. */
export function paramsOf(graph: Graph, node: Node): { scales: number[]; zeros: number[]; axis: number; dtype: Dtype } | undefined {
  if (node.op !== quantize && node.op !== dequantize) return undefined;
  const [scale, zeroPoint] = node.inputs.slice(1).map((value) => graph.constantOf(value));
  if (!scale || !zeroPoint) return undefined;
  return {
    scales: scale.toNumbers(),
    zeros: zeroPoint.toNumbers(),
    axis: Number(node.params.axis ?? defaults.axis),
    dtype: zeroPoint.dtype,
  };
}

/** The packed codes behind int8 levels, if those are unpacked in the graph. */
export function packedBehind(value: Value | undefined): { codes: Value; shape: Shape; packing: Packing } | undefined {
  const producer = value?.producer;
  if (producer?.op !== unpackLevels || Object.values(producer.params).some(isValue)) return undefined;
  const { bits, grid, shape } = { ...unpackLevels.params, ...(producer.params as Partial<typeof unpackLevels.params>) };
  return { codes: producer.inputs[0], shape, packing: { bits, grid } };
}

/** What a quantize node asks for, if it has one scale and 8-bit codes. */
export function targetOf(graph: Graph, node: Node): Target | undefined {
  const params = paramsOf(graph, node);
  if (params?.scales.length !== 1 || (params.dtype !== 'uint8' && params.dtype !== 'int8')) return undefined;
  const [qmin, qmax] = integerRange(params.dtype);
  return { dtype: params.dtype, scale: params.scales[0], zero: params.zeros[0], qmin, qmax };
}

/** The code of a real number: clamp(rne(f32(x / s)) + z, qmin, qmax). */
export function codeOf(x: number, { scale, zero, qmin, qmax }: Target): number {
  return Math.min(Math.max(roundHalfEven(Math.fround(x / scale)) + zero, qmin), qmax);
}

/** The target with the range of codes that a clamp of real numbers leaves. */
export function clamped(target: Target, low: number, high: number): Target {
  const [qmin, qmax] = [codeOf(low, target), codeOf(high, target)];
  return { ...target, qmin, qmax: Math.max(qmin, qmax) };
}

/** The parameters that every op with codes as output takes. */
export const outputParams = ({ dtype, zero, qmin, qmax }: Target) => ({ dtype, yZero: zero, qmin, qmax });
