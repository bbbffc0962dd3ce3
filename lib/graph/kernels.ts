/** Which ops of a graph a device has kernels for. */
import { fail } from '../error.js';
import { rowsOf } from '../op.js';
import type { Device } from '../shape.js';
import type { Graph, Node } from './graph.js';

/**
 * Refuses a graph with ops that the device has no kernels for, and names all of them.
 * @throws LowbitError 'unsupported'
 */
export function requireKernels(graph: Graph, device: Device, nodes: readonly Node[] = graph.nodes): void {
  if (device === 'cpu') return;
  const lacking = nodes.filter(({ op }) => !rowsOf(op, device).length);
  if (!lacking.length) return;
  const items = [...new Set(lacking.map(({ op }) => op.name))].map((op) => {
    const [{ name }, ...others] = lacking.filter((node) => node.op.name === op);
    return {
      name,
      op,
      reason: `it has no kernel for graphics cards${others.length ? `, nor have ${others.length} more of its kind` : ''}`,
    };
  });
  fail({ code: 'unsupported', where: `${graph.name} on ${device}`, items, todo: 'The CPU has kernels for all of them.' });
}
