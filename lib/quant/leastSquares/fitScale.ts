/** Whole numbers and their scale that come nearest in a quadratic form: the codes of the weights of outputs. */

/**
 * What codes q of an output cost: e·S·e − 2·e·d for e = s·q − w, the errors of its k weights. S says what errors of two weights do together,
 * d asks for what layers before have lost. Without what q does not change that is s²·q·S·q − 2·s·q·(S·w + d).
 */
export interface Form {
  w: Float64Array;
  /** (k, k), symmetric, with a positive diagonal. */
  s: Float64Array;
  /** S·w + d. */
  target: Float64Array;
}

export interface ScaleSearch {
  /** Scales to begin with: shares of the one that reaches the largest weight. */
  shares: readonly number[];
  /** How often the scale follows the codes, and the codes the scale. */
  refits: number;
  /** The scale is at least this. */
  least: number;
  /** The scale that may stand for one; default: the nearest float32. */
  allowed?: (scale: number) => number;
}

/** Codes of outputs that share a scale. */
export interface Fitted {
  codes: Float64Array[];
  scale: number;
}

/** The best of codes by coordinate descent from several scales, each of which then follows its codes: s = Σ q·(S·w + d) / Σ q·S·q. */
export function fitScale(forms: readonly Form[], top: number, { shares, refits, least, allowed = Math.fround }: ScaleSearch): Fitted {
  const most = forms.reduce((a, { w }) => w.reduce((b, x) => Math.max(b, Math.abs(x)), a), 0);
  const start = (share: number) => allowed(Math.max((share * most) / top, least)) || 1;
  let best: Fitted = { codes: forms.map(({ w }) => w.map(() => 0)), scale: start(1) };
  let lowest = 0;
  for (const share of shares) {
    let scale = start(share);
    for (let refit = 0; refit <= refits; refit++) {
      const found = forms.map((form) => descend(form, scale, top));
      const sum = (name: 'cost' | 'linear' | 'square') => found.reduce((total, each) => total + each[name], 0);
      if (sum('cost') < lowest) {
        best = { codes: found.map(({ codes }) => codes), scale };
        lowest = sum('cost');
      }
      const next = allowed(Math.max(sum('linear') / sum('square'), least));
      if (!(next > 0) || next === scale) break;
      scale = next;
    }
  }
  return best;
}

const mostSweeps = 20;

/** From the nearest codes, one after the other goes where the form is least while the others stay, until none moves. Each move lowers it. */
function descend({ w, s, target }: Form, scale: number, top: number) {
  const size = w.length;
  const snap = (x: number) => Math.min(Math.max(Math.round(x), -top), top);
  const codes = w.map((x) => snap(x / scale));
  const slope = target.map((t) => -t); // s·S·q − target
  const move = (j: number, steps: number) => {
    const by = steps * scale;
    for (let i = 0, at = j * size; i < size; i++, at++) slope[i] += by * s[at];
  };
  for (const [j, q] of codes.entries()) if (q) move(j, q);
  for (let sweep = 0, moved = true; moved && sweep < mostSweeps; sweep++) {
    moved = false;
    for (let j = 0; j < size; j++) {
      const now = snap(codes[j] - slope[j] / (s[j * size + j] * scale));
      if (now === codes[j]) continue;
      move(j, now - codes[j]);
      codes[j] = now;
      moved = true;
    }
  }
  let [linear, square] = [0, 0];
  for (let j = 0; j < size; j++) {
    linear += codes[j] * target[j];
    square += (codes[j] * (slope[j] + target[j])) / scale;
  }
  return { codes, linear, square, cost: scale * (scale * square - 2 * linear) };
}
