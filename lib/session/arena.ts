/** Memory planned ahead: values whose times do not meet may lie in the same place. */

/** A value's bytes, and the steps from the one that writes it to the last that reads it. */
export interface Lifetime {
  bytes: number;
  from: number;
  to: number;
}

// Vector loads begin where a cache line does, and may run 64 bytes past the end.
const line = 64;
const room = (bytes: number) => Math.ceil(bytes / line) * line + line;

/**
 * A place for each value: the largest first, each as low as those that live at the same time let it.
 * @returns the first bytes, in the order of `values`, and the size of it all
 */
export function layOut(values: readonly Lifetime[]): { offsets: number[]; bytes: number } {
  const offsets = values.map(() => 0);
  const placed: number[] = [];
  const order = [...values.keys()].sort((a, b) => values[b].bytes - values[a].bytes || a - b);
  let bytes = 0;
  for (const i of order) {
    const { from, to } = values[i];
    const size = room(values[i].bytes);
    let offset = 0;
    for (const j of placed) {
      if (values[j].from > to || values[j].to < from || offsets[j] + room(values[j].bytes) <= offset) continue;
      if (offsets[j] >= offset + size) break; // they are in order of their place
      offset = offsets[j] + room(values[j].bytes);
    }
    offsets[i] = offset;
    bytes = Math.max(bytes, offset + size);
    const at = placed.findIndex((j) => offsets[j] > offset);
    placed.splice(at < 0 ? placed.length : at, 0, i);
  }
  return { offsets, bytes };
}
