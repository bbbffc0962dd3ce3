/** The walk that turns regions between dequantize and quantize into integer ops. */
import type { Node, Value } from '../../graph/graph.js';
import { clampOf, elementwiseInputs, isMove } from '../../graph/match.js';
import { Rewriter } from '../../graph/rewrite.js';
import * as ops from '../../ops/index.js';
import { integerRange, isWide } from '../../shape.js';
import { type Codes, clamped, codeOf, outputParams, paramsOf, type Target, targetOf, wideActivations } from './codes.js';
import { lowerFunction } from './pointwise.js';
import { hasPackedWeight, lowerPacked, lowerProduct, lowerQuotient, withoutKernel } from './products.js';

// The functions that people write with elementwise ops have fewer.
const longestFunction = 32;

const products: readonly unknown[] = [ops.conv2d, ops.gemm, ops.matmul];

export class Lowering extends Rewriter {
  readonly #codes = new Map<Value, Codes>();
  /** Packed signs in the new graph, by the old values that are ±1. */
  readonly signs = new Map<Value, Value>();
  /** Old values that are codes of 16 bits. */
  readonly #wide = new Set<Value>();
  /** Why a node could not be lowered, by its name. */
  readonly reasons = new Map<string, string>();

  /** The codes behind an old value, if it is quantized. */
  codes(value: Value): Codes | undefined {
    return this.#codes.get(value);
  }

  /** What the node becomes; nothing means a copy. */
  visit(node: Node): Value | undefined {
    if (node.op === ops.dequantize) this.readDequantize(node);
    else if (node.op === ops.quantize) return this.lowerQuantize(node);
    else if (products.includes(node.op)) return this.lowerToReal(node) ?? lowerPacked(node, this);
    else if (hasPackedWeight(node)) this.refuse(node, withoutKernel(node));
    else if (node.op === ops.div) return lowerQuotient(node, this);
    else this.moveCodes(node);
    if (node.op !== ops.quantize && this.readsWide(node)) this.refuse(node, wideActivations);
    return undefined;
  }

  private readsWide(node: Node): boolean {
    return node.inputs.some((value) => this.#wide.has(value));
  }

  private refuse(node: Node, reason: string): void {
    this.reasons.set(node.name, this.readsWide(node) ? wideActivations : reason);
  }

  private readDequantize(node: Node): void {
    const params = paramsOf(this.old, node);
    const [codes] = node.inputs;
    if (params?.scales.length !== 1) return;
    if (isWide(params.dtype)) this.#wide.add(node.output);
    if (params.dtype !== 'uint8' && params.dtype !== 'int8') return;
    this.#codes.set(node.output, { value: this.get(codes), dtype: params.dtype, scale: params.scales[0], zero: params.zeros[0] });
  }

  // Ops that move elements work on codes as they are; padding with a number moves its code in.
  private moveCodes(node: Node): void {
    if (!isMove(node)) return;
    if (this.#wide.has(node.inputs[0])) this.#wide.add(node.output);
    const codes = this.codes(node.inputs[0]);
    if (!codes) return;
    const params = this.params(node);
    if (node.op === ops.pad) {
      const value = params.value ?? 0;
      if (typeof value !== 'number') return;
      params.value = codeOf(value, { ...codes, qmin: -Infinity, qmax: Infinity });
      const [low, high] = integerRange(codes.dtype);
      if (params.value < low || params.value > high) return;
    }
    const rest = node.inputs.slice(1).map((input) => this.get(input));
    this.#codes.set(node.output, { ...codes, value: this.graph.add(node.op, [codes.value, ...rest], params, node.name) });
  }

  // A product whose output somebody reads as real numbers.
  private lowerToReal(node: Node): Value | undefined {
    if (this.isOnlyQuantized(node.output)) return undefined;
    const result = lowerProduct(node, undefined, this);
    if (typeof result !== 'string') return result;
    this.refuse(node, result);
    return undefined;
  }

  /** Do all readers take codes of the value, through clamps at most? */
  private isOnlyQuantized(value: Value): boolean {
    const takesCodes = (reader: Node) =>
      reader.op === ops.quantize
        ? targetOf(this.old, reader) !== undefined
        : clampOf(reader) !== undefined && this.isOnlyQuantized(reader.output);
    return !this.uses.isOutput(value) && this.uses.of(value).every(takesCodes);
  }

  private lowerQuantize(node: Node): Value | undefined {
    let target = targetOf(this.old, node);
    const [x] = node.inputs;
    if (!target) {
      if (x.producer && isWide(paramsOf(this.old, node)?.dtype)) this.reasons.set(x.producer.name, wideActivations);
      return undefined;
    }
    const known = this.codes(x);
    if (known) return this.requantized(known, target, node);
    const made = this.functionTo(x);
    if (made) return lowerFunction(made.input, made.nodes, target, this);
    let maker = x.producer;
    for (let bounds = maker && clampOf(maker); maker && bounds; bounds = maker && clampOf(maker)) {
      target = clamped(target, ...bounds);
      maker = maker.inputs[0].producer;
    }
    return maker && this.lowerTo(maker, target);
  }

  private requantized(codes: Codes, target: Target, node: Node): Value {
    if (codes.dtype === target.dtype && codes.scale === target.scale && codes.zero === target.zero) {
      // Codes that were only moved are the tensor that this node makes in the file.
      if (codes.value.producer?.op.movesElements) this.graph.rename(codes.value, node.output.name);
      return codes.value;
    }
    const multiplier = Math.fround(codes.scale / target.scale);
    return this.graph.add(ops.requantize, [codes.value], { multiplier, xZero: codes.zero, ...outputParams(target) }, node.name);
  }

  /** x as a function of the elements of one quantized value alone: the elementwise nodes between, first to last (gelu reads it twice). */
  private functionTo(x: Value): { input: Value; nodes: Node[] } | undefined {
    const nodes = new Set<Node>();
    let input: Value | undefined;
    const reaches = (value: Value): boolean => {
      if (this.codes(value)) {
        input ??= value;
        return input === value;
      }
      const node = value.producer;
      if (!node || nodes.has(node)) return node !== undefined;
      if (nodes.size === longestFunction || !elementwiseInputs(this.old, node)?.every(reaches)) return false;
      nodes.add(node);
      return true;
    };
    return reaches(x) && input && nodes.size ? { input, nodes: [...nodes] } : undefined;
  }

  /** The integer op for a node whose output is quantized. */
  private lowerTo(node: Node, target: Target): Value | undefined {
    const result = products.includes(node.op) ? lowerProduct(node, target, this) : this.lowerOther(node, target);
    if (typeof result !== 'string') return result;
    this.refuse(node, result);
    return undefined;
  }

  private lowerOther(node: Node, target: Target): Value | string {
    if (hasPackedWeight(node)) return withoutKernel(node);
    const inputs = node.inputs.map((value) => this.codes(value));
    if (!inputs.every((codes) => codes !== undefined)) return 'an input is not quantized';
    const output = outputParams(target);
    const [a, b] = inputs;
    const ratio = (codes: Codes) => Math.fround(codes.scale / target.scale);
    const values = inputs.map((codes) => codes.value);
    const params = this.params(node);
    switch (node.op) {
      case ops.add:
        return this.graph.add(
          ops.qadd,
          values,
          { aMultiplier: ratio(a), aZero: a.zero, bMultiplier: ratio(b), bZero: b.zero, ...output },
          node.name,
        );
      case ops.mul: {
        const multiplier = Math.fround(Math.fround(a.scale * b.scale) / target.scale);
        return this.graph.add(ops.qmul, values, { aZero: a.zero, bZero: b.zero, multiplier, ...output }, node.name);
      }
      case ops.concat:
        return this.graph.add(
          ops.qconcat,
          values,
          { axis: params.axis, multipliers: inputs.map(ratio), zeros: inputs.map((codes) => codes.zero), ...output },
          node.name,
        );
      case ops.averagePool2d: {
        const { dilations, ...rest } = { ...ops.averagePool2d.params, ...params };
        if ((dilations as readonly number[]).some((n) => n !== 1)) return 'a dilated average has no integer kernel';
        return this.graph.add(ops.qaveragePool2d, values, { ...rest, multiplier: ratio(a), xZero: a.zero, ...output }, node.name);
      }
      case ops.globalAveragePool:
        return this.graph.add(ops.qglobalAveragePool, values, { multiplier: ratio(a), xZero: a.zero, ...output }, node.name);
      default:
        return withoutKernel(node);
    }
  }
}
