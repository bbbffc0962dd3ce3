/** Where a quantized network loses its signal, and what is most likely behind it. */
import { channelsOf, spreadOf, starved } from './channelLevels.js';
import { escaped, section } from './html.js';
import { inDecibels, shortPercent, whole } from './numbers.js';
import type { ActivationRecord, LayerRecord, WeightRecord } from './quantizationRecord.js';

/** What a layer on 8-bit codes has when nothing is wrong with it. */
const usual = 40;
/** Decibels lost in one layer that are worth a word: a bit. */
const worthy = 6;
const most = 5;

/** The layers whose outputs have a good deal more noise than what they read; nothing where there are none. */
export function noiseCauses(layers: readonly LayerRecord[]): string {
  const known = layers.filter((layer): layer is LayerRecord & { sqnr: number } => layer.sqnr != null);
  const lines = known
    .map((layer) => ({ layer, drop: Math.min(layer.inputSqnr ?? usual, usual) - layer.sqnr }))
    .filter(({ drop }) => drop >= worthy)
    .toSorted((a, b) => b.drop - a.drop)
    .slice(0, most)
    .map(({ layer, drop }) => {
      const lost = layer.inputSqnr === undefined ? `begins with ${inDecibels(layer.sqnr)}` : `loses ${inDecibels(drop)}`;
      return `<li><b>${escaped(layer.name)}</b> ${escaped(`${lost}: ${reasonOf(layer)}`)}</li>`;
    });
  const shared = layers.filter(({ weight }) => isCrowded(weight)).length;
  const advice = shared
    ? `<p>${escaped(`In ${shared} of ${layers.length} layers channels share one scale that leaves many of them few codes: a scale for each channel helps, or equalization.`)}</p>`
    : '';
  return lines.length || advice ? section('Where it is lost', '', `${lines.length ? `<ul>${lines.join('\n')}</ul>` : ''}${advice}`) : '';
}

/** One scale for all channels leaves more than an eighth of them without four of their bits. */
function isCrowded(weight: WeightRecord): boolean {
  const channels = channelsOf(weight);
  return weight.scales.length === 1 && starved(weight, channels).length > channels.length / 8;
}

function reasonOf({ weight, activation, shifted = 0 }: LayerRecord): string {
  if (isCrowded(weight)) {
    const channels = channelsOf(weight);
    const few = starved(weight, channels).length;
    const spread = whole(spreadOf(channels.map(({ range }) => range)));
    return `its channels are up to ${spread} times apart and share one scale, ${few} of ${channels.length} use less than a sixteenth of the codes`;
  }
  if (activation && activation.clipped > 0.001) return `${shortPercent(activation.clipped)} of its outputs are clipped`;
  if (weight.sqnr !== null && weight.sqnr < 20) return `its weights have ${inDecibels(weight.sqnr)} in ${weight.bits} bits`;
  if (shifted > 0.3) return `${Math.round(100 * shifted)} % of its noise shifts the means of its channels, which bias correction takes out`;
  const own = activation && roundingOf(activation);
  if (own !== undefined && own < 26) return `most of its outputs are small beside their range: rounding alone leaves ${inDecibels(own)}`;
  return 'its own codes are fine; it lets the noise of its inputs and weights grow';
}

/** Decibels that are left when nothing but the rounding to 256 codes adds noise, a twelfth of a step squared. */
function roundingOf({ histogram: { low, high, counts }, range }: ActivationRecord): number {
  const width = (high - low) / counts.length;
  const all = counts.reduce((sum, count) => sum + count, 0);
  const power = counts.reduce((sum, count, i) => sum + count * (low + (i + 0.5) * width) ** 2, 0) / all;
  return 10 * Math.log10((12 * power) / ((range.max - range.min) / 255) ** 2);
}
