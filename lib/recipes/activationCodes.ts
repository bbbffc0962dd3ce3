/** Which codes activations get: of 8 bits, or of 16 where a layer asks for them. */
import { fail } from '../error.js';
import type { Graph, Node, Value } from '../graph/graph.js';
import { isMove } from '../graph/match.js';
import { wideActivations } from '../passes/lower/codes.js';
import { type Plan, sourceOf } from '../quant/plan.js';
import { type CodeType, codeTypes, type QParams } from '../quant/scheme.js';
import { isWide } from '../shape.js';
import { type BitsByName, bitsByName, bitsGiven } from './bitsByName.js';

const widths = [8, 16] as const;
export type ActivationBits = (typeof widths)[number];

export interface ActivationOptions {
  /** Codes of activations. Layers that read 16 bits compute on real numbers, between codes. Default "uint8". */
  activations?: CodeType;
  /**
   * Bits of what layers read, 8 or 16: of all, or by names of layers and patterns written /like this/, of which the last that fits counts; the
   * others have those of `activations`. A value that several layers read has the most bits that one of them asks for.
   */
  activationBits?: BitsByName<ActivationBits>;
}

/** @throws LowbitError "option" */
export function checkActivationOptions({ activations, activationBits = 8 }: ActivationOptions): void {
  const refuse = (option: string, came: unknown, allowed: readonly unknown[]) =>
    fail({ code: 'option', where: 'quantize', option, came, expected: `one of ${allowed.join(', ')}` });
  if (activations !== undefined && !codeTypes.includes(activations)) refuse('activations', activations, codeTypes);
  for (const bits of bitsGiven(activationBits)) if (!(widths as readonly number[]).includes(bits)) refuse('activationBits', bits, widths);
}

/** The bits of what the nodes of a plan read, by name of the node; what only moves elements takes those there are. */
export function bitsOfReaders(graph: Graph, { nodes }: Plan, { activations = 'uint8', activationBits = {} }: ActivationOptions) {
  const about = { name: 'activationBits', about: 'layers that read codes' };
  return bitsByName<ActivationBits>(
    graph,
    nodes.filter((node) => !isMove(node)),
    activationBits,
    isWide(activations) ? 16 : 8,
    about,
  );
}

/** The type of the codes of each value of a plan; values that were only moved have that of their source. */
export function typesOfCodes(plan: Plan, bits: ReadonlyMap<string, ActivationBits>, activations: CodeType): (value: Value) => CodeType {
  const wide = new Set(
    plan.nodes.filter(({ name }) => bits.get(name) === 16).flatMap(({ inputs }) => inputs.map((x) => sourceOf(plan, x))),
  );
  const sign = activations.startsWith('u') ? 'uint' : 'int';
  return (value) => `${sign}${wide.has(sourceOf(plan, value)) ? 16 : 8}`;
}

/** The nodes of a plan that read codes of 16 bits, as layers that stay float are told. */
export function wideReaders({ nodes }: Plan, qparams: ReadonlyMap<string, QParams>): { name: string; op: string; reason: string }[] {
  const readsWide = ({ inputs }: Node) => inputs.some(({ name }) => isWide(qparams.get(name)?.dtype));
  return nodes
    .filter((node) => !isMove(node) && readsWide(node))
    .map((node) => ({ name: node.name, op: node.op.name, reason: wideActivations }));
}
