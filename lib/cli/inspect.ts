/** `lowbit inspect MODEL` */
import { basename } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { importOnnx } from '../onnx/importOnnx.js';
import { type Inspection, inspect, type Port } from '../recipes/inspect.js';
import type { Shape } from '../shape.js';
import { command, runs } from './command.js';
import { bytes, facts, large, percent, table, whole } from './format.js';
import { listOf, wholeFrom } from './options.js';

interface Options {
  shape?: Record<string, Shape>;
}

export function addInspect(program: Command): void {
  const target = command(program, 'inspect <model>', 'show what a model is made of and what quantizing it would do').option(
    '--shape <input=sizes>',
    'sizes of an input, like input=1,3,224,224 (a free batch is 1); repeatable',
    shapes,
  );
  runs<Options>(target, async ({ options }, model) => {
    const found = inspect(importOnnx(model), { shapes: options.shape });
    return { data: found, text: text(basename(model), found) };
  });
}

function shapes(text: string, before: Record<string, Shape> = {}): Record<string, Shape> {
  const [, name, sizes] = /^(.+)=([^=]+)$/.exec(text) ?? [];
  if (name === undefined) throw new InvalidArgumentError('Expected input=sizes.');
  return { ...before, [name]: listOf(wholeFrom(0))(sizes) };
}

function text(name: string, found: Inspection): string {
  const { inputs, outputs, parameters, macs, operators, quantizable, float, quantized } = found;
  const general = facts([
    ['model', name],
    ...inputs.map((port): [string, string] => ['input', portText(port)]),
    ...outputs.map((port): [string, string] => ['output', portText(port)]),
    ['parameters', `${whole(parameters)} (${bytes(found.bytes)} of constants)`],
    ...kindsFact(found),
    ['products', macs === null ? 'unknown, sizes are free: see --shape' : `${large(macs)} multiply-accumulates`],
  ]);
  const counts = table(
    ['operator', 'count'],
    Object.entries(operators).map(([op, count]) => [op, String(count)]),
  );
  const layers = table(
    ['layer', 'op', 'MACs', 'share', 'parameters'],
    quantizable.map((layer) => [layer.name, layer.op, countText(layer.macs), share(layer.macs, macs), whole(layer.parameters)]),
  );
  const title = quantized ? 'Layers on integers:' : 'Layers that quantization puts on integers:';
  const parts = [
    general,
    counts,
    ...codedText(found),
    quantizable.length > 0 ? `${title}\n\n${layers}` : 'No layer that can be quantized.',
  ];
  if (float.length > 0) parts.push(`On real numbers:\n\n${floatTable(float)}`);
  return parts.join('\n\n');
}

/** "12.3 kB 2-bit, 1.2 kB float32" */
function kindsFact({ bytesByKind }: Inspection): [string, string][] {
  const kinds = Object.entries(bytesByKind).map(([kind, size]) => `${bytes(size)} ${kind}`);
  return kinds.length > 0 ? [['in a file', kinds.join(', ')]] : [];
}

function codedText({ codedWeights }: Inspection): string[] {
  const narrow = codedWeights.filter(({ bits }) => bits < 8);
  if (narrow.length === 0) return [];
  const rows = narrow.map(({ layer, bits, grid, elements, bytes: size }) => [
    layer,
    String(bits),
    grid ?? '-',
    whole(elements),
    bytes(size),
  ]);
  return [`Low-bit weights:\n\n${table(['layer', 'bits', 'grid', 'weights', 'size'], rows)}`];
}

const portText = ({ name, dtype, shape }: Port) => `${name}: ${dtype ?? '?'}[${shape?.map((n) => n ?? '?').join(', ') ?? '...'}]`;
const countText = (n: number | null) => (n === null ? '-' : large(n));
const share = (part: number | null, total: number | null) => (part === null || !total ? '-' : percent(part / total));

/** Nodes that stay float, one line each. */
export function floatTable(float: Inspection['float']): string {
  return table(
    ['node', 'op', 'why'],
    float.map(({ name, op, reason }) => [name, op, reason]),
  );
}
