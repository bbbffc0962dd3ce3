/** The folder of a run: a file for each layer that is done, so that a run that was stopped goes on where it was. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../../error.js';
import { failOnFile } from '../../file.js';
import { readSafetensors, writeSafetensors } from '../../safetensors.js';
import { Tensor } from '../../tensor.js';
import type { QuantizedWeight } from '../weightScheme.js';
import type { LayerRounding } from './layer.js';

export type RoundedLayer = QuantizedWeight & LayerRounding;

/** What a layer's codes follow from, as text: its weights, its settings, and the layers before it. */
export function fingerprint(parts: readonly (string | ArrayBufferView)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(typeof part === 'string' ? part : new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  return hash.digest('hex');
}

const pathOf = (folder: string, number: number) => join(folder, `layer-${String(number).padStart(4, '0')}.safetensors`);

/** Writes a layer as a whole file, or leaves the one that is there. */
export function writeLayer(folder: string, number: number, print: string, { codes, scales, bias, ...rounding }: RoundedLayer): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    failOnFile(folder, error);
  }
  const tensors = { codes: Tensor.from(codes), scales: Tensor.from(scales), ...(bias && { bias: Tensor.from(bias) }) };
  writeSafetensors(pathOf(folder, number), tensors, { fingerprint: print, rounding: JSON.stringify(rounding) });
  for (const tensor of Object.values(tensors)) tensor.dispose();
}

/**
 * A layer that an earlier run has finished; nothing where there is none.
 * @throws LowbitError 'file' where it was made from other weights or settings, 'format' where it is damaged
 */
export function readLayer(folder: string, number: number, print: string): RoundedLayer | undefined {
  const path = pathOf(folder, number);
  if (!existsSync(path)) return undefined;
  const { tensors, metadata } = readSafetensors(path);
  try {
    if (metadata.fingerprint !== print) {
      fail({ code: 'file', path, problem: 'this layer was rounded with other weights or settings', todo: 'Give another folder.' });
    }
    const [codes, scales, bias] = ['codes', 'scales', 'bias'].map((name) => tensors.get(name));
    if (codes?.dtype !== 'int8' || scales?.dtype !== 'float32' || !metadata.rounding) {
      return fail({ code: 'format', format: 'AdaRound layer', path, problem: 'codes, scales or losses are missing' });
    }
    const rounding = JSON.parse(metadata.rounding) as LayerRounding;
    const found = { ...rounding, codes: codes.data() as Int8Array, scales: scales.data() as Float32Array };
    return bias ? { ...found, bias: bias.data() as Float32Array } : found;
  } finally {
    for (const tensor of tensors.values()) tensor.dispose();
  }
}
