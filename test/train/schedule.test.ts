import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { train } from 'lowbit';
import { faults } from '../faults.js';
import { repositoryRoot } from '../shared.js';

const { constant, cosine, oneCycle, polynomial, stepDecay, warmUp } = train;
type Schedule = train.Schedule;

/** From PyTorch, see schedules.py beside it. */
const expected: Record<string, number[]> = JSON.parse(readFileSync(join(repositoryRoot(), 'test/fixtures/schedules.json'), 'utf8'));

const ours: Record<string, Schedule> = {
  'stepDecay every': stepDecay({ every: { steps: 3 }, gamma: 0.5 }),
  'stepDecay at': stepDecay({ at: { steps: [2, 7] } }),
  cosine: cosine(),
  'cosine final': cosine({ final: 0.2 }),
  polynomial: polynomial({ power: 2 }),
  oneCycle: oneCycle(),
  'oneCycle options': oneCycle({ peak: 0.45, startDivisor: 10, finalDivisor: 100 }),
  'warmUp cosine': warmUp(cosine(), { steps: 4, from: 0.1 }),
  'warmUp stepDecay': warmUp(stepDecay({ every: { steps: 4 } }), { steps: 3, from: 0.25 }),
};

const whole = (schedule: Schedule, steps: number, stepsPerEpoch = 1) =>
  Array.from({ length: steps }, (_, step) => schedule(step, steps, stepsPerEpoch));

function near(came: readonly number[], wanted: readonly number[]): boolean {
  return came.length === wanted.length && came.every((value, i) => Math.abs(value - wanted[i]) <= 4e-15); // sums of terms up to 1
}

for (const [name, rates] of Object.entries(expected)) {
  test(`${name} as in PyTorch`, (t) => {
    const came = whole(ours[name], rates.length);
    t.true(near(came, rates), `${came}`);
  });
}

test('every case of PyTorch is there', (t) => t.deepEqual(Object.keys(ours), Object.keys(expected)));

test('lengths count in steps, epochs or as a fraction of the run', (t) => {
  const inSteps = stepDecay({ every: { steps: 6 } });
  for (const same of [stepDecay({ every: { epochs: 1.5 } }), stepDecay({ every: { fraction: 0.3 } })]) {
    t.deepEqual(whole(same, 20, 4), whole(inSteps, 20, 4));
  }
  const places = stepDecay({ at: { steps: [4, 10] }, gamma: 0.5 });
  for (const same of [stepDecay({ at: { epochs: [1, 2.5] }, gamma: 0.5 }), stepDecay({ at: { fraction: [0.2, 0.5] }, gamma: 0.5 })]) {
    t.deepEqual(whole(same, 20, 4), whole(places, 20, 4));
  }
  const warm = warmUp(constant(), { steps: 5 });
  t.deepEqual(whole(warmUp(constant(), { fraction: 0.25 }), 20, 4), whole(warm, 20, 4));
  t.deepEqual(whole(warmUp(constant(), { epochs: 1.25 }), 20, 4), whole(warm, 20, 4));
});

test('short runs, runs within their warm-up, and steps after the end', (t) => {
  const all = [...Object.values(ours), constant(), oneCycle({ peak: 0 }), oneCycle({ peak: 1 }), warmUp(oneCycle(), { steps: 9 })];
  for (const schedule of all) {
    for (const steps of [1, 2, 3, 4]) {
      for (const [step, factor] of [...whole(schedule, steps), schedule(steps + 5, steps, 1)].entries()) {
        t.true(factor >= 0 && factor <= 1, `${schedule}, step ${step} of ${steps}: ${factor}`);
      }
    }
  }
  t.is(cosine()(30, 20, 1), 0);
  t.is(polynomial({ final: 0.1 })(30, 20, 1), 0.1);
  t.true(near([oneCycle()(30, 20, 1)], [1 / 25e4]));
  t.is(stepDecay({ every: { steps: 10 }, gamma: 0.5 })(1000, 20, 1), 0.25);
});

test('a warm-up ends where its schedule begins', (t) => {
  const schedule = warmUp(oneCycle({ startDivisor: 4 }), { steps: 3, from: 0.1 });
  t.true(near(whole(schedule, 20).slice(0, 4), [0.1, 0.15, 0.2, 0.25]));
  t.deepEqual(whole(warmUp(cosine(), { steps: 0 }), 10), whole(cosine(), 10));
});

test('a schedule prints as the call that makes it', (t) => {
  t.is(String(constant()), 'constant()');
  t.is(String(warmUp(cosine({ final: 0.01 }), { epochs: 5 })), 'warmUp(cosine({ final: 0.01 }), { epochs: 5, from: 0.01 })');
  t.is(`${stepDecay({ at: { epochs: [30, 60] } })}`, 'stepDecay({ at: { epochs: [30, 60] }, gamma: 0.1 })');
  t.is(String(oneCycle()), 'oneCycle({ peak: 0.3, startDivisor: 25, finalDivisor: 10000 })');
  t.is(String(polynomial({ power: 2 })), 'polynomial({ power: 2, final: 0 })');
});

test('options that make no sense are refused', (t) => {
  faults(t, () => cosine({ end: 0 } as object), 'unknownOption', /cosine: unknown option "end", known: final/);
  faults(t, () => cosine({ final: -1 }), 'option', /cosine: option final is -1, expected a number from 0\./);
  faults(t, () => cosine({ final: '1' as unknown as number }), 'option', /option final is "1"/);
  faults(t, () => stepDecay({}), 'option', /option every is undefined, expected every or at because there is no option at either/);
  faults(t, () => stepDecay({ every: { steps: 1 }, at: { steps: [1] } }), 'option', /because the option at is given as well/);
  faults(t, () => stepDecay({ every: { epochs: 0 } }), 'option', /stepDecay: option every is 0, expected a number above 0/);
  faults(t, () => stepDecay({ at: { steps: [3, -1] } }), 'option', /option at is -1, expected a number from 0/);
  faults(t, () => stepDecay({ every: { epoch: 3 } as never }), 'unknownOption', /unknown option "epoch", did you mean "epochs"/);
  faults(t, () => warmUp(constant(), { steps: 3, epochs: 3 }), 'option', /one of steps, epochs, fraction/);
  faults(t, () => warmUp(constant(), { from: 0.1 } as never), 'option', /warmUp: option length/);
  faults(t, () => oneCycle({ peak: 1.5 }), 'option', /option peak is 1\.5, expected a number from 0 to 1/);
  faults(t, () => polynomial({ power: 0 }), 'option', /option power is 0/);
});
