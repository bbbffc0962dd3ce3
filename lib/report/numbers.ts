/** Numbers as people read them. */

/** 1234567 -> "1,234,567" */
export const whole = (n: number) => Math.round(n).toLocaleString('en-US');

/** 1234567 -> "1.23 MB" */
export const bytes = (n: number) => (n < 1000 ? `${n} bytes` : scaled(n, ['kB', 'MB', 'GB']));

/** 40813184 -> "40.8 M" */
export const large = (n: number) => (n < 1000 ? String(n) : scaled(n, ['k', 'M', 'G', 'T']));

/** Three digits that count: 0.0123, 1.23, 12.3, 123. */
export const digits3 = (n: number) => (n >= 100 ? whole(n) : n.toPrecision(3));

function scaled(n: number, units: readonly string[]): string {
  let value = n / 1000;
  let unit = 0;
  for (; value >= 999.5 && unit + 1 < units.length; unit++) value /= 1000;
  return `${digits3(value)} ${units[unit]}`;
}

/** 0.5 -> "0.5", 0.00001234 -> "1.23e-5"; a number that is none is "–" */
export function short(n: number): string {
  if (!Number.isFinite(n)) return '–';
  return n !== 0 && Math.abs(n) < 1e-4 ? Number(n.toPrecision(3)).toExponential() : String(Number(n.toPrecision(3)));
}

/** 0.912 -> "91.2 %" */
export const shortPercent = (fraction: number) => `${Number((100 * fraction).toFixed(2))} %`;

/** A difference: 1.25 -> "+1.25", -1.25 -> "−1.25" */
export const signed = (n: number, digits = 2) => `${n < 0 ? '−' : n > 0 ? '+' : ''}${Math.abs(n).toFixed(digits)}`;

/** -3.14 -> "−3.1"; null is the signal to noise of equal numbers. */
export const decibels = (sqnr: number | null) => (sqnr === null ? 'equal' : sqnr.toFixed(1).replace('-', '−'));

/** "14.1 dB" */
export const inDecibels = (sqnr: number | null) => (sqnr === null ? 'equal' : `${decibels(sqnr)} dB`);

/** How a number of an epoch is written, by its name. */
export const formatOf = (name: string) => (name.endsWith('accuracy') ? shortPercent : short);

export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** "loss" -> "Loss" */
export const titled = (name: string) => name[0].toUpperCase() + name.slice(1);

/** "50,000 samples, 10,000 to validate" */
export const samplesText = ({ train, validation }: { train: number; validation: number }) =>
  `${whole(train)} samples${validation ? `, ${whole(validation)} to validate` : ''}`;
