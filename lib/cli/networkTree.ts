/** The layers of a network as a tree: names are paths, "layer1.0.conv1" or "/layer1/conv1". */
import type { NetworkLayer } from '../recipes/searchedNetwork.js';
import { shortened, whole } from './format.js';

interface Branch {
  name: string;
  /** A branch may be a layer and have others below it. */
  layer?: NetworkLayer;
  branches: Map<string, Branch>;
}

/** @param root the name of the network */
export function networkTree(root: string, layers: readonly NetworkLayer[]): string {
  const tree: Branch = { name: root, branches: new Map() };
  for (const layer of layers) {
    const path = layer.name.split(/[./]+/).filter(Boolean);
    let at = tree;
    for (const name of path) {
      if (!at.branches.has(name)) at.branches.set(name, { name, branches: new Map() });
      at = at.branches.get(name)!;
    }
    at.layer = layer;
  }
  const lines = [...tree.branches.values()].flatMap((branch, i, all) => linesOf(branch, '', i === all.length - 1));
  const width = Math.min(Math.max(0, ...lines.map(({ text }) => text.length)), widestName);
  return [root, ...lines.map((line) => rowOf(line, width))].join('\n');
}

interface Line {
  /** The name behind its branches. */
  text: string;
  /** What stands below it: branches that go on. */
  below: string;
  layer?: NetworkLayer;
}

function linesOf(branch: Branch, indent: string, isLast: boolean): Line[] {
  const { name, layer, branches } = joined(branch);
  const below = `${indent}${isLast ? '   ' : '│  '}`;
  const children = [...branches.values()].flatMap((child, i, all) => linesOf(child, below, i === all.length - 1));
  return [{ text: `${indent}${isLast ? '└─ ' : '├─ '}${name}`, below, layer }, ...children];
}

/** A branch that leads to nothing but one other is written together with it. */
function joined(branch: Branch): Branch {
  const [only, ...others] = branch.branches.values();
  if (branch.layer || !only || others.length) return branch;
  const { name, ...rest } = joined(only);
  return { name: `${branch.name}.${name}`, ...rest };
}

const widestName = 32;
const widestLine = 80;

/** A layer that stays float has its reason behind it, or below where that is too long. */
function rowOf({ text, below, layer }: Line, width: number): string {
  if (!layer) return shortened(text, widestLine);
  const facts = `${shortened(text, width).padEnd(width)}  ${layer.op} ${layer.shape.join('×')}  ${codesText(layer)}`;
  const reason = layer.reason ? `: ${layer.reason}` : '';
  if (facts.length + reason.length <= widestLine) return facts + reason;
  return `${facts}:\n${below}${' '.repeat(Math.max(width + 2 - below.length, 0))}${layer.reason}`;
}

function codesText({ bits, inputBits, shape }: NetworkLayer): string {
  const isCoded = inputBits !== null;
  const floatText = isCoded ? 'float, then int8' : 'float';
  const weights = bits === null ? floatText : `${bitsText(bits)}, ${whole(shape.reduce((a, b) => a * b, 1))} weights`;
  return isCoded ? `${weights}, input ${bitsText(inputBits)}` : weights;
}

const bitsText = (bits: number) => `${bits} bit${bits === 1 ? '' : 's'}`;
