/** Has the target kernels for each operator and its element type? */
import type { Element } from '../elements.js';
import type { Remark, Rule } from '../finding.js';
import type { Kernels } from '../kernels.js';
import { type ModelView, nameOf } from '../modelView.js';
import type { Target } from '../targets.js';
import { decidingValue, operatorOf } from '../valueTypes.js';

export const operators: Rule = (view, target) => {
  const own = new Set(view.model.proto.functions.map(({ domain, name }) => `${domain}.${name}`));
  const remarks = [...view.nodes, ...view.functionNodes].map((node): Remark | undefined => {
    const op = operatorOf(node);
    if (own.has(op) || own.has(`.${op}`)) return undefined;
    const said = verdict(view, target, op, view.type(decidingValue(node)));
    return said && { op, node: nameOf(node), ...said };
  });
  return remarks.filter((remark) => remark !== undefined);
};

type Verdict = Omit<Remark, 'op' | 'node'> | undefined;

function verdict(view: ModelView, target: Target, op: string, type: Element | undefined): Verdict {
  const { kernels, fallback, runtime } = target;
  if (op === 'lowbit.UnpackLevels') {
    return {
      severity: 'refuses',
      problem: `packed weights are lowbit's own, ${runtime} does not know them`,
      todo: 'Write them as int8.',
      fix: 'unpackedWeights',
    };
  }
  if (isIn(kernels, target, view, op, type)) return undefined;
  const what = type && kernels.has(op) ? `${op} of ${type}` : op;
  if (target.castsHalf && type === 'f16' && isIn(fallback ?? kernels, target, view, op, 'f32')) {
    return { severity: 'slow', problem: `${what} is computed in f32, between casts`, todo: 'Write the model in f32, or with codes.' };
  }
  if (fallback && isIn(fallback, target, view, op, type)) {
    return { severity: 'slow', problem: `${what} runs on the processor: its values are copied there and back`, todo: advice(op) };
  }
  const narrow = type === 'i4' || type === 'u4';
  const todo = narrow ? 'Write weights as int8.' : 'Replace the operator, or choose another target.';
  return { severity: 'refuses', problem: `there is no kernel for ${what}`, todo, ...(narrow && { fix: 'int8Weights' }) };
}

const advice = (op: string) =>
  op === 'QuantizeLinear' ? 'Leave activations float on this target: it has no integer layers.' : 'Expect it to be slow there.';

function isIn(kernels: Kernels, { until }: Target, view: ModelView, op: string, type: Element | undefined): boolean {
  const types = kernels.get(op);
  if (!types || (until[op] ?? Number.POSITIVE_INFINITY) < (view.opset() ?? 0)) return false;
  return types === 'any' || type === undefined || types.has(type);
}
