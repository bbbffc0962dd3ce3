/** Which codes activations get: of 8 bits, or of 16 where a layer asks for them. */
import { fail } from '../error.js';
import type { Graph, Node, Value } from '../graph/graph.js';
import { isMove } from '../graph/match.js';
import { wideActivations } from '../passes/lower/codes.js';
import { type Plan, sourceOf } from '../quant/plan.js';
import { type CodeType, codeTypes, type QParams } from '../quant/scheme.js';
import { takesGroups } from '../quant/weightScheme.js';
import { isWide } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { type BitsByName, bitsByName, bitsGiven } from './bitsByName.js';

const widths = [8, 16] as const;
export type ActivationBits = (typeof widths)[number];

export interface ActivationOptions {
  /**
   * Codes of activations. Layers that read 16 bits compute on real numbers, between codes; "float" leaves activations as they are, and only weights
   * become codes. Default "uint8".
   */
  activations?: CodeType | 'float';
  /**
   * Bits of what layers read, 8 or 16: of all, or by names of layers and patterns written /like this/, of which the last that fits counts; the
   * others have those of `activations`. A value that several layers read has the most bits that one of them asks for.
   */
  activationBits?: BitsByName<ActivationBits>;
}

/** Codes that activations may have, or none. */
export const activationKinds = [...codeTypes, 'float'] as const;

/** Why a layer computes on real numbers whose weights alone are codes. */
export const weightsAlone = 'its activations are real, only its weights are codes';

/** @throws LowbitError "option" */
export function checkActivationOptions({ activations, activationBits = 8 }: ActivationOptions): void {
  const refuse = (option: string, came: unknown, allowed: readonly unknown[]) =>
    fail({ code: 'option', where: 'quantize', option, came, expected: `one of ${allowed.join(', ')}` });
  if (activations !== undefined && !activationKinds.includes(activations)) refuse('activations', activations, activationKinds);
  for (const bits of bitsGiven(activationBits)) if (!(widths as readonly number[]).includes(bits)) refuse('activationBits', bits, widths);
}

/** The bits of what the nodes of a plan read, by name of the node; what only moves elements takes those there are. */
export function bitsOfReaders(graph: Graph, { nodes }: Plan, { activations = 'uint8', activationBits = {} }: ActivationOptions) {
  const about = { name: 'activationBits', about: 'layers that read codes' };
  return bitsByName<ActivationBits>(
    graph,
    nodes.filter((node) => !isMove(node)),
    activationBits,
    activations !== 'float' && isWide(activations) ? 16 : 8,
    about,
  );
}

/** The type of the codes of each value of a plan; values that were only moved have that of their source. */
export function typesOfCodes(
  plan: Plan,
  bits: ReadonlyMap<string, ActivationBits>,
  activations: CodeType | 'float',
): (value: Value) => CodeType {
  const wide = new Set(
    plan.nodes.filter(({ name }) => bits.get(name) === 16).flatMap(({ inputs }) => inputs.map((x) => sourceOf(plan, x))),
  );
  const sign = activations.startsWith('u') ? 'uint' : 'int';
  return (value) => `${sign}${wide.has(sourceOf(plan, value)) ? 16 : 8}`;
}

/** The nodes of a network that compute on real numbers though something of theirs is codes, and why. */
export function realComputations(
  graph: Graph,
  { nodes }: Plan,
  qparams: ReadonlyMap<string, QParams>,
  { activations, weightGroup }: ActivationOptions & { weightGroup?: number },
): { name: string; op: string; reason: string }[] {
  const reasonOf = ({ inputs }: Node) => {
    if (activations === 'float') return `${weightsAlone}${weightGroup ? ungrouped(graph.constantOf(inputs[1]), weightGroup) : ''}`;
    return inputs.some(({ name }) => isWide(qparams.get(name)?.dtype)) ? wideActivations : undefined;
  };
  return nodes.flatMap((node) => {
    const reason = isMove(node) ? undefined : reasonOf(node);
    return reason ? [{ name: node.name, op: node.op.name, reason }] : [];
  });
}

const ungrouped = (weight: Tensor | undefined, group: number) =>
  weight && !takesGroups(weight.shape, group) ? `; they are no groups of ${group} and have a scale for each output channel` : '';

/** The plan with real activations: what is left of it are the layers whose weights become codes. */
export const ofWeights = (plan: Plan): Plan => ({
  ...plan,
  nodes: plan.nodes.filter(({ op }) => op.quantizes),
  values: [],
  shared: new Map(),
});
