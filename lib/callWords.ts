/** Calls as numbers, in the layout of native/call.h. */
import { type Dtype, dtypes, type Shape } from './shape.js';

/** Where a tensor's elements are, and what they are. */
export interface Place {
  readonly handle: number;
  readonly dtype: Dtype;
  readonly shape: Shape;
  /** Bytes of the buffer before the first element; none where it is not said. */
  readonly offset?: number;
}

/** A list of calls that grows. */
export class CallWords {
  words = new Float64Array(1024);
  count = 0;

  /**
   * @param op its index in the op table
   * @param row -1: the best one
   * @param params the numbers of each parameter, in the order of the op table
   */
  push(op: number, row: number, inputs: readonly Place[], output: Place, params: readonly (readonly number[])[]): void {
    const start = this.count;
    try {
      this.#word(op);
      this.#word(row);
      this.#word(inputs.length);
      for (const input of inputs) this.#place(input);
      this.#place(output);
      this.#word(params.length);
      for (const list of params) {
        this.#word(list.length);
        for (const item of list) this.#word(item);
      }
    } catch (error) {
      this.count = start; // the handle of a tensor that is gone
      throw error;
    }
  }

  #place({ handle, dtype, shape, offset = 0 }: Place): void {
    this.#word(handle);
    this.#word(offset);
    this.#word(dtypes.indexOf(dtype));
    this.#word(shape.length);
    for (const n of shape) this.#word(n);
  }

  #word(value: number): void {
    if (this.count === this.words.length) {
      const larger = new Float64Array(this.words.length * 2);
      larger.set(this.words);
      this.words = larger;
    }
    this.words[this.count++] = value;
  }
}
