/** `lowbit doctor` */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Command } from 'commander';
import { type CudaCard, cudaCard } from '../cuda.js';
import { LowbitError } from '../error.js';
import { native } from '../native.js';
import { version } from '../onnx/exportOnnx.js';
import { rowsOf, threads } from '../op.js';
import { conv2d, qconv2d, qgemm } from '../ops/index.js';
import { command, runs } from './command.js';
import { facts } from './format.js';

interface Health {
  version: string;
  node: string;
  platform: string;
  /** Of the addon; null where it does not load. */
  addon: { path: string; features: string[]; threads: number; kernels: Record<string, string[]> } | null;
  /** Why the addon does not load and what to do. */
  problem: string | null;
  /** The GPU in use; null with the reason in `cudaProblem`. */
  cuda: CudaCard | null;
  cudaProblem: string | null;
  /** Versions of the optional packages, null where they are not installed. */
  packages: Record<string, string | null>;
}

export function addDoctor(program: Command): void {
  runs(command(program, 'doctor', 'show what this machine offers and what is missing'), async () => {
    const found = health();
    return { data: found, text: text(found), failed: found.addon === null };
  });
}

function health(): Health {
  const platform = `${process.platform}-${process.arch}`;
  const general = { version: version(), node: process.version, platform };
  const packages = Object.fromEntries(['sharp', 'onnxruntime-node'].map((name) => [name, installed(name)]));
  try {
    const { path, schema } = native();
    const kernels = Object.fromEntries([qconv2d, qgemm, conv2d].map((op) => [op.name, rowsOf(op)]));
    const found = cudaCard();
    const cuda = 'problem' in found ? { cuda: null, cudaProblem: found.problem } : { cuda: found, cudaProblem: null };
    return { ...general, ...cuda, addon: { path, features: schema.features, threads: threads(), kernels }, problem: null, packages };
  } catch (error) {
    if (!(error instanceof LowbitError)) throw error;
    return { ...general, cuda: null, cudaProblem: 'the addon does not load', addon: null, problem: error.message, packages };
  }
}

function installed(name: string): string | null {
  const places = [import.meta.url, join(process.cwd(), 'package.json')];
  const folders = places.flatMap((place) => createRequire(place).resolve.paths(name) ?? []);
  const found = folders.map((folder) => join(folder, name, 'package.json')).find((path) => existsSync(path));
  return found === undefined ? null : (JSON.parse(readFileSync(found, 'utf8')) as { version: string }).version;
}

function cardText({ name, capability, multiprocessors, bytes }: CudaCard): string {
  return `${name}, compute capability ${capability.toFixed(1)}, ${multiprocessors} multiprocessors, ${(bytes / 2 ** 30).toFixed(0)} GiB`;
}

const uses: Record<string, string> = { sharp: 'for image folders', 'onnxruntime-node': 'for comparison in verify and bench' };

function text({ version, node, platform, addon, problem, packages, cuda, cudaProblem }: Health): string {
  const general: [string, string][] = [['lowbit', `${version} on node ${node}, ${platform}`]];
  if (addon) {
    general.push(['addon', addon.path], ['cpu', addon.features.join(' ') || 'no vector extensions'], ['threads', String(addon.threads)]);
    for (const [op, rows] of Object.entries(addon.kernels)) general.push([op, rows.join(', ')]);
  } else {
    general.push(['addon', problem ?? '']);
  }
  general.push(['cuda', cuda ? cardText(cuda) : `not used: ${cudaProblem}`]);
  for (const [name, found] of Object.entries(packages)) {
    general.push([name, found ?? `not installed (optional, ${uses[name]})`]);
  }
  return facts(general);
}
