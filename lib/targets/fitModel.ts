/** A model for a target: what can be said differently without changing a number is. */
import { mapTensors } from '../onnx/external.js';
import { type OnnxModel, readModel, writeModel } from '../onnx/file.js';
import { type Finding, type FixName, fixNames } from './finding.js';
import type { Fix } from './fixes/fix.js';
import { int8Weights } from './fixes/int8Weights.js';
import { rewritten } from './fixes/rewritten.js';
import { unsignedActivations } from './fixes/unsignedActivations.js';
import { unsignedWeights } from './fixes/unsignedWeights.js';
import { lintModel } from './lint.js';
import { ModelView } from './modelView.js';
import { type TargetName, targetNamed } from './targets.js';

export interface FittedModel {
  model: OnnxModel;
  /** What was rewritten, in that order. */
  fixes: AppliedFix[];
  /** What is left to say. */
  findings: Finding[];
}

export interface AppliedFix {
  fix: FixName;
  what: string;
  /** The nodes that it was done for. */
  nodes: string[];
}

/** In the order in which they are tried: the later ones work on files that the earlier ones have made. */
const fixes: Readonly<Record<FixName, { fix: Fix; what: string }>> = {
  unpackedWeights: { fix: rewritten, what: 'packed weights are int8' },
  int8Weights: { fix: int8Weights, what: 'weights of 4 bits are written as 8' },
  opset: { fix: rewritten, what: 'written in an opset that the target reads' },
  unsignedWeights: { fix: unsignedWeights, what: 'weights are uint8 with zero point 128' },
  unsignedActivations: { fix: unsignedActivations, what: 'codes of activations are uint8 with zero points 128 higher' },
};

/**
 * Rewrites a model so that a target runs it, exactly: same codes, scales and results, written in a way that suits the target. A fix is
 * applied where `lintModel` asks for it; the given model stays as it is.
 * @throws LowbitError 'option' for an unknown target, 'unsupported' where another opset is needed and an operator cannot be written in it
 */
export function fitModel(model: OnnxModel, target: TargetName): FittedModel {
  const applied: AppliedFix[] = [];
  let fitted: OnnxModel = { ...model, proto: mapTensors(model.proto, (tensor) => tensor) };
  let findings = lintModel(fitted, target);
  for (const name of fixNames) {
    const asking = findings.filter(({ fix }) => fix === name);
    if (asking.length === 0) continue;
    const { fix, what } = fixes[name];
    fitted = fix(new ModelView(fitted), targetNamed(target));
    findings = lintModel(fitted, target);
    applied.push({ fix: name, what, nodes: asking.flatMap(({ nodes }) => nodes) });
  }
  return { model: fitted, fixes: applied, findings };
}

/** The same for a file, which is written again where something was mended. */
export function fitFile(path: string, target: TargetName): Omit<FittedModel, 'model'> {
  const { model, ...done } = fitModel(readModel(path), target);
  if (done.fixes.length > 0) writeModel(path, model);
  return done;
}
