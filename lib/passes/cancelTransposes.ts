import { Folder } from '../graph/fold.js';
import { type Graph, isValue, type Node, type NodeParams, type Value } from '../graph/graph.js';
import { isIdentity, Layouts, type Perm, throughTranspose } from '../graph/layout.js';
import { Rewriter, withoutDead } from '../graph/rewrite.js';
import type { ParamValue } from '../op.js';
import { reshape, transpose } from '../ops/index.js';
import { sizeOf } from '../shape.js';

/**
 * Pushes transposes through everything that does not care about layout and cancels them, so that they survive at the graph's edges at
 * most. Values are kept as they lie in memory; a transpose is written only where an op needs another layout.
 */
export function cancelTransposes(old: Graph): Graph {
  const to = new Rewriter(old);
  const folder = new Folder(to.graph);
  const layouts = new Layouts<Value, Value>((stored, perm) => transposed(folder, stored, perm));
  const ready = (value: Value) => {
    if (!layouts.has(value)) layouts.set(value, to.get(value));
    return layouts.get(value);
  };

  for (const node of old.nodes) {
    const stored = node.inputs.map(ready);
    if (node.op === transpose && Array.isArray(node.params.perm)) {
      layouts.set(node.output, stored[0].stored, throughTranspose(stored[0].perm, node.params.perm));
      continue;
    }
    const plain = (value: Value) => {
      ready(value);
      return layouts.as(value);
    };
    const params: NodeParams = {};
    for (const [name, param] of Object.entries(node.params)) params[name] = isValue(param) ? plain(param) : param;
    const moved = inStoredLayout(node, folder, layouts);
    const name = node.name;
    if (moved) layouts.set(node.output, folder.add(node.op, moved.inputs, { ...params, ...moved.params }, name), moved.perm);
    else
      layouts.set(
        node.output,
        folder.add(
          node.op,
          node.inputs.map((value) => layouts.as(value)),
          params,
          name,
        ),
      );
    // A name says which value it is, in whatever layout.
    const { stored: made } = layouts.get(node.output);
    if (made.producer) to.graph.rename(made, node.output.name);
  }
  for (const { name, value } of old.outputs) {
    ready(value);
    to.graph.output(name, layouts.as(value));
  }
  return withoutDead(to.graph);
}

interface Moved {
  inputs: Value[];
  params: Record<string, ParamValue>;
  perm: Perm;
}

/** The node on its inputs as they are stored, if its op can work so and some input is stored transposed. */
function inStoredLayout(node: Node, folder: Folder, layouts: Layouts<Value, Value>): Moved | undefined {
  const { op } = node;
  if (!op.permute || Object.values(node.params).some(isValue)) return undefined;
  const shares = (i: number) => i === 0 || op.any || op.broadcasts;
  const perm = node.inputs.map((value, i) => (shares(i) ? layouts.get(value).perm : undefined)).find((p) => p !== undefined);
  if (!perm) return undefined;
  const params = op.permute({ ...op.params, ...node.params }, perm) as Record<string, ParamValue> | undefined;
  if (!params) return undefined;
  const inputs: Value[] = [];
  for (const [i, value] of node.inputs.entries()) {
    const input = shares(i) ? withPerm(value, perm, folder, layouts) : layouts.as(value);
    if (!input) return undefined;
    inputs.push(input);
  }
  return { inputs, params, perm };
}

// An operand of smaller rank first gets leading dimensions of 1; one element fits any layout.
function withPerm(value: Value, perm: Perm, folder: Folder, layouts: Layouts<Value, Value>): Value | undefined {
  const { stored, perm: has } = layouts.get(value);
  const type = folder.type(stored);
  if (!type) return has && has.length === perm.length ? layouts.as(value, perm) : undefined;
  const rank = type.shape.length;
  if (rank === perm.length) return layouts.as(value, perm);
  if (rank > perm.length) return undefined;
  if (sizeOf(type.shape) === 1) return stored;
  if (type.shape.some(Number.isNaN)) return undefined;
  const lifted = folder.add(reshape, [layouts.as(value)], { shape: [...Array(perm.length - rank).fill(1), ...type.shape] });
  return transposed(folder, lifted, perm);
}

/** transpose(value, perm); a reshape where only dimensions of 1 move, nothing where none does. */
function transposed(folder: Folder, value: Value, perm: Perm): Value {
  if (isIdentity(perm)) return value;
  const shape = folder.type(value)?.shape;
  const long = shape && perm.filter((i) => shape[i] !== 1);
  const moved = shape && perm.map((i) => shape[i]);
  if (moved && long!.every((n, i) => i === 0 || n > long![i - 1]) && moved.filter(Number.isNaN).length <= 1) {
    return folder.add(reshape, [value], { shape: moved.map((n) => (Number.isNaN(n) ? -1 : n)), allowZero: true }, value.name);
  }
  return folder.add(transpose, [value], { perm }, value.name);
}
