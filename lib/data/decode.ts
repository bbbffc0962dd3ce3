/** Image files to pixels, through the optional package `sharp`. */
import { fail } from '../error.js';
import { roundHalfEven } from '../rounding.js';

/** Pixels (h, w, c), red first. One channel stands for three equal ones. */
export interface Picture {
  width: number;
  height: number;
  channels: number;
  pixels: Uint8Array;
}

type Sharp = typeof import('sharp')['default'];

/**
 * The decoder. It is loaded when the first image is asked for, so that nobody else needs it.
 * @throws LowbitError 'missing' where sharp is not installed
 */
export async function loadSharp(load: () => Promise<{ default: Sharp }> = () => import('sharp')): Promise<Sharp> {
  try {
    return (await load()).default;
  } catch {
    return fail({ code: 'missing', what: 'sharp', because: 'images are decoded with it', todo: 'Run `npm install sharp`.' });
  }
}

/**
 * Decodes an image to 8 bits a channel, scales it and cuts out its centre.
 * @param resize the shorter side after scaling (bilinear, antialiased); the longer one follows, rounded down
 * @param crop the side of the square that is cut out after that
 * @throws LowbitError 'file' where it is damaged or not an image, 'data' where it is smaller than the crop
 */
export async function decodeImage(sharp: Sharp, path: string, resize?: number, crop?: number): Promise<Picture> {
  const picture = await scaled(sharp, path, resize).catch((error: Error) =>
    fail({ code: 'file', path, problem: `this image cannot be read (${error.message.split('\n')[0].trim()})` }),
  );
  return crop === undefined ? picture : centre(picture, crop, path);
}

async function scaled(sharp: Sharp, path: string, shorter?: number): Promise<Picture> {
  let image = sharp(path).toColourspace('srgb').removeAlpha();
  if (shorter !== undefined) {
    const { width, height } = await image.metadata();
    const least = Math.min(width, height);
    const size = [width, height].map((side) => Math.trunc((shorter * side) / least));
    image = image.resize(size[0], size[1], { fit: 'fill', kernel: 'linear', fastShrinkOnLoad: false });
  }
  const { data, info } = await image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, channels: info.channels, pixels: data };
}

function centre({ width, height, channels, pixels }: Picture, side: number, path: string): Picture {
  if (width < side || height < side) {
    const problem = `${width} × ${height} pixels are too few for a crop of ${side} × ${side}`;
    fail({ code: 'data', where: path, problem, todo: 'Use resize as well.' });
  }
  const [left, top] = [width, height].map((extent) => roundHalfEven((extent - side) / 2));
  const out = new Uint8Array(side * side * channels);
  for (let row = 0; row < side; row++) {
    const from = ((top + row) * width + left) * channels;
    out.set(pixels.subarray(from, from + side * channels), row * side * channels);
  }
  return { width: side, height: side, channels, pixels: out };
}
