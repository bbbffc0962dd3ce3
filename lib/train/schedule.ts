/** Learning rates over time, as factors of the optimizer's own rate: pure functions of the step. */
import { checkOptions, fail } from '../error.js';

/**
 * What the optimizer's rate is multiplied with in a step. `String(schedule)` is the call that makes it.
 * @param step counted from 0
 * @param steps of the whole run; from there on the schedule stays at its end
 * @param stepsPerEpoch for options that count in epochs
 */
export interface Schedule {
  (step: number, steps: number, stepsPerEpoch: number): number;
  toString(): string;
}

/** A length of a run, or a list of places in it: in steps, in epochs (2.5 is one too), or as fractions of all steps. */
export type Span<T = number> = { steps: T } | { epochs: T } | { fraction: T };

/** The rate stays as it is. */
export function constant(options: Record<never, never> = {}): Schedule {
  checkOptions('constant', options, []);
  return named('constant', options, () => 1);
}

export interface StepDecayOptions {
  /** The distance between two drops. */
  every?: Span;
  /** The places of the drops. */
  at?: Span<readonly number[]>;
  /** What the rate is multiplied with at each of them, default 0.1. */
  gamma?: number;
}

/**
 * The rate drops at regular distances (`every`) or at given places (`at`): the factor is gamma^(drops so far).
 * @throws LowbitError 'option' unless there is one of every and at, or for numbers out of range; 'unknownOption'
 */
export function stepDecay(options: StepDecayOptions): Schedule {
  checkOptions('stepDecay', options, ['every', 'at', 'gamma']);
  const { every, at, gamma = 0.1 } = options;
  const where = 'stepDecay';
  if ((every === undefined) === (at === undefined)) {
    const because = every ? 'the option at is given as well' : 'there is no option at either';
    fail({ code: 'option', where, option: 'every', came: every && optionsText(every), expected: 'every or at', because });
  }
  if (every) checkSpan(where, 'every', every, (n) => n > 0, 'above 0');
  if (at) for (const place of checkUnit(where, 'at', at)) checkNumber(where, 'at', place, place >= 0, 'from 0');
  checkNumber(where, 'gamma', gamma, gamma > 0, 'above 0');
  return named(where, { every, at, gamma }, (step, ...run) => {
    const place = Math.min(step, run[0]) / unitOf((every ?? at)!, ...run);
    const drops = every ? Math.floor(place / amountOf(every)) : amountOf(at!).filter((drop) => drop <= place).length;
    return gamma ** drops;
  });
}

export interface CosineOptions {
  /** The factor at the end, default 0. */
  final?: number;
}

/**
 * Half a wave of a cosine: final + (1 − final) (1 + cos(π step / steps)) / 2. Loshchilov and Hutter, "SGDR", without restarts.
 * @throws LowbitError 'option', 'unknownOption'
 */
export function cosine(options: CosineOptions = {}): Schedule {
  checkOptions('cosine', options, ['final']);
  const { final = 0 } = options;
  checkNumber('cosine', 'final', final, final >= 0, 'from 0');
  return named('cosine', { final }, (step, steps) => between(1, final, cosineRise(Math.min(1, step / steps))));
}

export interface PolynomialOptions {
  /** Default 1, a straight line. */
  power?: number;
  /** The factor at the end, default 0. */
  final?: number;
}

/**
 * final + (1 − final) (1 − step / steps)^power.
 * @throws LowbitError 'option', 'unknownOption'
 */
export function polynomial(options: PolynomialOptions = {}): Schedule {
  checkOptions('polynomial', options, ['power', 'final']);
  const { power = 1, final = 0 } = options;
  checkNumber('polynomial', 'power', power, power > 0, 'above 0');
  checkNumber('polynomial', 'final', final, final >= 0, 'from 0');
  return named('polynomial', { power, final }, (step, steps) => between(final, 1, Math.max(0, 1 - step / steps) ** power));
}

export interface OneCycleOptions {
  /** Where the rate is at its highest, the optimizer's own one, as a fraction of all steps. Default 0.3. */
  peak?: number;
  /** The rate starts at the highest one divided by this. Default 25. */
  startDivisor?: number;
  /** It ends at the first one divided by this. Default 10 000. */
  finalDivisor?: number;
}

/**
 * Up and further down along cosines: from 1 / startDivisor at the first step to 1, then to 1 / (startDivisor finalDivisor) at the last
 * one. L. Smith, "Super-Convergence", in the two phases of PyTorch's OneCycleLR; the momentum stays as it is.
 * @throws LowbitError 'option', 'unknownOption'
 */
export function oneCycle(options: OneCycleOptions = {}): Schedule {
  checkOptions('oneCycle', options, ['peak', 'startDivisor', 'finalDivisor']);
  const { peak = 0.3, startDivisor = 25, finalDivisor = 1e4 } = options;
  checkNumber('oneCycle', 'peak', peak, peak >= 0 && peak <= 1, 'from 0 to 1');
  checkNumber('oneCycle', 'startDivisor', startDivisor, startDivisor >= 1, 'from 1');
  checkNumber('oneCycle', 'finalDivisor', finalDivisor, finalDivisor >= 1, 'from 1');
  const first = 1 / startDivisor;
  return named('oneCycle', { peak, startDivisor, finalDivisor }, (step, steps) => {
    const top = peak * steps - 1;
    const last = steps - 1;
    if (step < top) return between(first, 1, cosineRise(step / top));
    return between(1, first / finalDivisor, step < last ? cosineRise((step - top) / (last - top)) : 1);
  });
}

export type WarmUpOptions = Span & {
  /** The factor of the first step, default 0.01. */
  from?: number;
};

/**
 * Raises the rate along a straight line over the first steps; the schedule begins after them and has the rest of the run, so that places
 * and distances count from there. Goyal et al., "Accurate, Large Minibatch SGD".
 * @throws LowbitError 'option' unless the length is given in one unit, or for numbers out of range; 'unknownOption'
 */
export function warmUp(schedule: Schedule, options: WarmUpOptions): Schedule {
  const { from = 0.01, ...length } = options;
  checkSpan('warmUp', 'length', length as Span, (n) => n >= 0, 'from 0');
  checkNumber('warmUp', 'from', from, from >= 0, 'from 0');
  const text = `warmUp(${schedule}, ${optionsText({ ...length, from })})`;
  return printed(text, (step, ...run) => {
    const ramp = Math.round(amountOf(length as Span) * unitOf(length as Span, ...run));
    const [steps, stepsPerEpoch] = run;
    const after = (place: number) => schedule(place, Math.max(1, steps - ramp), stepsPerEpoch);
    return step < ramp ? between(from, after(0), step / ramp) : after(step - ramp);
  });
}

/** All schedules that do not change another one, by name. */
export const schedules = { constant, stepDecay, cosine, polynomial, oneCycle };

type Factor = (step: number, steps: number, stepsPerEpoch: number) => number;

const between = (start: number, end: number, way: number) => start + (end - start) * way;

/** From 0 to 1 with a level start and end. */
const cosineRise = (way: number) => (1 - Math.cos(Math.PI * way)) / 2;

const named = (name: string, options: object, factor: Factor) => printed(`${name}(${optionsText(options)})`, factor);

function printed(text: string, factor: Factor): Schedule {
  const schedule: Factor = (step, steps, stepsPerEpoch) => factor(step, steps, stepsPerEpoch);
  return Object.defineProperty(schedule, 'toString', { value: () => text });
}

/** { every: { epochs: 30 }, gamma: 0.1 } */
function optionsText(options: object): string {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return given.length > 0 ? `{ ${given.map(([key, value]) => `${key}: ${valueText(value)}`).join(', ')} }` : '';
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.join(', ')}]`;
  return typeof value === 'object' && value !== null ? optionsText(value) : String(value);
}

const units = ['steps', 'epochs', 'fraction'];

/** The steps of one unit of the span. */
function unitOf(span: Span<unknown>, steps: number, stepsPerEpoch: number): number {
  if ('epochs' in span) return stepsPerEpoch;
  return 'fraction' in span ? steps : 1;
}

const amountOf = <T>(span: Span<T>): T => Object.values(span)[0];

function checkUnit<T>(where: string, option: string, span: Span<T>): T {
  const keys = Object.keys(span);
  checkOptions(where, span, units);
  if (keys.length === 1) return amountOf(span);
  return fail({ code: 'option', where, option, came: optionsText(span), expected: `one of ${units.join(', ')}` });
}

function checkSpan(where: string, option: string, span: Span, ok: (n: number) => boolean, range: string): void {
  const value = checkUnit(where, option, span);
  checkNumber(where, option, value, ok(value), range);
}

function checkNumber(where: string, option: string, came: number, ok: boolean, range: string): void {
  if (!ok || !Number.isFinite(came)) fail({ code: 'option', where, option, came, expected: `a number ${range}` });
}
