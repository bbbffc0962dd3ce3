/** Random changes of training images: which window of each is cut, whether it is mirrored, where a square is masked. */
import { checkOptions, fail, shapeText } from '../error.js';
import { cropFlip, cutout, lookupLevels } from '../ops/augment.js';
import { streamOf, words } from '../random.js';
import type { Device, Shape } from '../shape.js';
import { keep, Tensor, type TensorData } from '../tensor.js';
import type { Dataset, Samples } from './dataset.js';

export interface Augmentation {
  /**
   * A window at a random place of the image with a margin around it. The margin is made before values are normalized, as usual: 'zero'
   * means pixels that are 0 in the file, which mean and std of the data set make −mean/std.
   */
  crop?: {
    /** The margin in pixels, default 4. */
    padding?: number;
    /** What the margin is made of: zeros, or the image mirrored without its border. Default 'zero'. */
    mode?: 'zero' | 'reflect';
    /** Height and width of the window, default those of the image. */
    size?: readonly [height: number, width: number];
  };
  /** Half of the images are mirrored left to right. */
  flip?: boolean;
  /** The side of a square of zeros, after normalization, around any pixel of the window (DeVries, Taylor 2017). */
  cutout?: number;
}

/** The way of samples into a batch. */
export interface Preparation {
  /** The shape of one sample of the batch. */
  shape: readonly number[];
  /**
   * The batch (n, ...shape) from samples as they are stored. It only calls ops, so that it can run inside `offThread`.
   * @param numbers of the samples in their data set
   */
  apply(values: Samples['values'], numbers: Uint32Array, epoch: number): Tensor;
  /** Frees the tables that are needed for it. */
  dispose(): void;
}

/**
 * How stored samples of a data set become a batch on the device. What is drawn for a sample depends on the seed, the epoch and its number alone.
 * @throws LowbitError 'option' or 'unknownOption' where the augmentation does not fit the samples
 */
export function preparation(set: Dataset, augment: Augmentation, seed: number, device: Device): Preparation {
  const { shape, levels, zero } = set;
  const plan = augmentation(set, augment);
  const there = (data: TensorData, dims?: Shape) => Tensor.from(data, dims, undefined, device);
  const fill = keep(there(levels ? new Uint8Array(shape[0]) : (zero ?? new Float32Array(shape[0] ?? 0))));
  const table = levels && keep(there(levels, [levels.length / 256, 256]));

  function apply(values: Samples['values'], numbers: Uint32Array, epoch: number): Tensor {
    const stored = there(values, [numbers.length, ...shape]);
    const draws = plan && Array.from(numbers, (number) => drawn(plan, seed, epoch, number));
    const rows = (row: (draw: Draw) => number[]) => {
      const list = draws!.map(row);
      return there(Int32Array.from(list.flat()), [list.length, list[0].length]);
    };
    const moved = plan?.moves
      ? cropFlip(
          stored,
          rows(({ top, left, flip }) => [top, left, flip]),
          fill,
          plan.window,
        )
      : stored;
    const x = table ? lookupLevels(moved, table) : moved;
    return plan?.cutout
      ? cutout(
          x,
          rows(({ row, column }) => [row, column]),
          { size: plan.cutout },
        )
      : x;
  }

  function dispose(): void {
    fill.dispose();
    table?.dispose();
  }
  return { shape: plan ? [shape[0], ...plan.window.size] : shape, apply, dispose };
}

export interface Plan {
  moves: boolean;
  window: { size: readonly [height: number, width: number]; mode: 'constant' | 'reflect' };
  padding: number;
  /** How many places the window has from top to bottom and from left to right. */
  places: readonly [number, number];
  flip: boolean;
  cutout: number;
}

interface Draw {
  top: number;
  left: number;
  flip: number;
  row: number;
  column: number;
}

const wordsOfSample = 8;

function drawn({ window, padding, places, flip, cutout }: Plan, seed: number, epoch: number, sample: number): Draw {
  const random = words(seed, streamOf('augment', epoch), 5, wordsOfSample * sample);
  const below = (i: number, n: number) => Math.floor((random[i] * n) / 2 ** 32); // n is small: some values are n/2^32 more likely
  return {
    top: below(0, places[0]) - padding,
    left: below(1, places[1]) - padding,
    flip: flip ? below(2, 2) : 0,
    row: below(3, window.size[0]) - (cutout >> 1),
    column: below(4, window.size[1]) - (cutout >> 1),
  };
}

/**
 * The augmentation with its defaults filled in; undefined where it changes nothing.
 * @throws LowbitError as `preparation` does
 */
export function augmentation({ shape, dtype, description }: Dataset, augment: Augmentation): Plan | undefined {
  checkOptions('augment', augment, ['crop', 'flip', 'cutout']);
  const { crop, flip = false, cutout = 0 } = augment;
  if (!crop && !flip && !cutout) return undefined;
  const wrong = (option: string, came: unknown, expected: string, because?: string) =>
    fail({ code: 'option', where: 'augment', option, came, expected, because });
  const isImage = shape.length === 3 && dtype === 'float32';
  if (!isImage) fail({ code: 'data', where: description, problem: `only images are augmented, samples are ${dtype} ${shapeText(shape)}` });
  if (crop) checkOptions('augment.crop', crop, ['padding', 'mode', 'size']);
  const [, height, width] = shape;
  const { padding = 4, mode = 'zero', size = [height, width] } = crop ?? { padding: 0 };
  if (mode !== 'zero' && mode !== 'reflect') wrong('crop.mode', mode, 'zero or reflect');
  if (!isCount(padding)) wrong('crop.padding', padding, 'a whole number of pixels');
  const places = [height, width].map((extent, i) => extent + 2 * padding - size[i] + 1);
  if (!(size.length === 2 && size.every((n) => isCount(n) && n > 0) && places.every((n) => n > 0))) {
    wrong('crop.size', size, 'a height and a width that fit the image and its margin', `samples are ${shapeText(shape)}`);
  }
  if (!isCount(cutout)) wrong('cutout', cutout, 'a whole number of pixels');
  return {
    moves: Boolean(crop || flip),
    window: { size: size as [number, number], mode: mode === 'zero' ? 'constant' : 'reflect' },
    padding,
    places: places as [number, number],
    flip,
    cutout,
  };
}

const isCount = (n: number) => Number.isInteger(n) && n >= 0 && n <= 16384;
