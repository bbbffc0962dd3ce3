/** Where a quantized network loses its signal, and what is most likely behind it. */
import { channelsOf, spreadOf, starved } from './channelLevels.js';
import { escaped, section } from './html.js';
import { inDecibels, shortPercent, whole } from './numbers.js';
import type { ActivationRecord, LayerRecord } from './quantizationRecord.js';

/** What a layer on 8-bit codes has when nothing is wrong with it. */
const usual = 40;
/** Decibels lost in one layer that are worth a word: a bit. */
const worthy = 6;
const most = 5;

/** The layers whose noise is a good deal more than that of the layer before them; nothing where there are none. */
export function noiseCauses(layers: readonly LayerRecord[]): string {
  const known = layers.filter((layer): layer is LayerRecord & { sqnr: number } => layer.sqnr != null);
  const drops = known.map((layer, i) => ({ layer, drop: (i ? known[i - 1].sqnr : usual) - layer.sqnr, isFirst: i === 0 }));
  const lines = drops
    .filter(({ drop }) => drop >= worthy)
    .toSorted((a, b) => b.drop - a.drop)
    .slice(0, most)
    .map(({ layer, drop, isFirst }) => {
      const lost = isFirst ? `begins with ${inDecibels(layer.sqnr)}` : `loses ${inDecibels(drop)}`;
      return `<li><b>${escaped(layer.name)}</b> ${escaped(`${lost}: ${reasonOf(layer)}`)}</li>`;
    });
  return lines.length ? section('Where it is lost', '', `<ul>${lines.join('\n')}</ul>`) : '';
}

function reasonOf({ weight, activation }: LayerRecord): string {
  const channels = channelsOf(weight);
  const few = starved(weight, channels).length;
  if (weight.scales.length === 1 && few > channels.length / 8) {
    const spread = whole(spreadOf(channels.map(({ range }) => range)));
    return `its channels are up to ${spread} times apart and share one scale, ${few} of ${channels.length} use less than a sixteenth of the codes`;
  }
  if (activation && activation.clipped > 0.001) return `${shortPercent(activation.clipped)} of its outputs are clipped`;
  if (weight.sqnr !== null && weight.sqnr < 20) return `its weights have ${inDecibels(weight.sqnr)} in ${weight.bits} bits`;
  const own = activation && roundingOf(activation);
  if (own !== undefined && own < 26) return `most of its outputs are small beside their range: rounding alone leaves ${inDecibels(own)}`;
  return 'its own codes are fine; the noise comes with its inputs and weights';
}

/** Decibels that are left when nothing but the rounding to 256 codes adds noise, a twelfth of a step squared. */
function roundingOf({ histogram: { low, high, counts }, range }: ActivationRecord): number {
  const width = (high - low) / counts.length;
  const all = counts.reduce((sum, count) => sum + count, 0);
  const power = counts.reduce((sum, count, i) => sum + count * (low + (i + 0.5) * width) ** 2, 0) / all;
  return 10 * Math.log10((12 * power) / ((range.max - range.min) / 255) ** 2);
}
