/** Rounding: to integers, and between numbers and the bits of 16-bit floats. */

const word = new DataView(new ArrayBuffer(4));

/** The number that the bits of a bfloat16 stand for. */
export const bfloatToNumber = (bits: number) => bitsToFloat(bits << 16);

function bitsToFloat(bits: number): number {
  word.setInt32(0, bits);
  return word.getFloat32(0);
}

function floatToBits(value: number): number {
  word.setFloat32(0, value);
  return word.getUint32(0);
}

/** The number that the bits of a float16 stand for. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent ? 2 ** (exponent - 25) * (1024 + mantissa) : 2 ** -24 * mantissa);
}

/** The bits of the nearest float16, ties to even. */
export function numberToHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  if (magnitude === 0) return sign;
  const exponent = Math.max(Math.floor(Math.log2(magnitude)), -14);
  const mantissa = roundHalfEven(magnitude * 2 ** (10 - exponent)); // 1024..2048, less when subnormal
  return sign | (mantissa >= 1024 ? ((exponent + 14) << 10) + mantissa : mantissa);
}

/** The bits of the nearest bfloat16, ties to even. */
export function numberToBfloat(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  const bits = floatToBits(value);
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** To the nearest integer, ties to the even one: the rounding of the whole package (docs/integers.md). */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
