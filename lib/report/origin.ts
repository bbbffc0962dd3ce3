/** How a quantized model came to be: files, data, versions, and every option. */
import { folded, type Machine, section, table } from './html.js';
import { bytes, whole } from './numbers.js';
import type { QuantizationRecord } from './quantizationRecord.js';

export function origin(record: QuantizationRecord): string {
  const { model, quantized, calibration, accuracy, samples, options } = record;
  const facts: [string, string][] = [
    ['float file', `${bytes(model.bytes)}, sha256 ${model.sha256}`],
    ['quantized file', `${bytes(quantized.bytes)}, sha256 ${quantized.sha256}`],
    ['calibrated on', calibration ? `${whole(calibration.samples)} samples of ${calibration.data}` : 'not known from the files'],
    ...(accuracy ? ([['evaluated on', `${whole(accuracy.quantized.samples)} samples of ${accuracy.data}`]] as [string, string][]) : []),
    ['compared on', `${whole(samples)} samples`],
    ['computed with', machineText(record)],
  ];
  const rows = (pairs: readonly (readonly string[])[]) => pairs.map((cells) => ({ cells }));
  const settings = options ? folded('Options, with every default', texts(table(['option', 'value'], rows(flattened(options))))) : '';
  return section('How it was made', '', texts(table(['', ''], rows(facts))) + settings);
}

const texts = (html: string) => `<div class="texts facts">${html}</div>`;

const machineText = ({ versions, processor, threads }: Machine) =>
  `lowbit ${versions.lowbit}, Node ${versions.node}, ${processor}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;

/** Options by their path, "adaround.rate". */
export function flattened(options: Readonly<Record<string, unknown>>, path = ''): [string, string][] {
  return Object.entries(options).flatMap(([name, value]): [string, string][] => {
    if (value === undefined) return [];
    const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isGroup ? flattened(value as Record<string, unknown>, `${path}${name}.`) : [[`${path}${name}`, valueText(value)]];
  });
}

const valueText = (value: unknown) =>
  typeof value === 'string' ? value : Array.isArray(value) && !value.length ? 'none' : JSON.stringify(value);

export const originStyle = `
.facts td:first-child { width: 24%; color: var(--soft); }
`;
