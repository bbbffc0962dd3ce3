/** Small networks and data for tests of training. */
import { digits, nn } from 'lowbit';

/** Convolutions, batch norm, dropout and a dense layer: everything whose state a run has to keep. */
export function smallNetwork(seed = 0, channels = 4): nn.Module {
  const random = new nn.Random(seed);
  return new nn.Sequential(
    new nn.Conv2d(1, channels, 3, { stride: 2, padding: 1, bias: false, random }),
    new nn.BatchNorm2d(channels),
    new nn.ReLU(),
    new nn.Conv2d(channels, 8, 3, { stride: 2, padding: 1, bias: false, random }),
    new nn.BatchNorm2d(8),
    new nn.ReLU(),
    new nn.Flatten(),
    new nn.Dropout(0.1),
    new nn.Linear(8 * 7 * 7, 10, { random }),
  );
}

export const smallDigits = (count = 96, seed = 1) => digits({ count, seed });
