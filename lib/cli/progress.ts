/** One line on the terminal that is written over and over: how far, how fast, how long still. */

export interface Progress {
  update(done: number, total: number): void;
  /** Shows a line of the caller's own. */
  show(text: string): void;
  /** Takes the line off the terminal. */
  clear(): void;
}

const leastPause = 100; // milliseconds between two writes

/** @param stream where the line goes; nothing is written where it is not a terminal */
export function progressLine(what: string, stream: NodeJS.WriteStream | undefined): Progress {
  if (!stream?.isTTY) return { update() {}, show() {}, clear() {} };
  const start = performance.now();
  let last = Number.NEGATIVE_INFINITY;
  let shown = false;
  const show = (text: string) => {
    const now = performance.now();
    if (now - last < leastPause) return;
    last = now;
    shown = true;
    stream.write(`\r${text.slice(0, (stream.columns || 80) - 1)}\x1b[K`);
  };
  return {
    show,
    update: (done, total) => show(line(what, done, total, (performance.now() - start) / 1000)),
    clear() {
      if (shown) stream.write('\r\x1b[K');
      shown = false;
    },
  };
}

/** "calibrating  120/500  35.2/s  11 s left" */
export function line(what: string, done: number, total: number, seconds: number): string {
  const rate = done / seconds;
  const left = (total - done) / rate;
  const rateText = Number.isFinite(rate) ? `  ${rate.toFixed(rate < 100 ? 1 : 0)}/s` : '';
  const leftText = Number.isFinite(left) ? `  ${durationText(left)} left` : '';
  return `${what}  ${done}/${total}${rateText}${leftText}`;
}

/** 8 s, 12 min, 3 h 5 min. */
export function durationText(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
