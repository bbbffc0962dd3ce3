import type { SlbMode } from '../../ops/slb.js';
import type { SlbSettings } from './options.js';

/** What the weights are in an epoch. */
export interface Stage {
  temperature: number;
  mode: SlbMode;
}

/** The epochs at which the ramp begins and ends: trunc(epochs·time). */
export function rampOf({ epochs, temperature: { startTime, endTime } }: SlbSettings): { start: number; end: number } {
  return { start: Math.trunc(epochs * startTime), end: Math.trunc(epochs * endTime) };
}

/**
 * Golden Stick's schedule: T = start·factor^(min(epoch, e) − s) beyond epoch s, weights decided from epoch e on.
 * @param epoch from 1, those of earlier runs included
 */
export function stageOf(settings: SlbSettings, epoch: number): Stage {
  const { start, factor } = settings.temperature;
  const ramp = rampOf(settings);
  const temperature = start * factor ** Math.max(Math.min(epoch, ramp.end) - ramp.start, 0);
  if (epoch < ramp.end) return { temperature, mode: 'soft' };
  const { straightThroughTail } = settings;
  return straightThroughTail === false ? { temperature, mode: 'hard' } : { temperature: straightThroughTail, mode: 'straightThrough' };
}

/** What is odd about a schedule, in words. */
export function scheduleWarnings(settings: SlbSettings): string[] {
  const { start, end } = rampOf(settings);
  const { epochs, straightThroughTail } = settings;
  const warnings: string[] = [];
  if (end === 0 && straightThroughTail === false) warnings.push('the weights are decided from the first epoch on: nothing is searched');
  else if (start === end && straightThroughTail === false)
    warnings.push(`there is no ramp: weights jump from soft to decided at epoch ${end}`);
  if (end === epochs) warnings.push('weights are decided in the last epoch: the rest of the network has no time to get used to them');
  return warnings;
}
