/** What would a target make of a model? */
import type { OnnxModel } from '../onnx/file.js';
import { type Finding, type Rule, together } from './finding.js';
import { ModelView } from './modelView.js';
import { cutSums } from './rules/cutSums.js';
import { operators } from './rules/operators.js';
import { opsets } from './rules/opsets.js';
import { realProducts } from './rules/realProducts.js';
import { sums } from './rules/sums.js';
import { type TargetName, targetNamed } from './targets.js';

const rules: readonly Rule[] = [opsets, operators, cutSums, realProducts, sums];

/**
 * Says what a target would refuse, compute inexactly or run slowly. The file is looked at as it is written, so any exporter's will do; nothing is run.
 * @returns findings, the worst first; empty where there is nothing to say
 * @throws LowbitError 'option' for an unknown target, 'format' or 'file' where a weight cannot be read
 */
export function lintModel(model: OnnxModel, target: TargetName): Finding[] {
  const [view, known] = [new ModelView(model), targetNamed(target)];
  return together(rules.flatMap((rule) => rule(view, known)));
}
