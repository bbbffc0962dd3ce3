/** What a target has against a model. */
import type { ModelView } from './modelView.js';
import type { Target } from './targets.js';

/** It will not run; it may compute something else; it runs, more slowly than it could. */
export type Severity = 'refuses' | 'inexact' | 'slow';

/** Rewritings that change no number (`fitModel`). */
export const fixNames = ['unpackedWeights', 'int8Weights', 'opset', 'unsignedWeights', 'unsignedActivations'] as const;

export type FixName = (typeof fixNames)[number];

/** One thing about one operator, and all nodes that it is true of. */
export interface Finding {
  severity: Severity;
  /** `domain.name` outside the default domain; empty for what concerns the whole file. */
  op: string;
  nodes: string[];
  problem: string;
  /** What to do about it. */
  todo: string;
  /** The rewriting that takes it away. */
  fix?: FixName;
}

/** A finding of one node. */
export type Remark = Omit<Finding, 'nodes'> & { node: string };

/** Looks at a whole file for one kind of trouble. */
export type Rule = (view: ModelView, target: Target) => Remark[];

const order: readonly Severity[] = ['refuses', 'inexact', 'slow'];

/** Remarks that say the same, together; what is worst comes first. */
export function together(remarks: readonly Remark[]): Finding[] {
  const findings = new Map<string, Finding>();
  for (const { node, ...said } of remarks) {
    const key = JSON.stringify(said);
    if (!findings.has(key)) findings.set(key, { ...said, nodes: [] });
    if (node !== '') findings.get(key)!.nodes.push(node);
  }
  return [...findings.values()].sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
}
