/** How often a classifier's highest outputs are the labels. */
import { fail, shapeText } from '../error.js';
import type { Read } from './executable.js';
import type { Piece } from './prepare.js';

export class Answers {
  #top1 = 0;
  #top5 = 0;
  /** How many samples were counted. */
  samples = 0;

  /** @param where the samples come from, for messages */
  constructor(readonly where: string) {}

  /**
   * Counts a run's output; of equal numbers the first one is the highest.
   * @throws LowbitError 'data' where the output has not a row for each sample, a label is none of its places, or a number is NaN
   */
  add({ shape, numbers: scores }: Read, { inputs, count, labels, first }: Piece): void {
    const wrong = (problem: string) => fail({ code: 'data', where: this.where, problem });
    const [rows] = Object.values(inputs).map((input) => input.shape[0]);
    if (shape.length === 0 || shape[0] !== rows)
      wrong(`the model's output is ${shapeText(shape)} for ${rows} samples, expected a row for each`);
    const classes = scores.length / rows;
    for (let n = 0; n < count; n++) {
      const row = scores.slice(n * classes, (n + 1) * classes);
      const label = labels![n];
      if (row.some(Number.isNaN)) wrong(`the model's output for sample ${first + n} is NaN`);
      if (!(label >= 0 && label < classes))
        wrong(`the label of sample ${first + n} is ${label}, but the model has ${classes} outputs a sample`);
      const place = placeOf(label, row);
      if (place < 1) this.#top1++;
      if (place < 5) this.#top5++;
      this.samples++;
    }
  }

  /** Of the samples, those whose label was the highest output and among the five highest. */
  shares(): { top1: number; top5: number } {
    return { top1: this.#top1 / this.samples, top5: this.#top5 / this.samples };
  }
}

/** How many classes come before this one: those with a higher score, and those with the same one and a lower number. */
function placeOf(label: number, scores: readonly number[]): number {
  return scores.filter((score, i) => score > scores[label] || (score === scores[label] && i < label)).length;
}
