import test from 'ava';
import { LowbitError, type SlbOptions, slb, slbPresets } from 'lowbit';

const stages = (options: Partial<SlbOptions>, epochs: number, wanted: readonly number[]) => {
  const search = slb({ ...slbPresets.goldenStick, epochs, ...options });
  return wanted.map((epoch) => search.stage(epoch));
};

/** The published table has five digits. */
const near = (a: number, b: number) => Math.abs(a - b) / b < 2e-5;

test('the default schedule of 100 epochs is the published one', (t) => {
  const wanted: [epoch: number, temperature: number, mode: string][] = [
    [1, 1, 'soft'],
    [20, 1, 'soft'],
    [21, 1.2, 'soft'],
    [22, 1.44, 'soft'],
    [30, 6.1917, 'soft'],
    [40, 38.338, 'soft'],
    [59, 1224.81, 'soft'],
    [60, 1469.77, 'hard'],
    [100, 1469.77, 'hard'],
  ];
  const got = stages(
    {},
    100,
    wanted.map(([epoch]) => epoch),
  );
  for (const [i, [epoch, temperature, mode]] of wanted.entries()) {
    t.true(near(got[i].temperature, temperature), `epoch ${epoch}: T ${got[i].temperature}`);
    t.is(got[i].mode, mode as 'soft', `epoch ${epoch}`);
  }
});

test('edges of the schedule: no ramp, decided from the start, the paper, a tail', (t) => {
  const at = (startTime: number, endTime: number) => stages({ temperature: { startTime, endTime } }, 10, [4, 5, 6]);
  t.deepEqual(at(0.5, 0.5), [
    { temperature: 1, mode: 'soft' },
    { temperature: 1, mode: 'hard' },
    { temperature: 1, mode: 'hard' },
  ]);
  t.deepEqual(stages({ temperature: { startTime: 0, endTime: 0 } }, 10, [1]), [{ temperature: 1, mode: 'hard' }]);
  t.deepEqual(
    stages({ temperature: { endTime: 1 } }, 10, [9, 10]).map(({ mode }) => mode),
    ['soft', 'hard'],
  );
  const [last] = stages({ ...slbPresets.paper }, 400, [400]);
  t.true(near(last.temperature, 1.04 ** 200), String(last.temperature));
  const tail = stages({ straightThroughTail: 1.5 }, 10, [5, 6, 10]);
  t.deepEqual(
    tail.map(({ mode }) => mode),
    ['soft', 'straightThrough', 'straightThrough'],
  );
  t.is(tail[1].temperature, 1.5);
});

test('mistakes in the options are refused with what was expected', (t) => {
  const refused = (options: object, message: RegExp) =>
    t.throws(() => slb({ epochs: 10, ...options } as SlbOptions), { instanceOf: LowbitError, message });
  refused({ weightBits: 5 }, /weightBits.*5.*1, 2, 3, 4/);
  refused({ weightBits: '1' }, /weightBits/);
  refused({ activationBits: 9 }, /activationBits.*1 to 8/);
  refused({ actBits: 8 }, /actBits.*activationBits/);
  refused({ epochs: 0 }, /epochs.*whole number from 1/);
  refused({ trainedEpochs: 10 }, /trainedEpochs.*below the 10 epochs/);
  refused({ temperature: { factor: 0.9 } }, /factor.*soften/);
  refused({ temperature: { startTime: 0.7, endTime: 0.6 } }, /endTime.*0.7/);
  refused({ temperature: { t_start: 1 } }, /t_start/);
  refused({ activation: { decay: 1 } }, /decay/);
  refused({ bnCalibration: 0 }, /bnCalibration/);
  refused({ bnCalibration: true }, /bnCalibration/);
  refused({ init: 'float' }, /init.*pretrained/);
  refused({ alpha: true }, /alpha/);
  refused({ grid: 'zero' }, /grid.*one bit/);
  refused({ quantizeFirst: 1 }, /quantizeFirst/);
  refused({ straightThroughTail: 0 }, /straightThroughTail/);
  refused({ seed: -1 }, /seed/);
});

test('an algorithm prints all of its options', (t) => {
  const text = String(slb({ epochs: 7, weightBits: 2, activationBits: 8, exclude: ['a', /b$/], grid: 'zero' }));
  for (const part of [
    'weightBits: 2',
    'activationBits: 8',
    'epochs: 7',
    'factor: 1.5',
    '/b$/',
    '"zero"',
    'bnCalibration: 50',
    'decay: 0.99',
  ]) {
    t.true(text.includes(part), `${part} in ${text}`);
  }
});
