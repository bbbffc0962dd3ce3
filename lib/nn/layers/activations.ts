/** Functions of each element as layers, and softmax. Each is its op with the same defaults. */
import * as ops from '../../ops/elementwise.js';
import { logSoftmax, softmax } from '../../ops/norm.js';
import type { Tensor } from '../../tensor.js';
import { Module, parameter, written } from '../module.js';
import { checkSizes } from '../sizes.js';
import { filled } from '../tensors.js';

/** max(x, 0). */
export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return ops.relu(x);
  }
}

/** min(max(x, 0), 6). */
export class ReLU6 extends Module {
  forward(x: Tensor): Tensor {
    return ops.clip(x, { min: 0, max: 6 });
  }
}

/** x, below 0 alpha·x. */
export class LeakyReLU extends Module {
  readonly #alpha: number;

  constructor(alpha = 0.01) {
    super(written(alpha));
    this.#alpha = alpha;
  }

  forward(x: Tensor): Tensor {
    return ops.leakyRelu(x, { alpha: this.#alpha });
  }
}

/** x, below 0 weight·x with a weight for each channel (the last dimension) that is learned, from 0.25 (He et al. 2015). */
export class PReLU extends Module {
  /** (channels). */
  readonly weight: Tensor;

  constructor(channels: number) {
    super(written(channels));
    checkSizes('PReLU', { channels });
    this.weight = parameter(filled([channels], 0.25));
  }

  forward(x: Tensor): Tensor {
    return ops.prelu(x, this.weight);
  }
}

/** x, below 0 alpha·(eˣ − 1). */
export class ELU extends Module {
  readonly #alpha: number;

  constructor(alpha = 1) {
    super(written(alpha));
    this.#alpha = alpha;
  }

  forward(x: Tensor): Tensor {
    return ops.elu(x, { alpha: this.#alpha });
  }
}

/** x·Φ(x) with Φ the normal distribution, or its approximation by tanh. */
export class GELU extends Module {
  readonly #approximate: 'none' | 'tanh';

  constructor(approximate: 'none' | 'tanh' = 'none') {
    super(written(approximate));
    this.#approximate = approximate;
  }

  forward(x: Tensor): Tensor {
    return ops.gelu(x, { approximate: this.#approximate });
  }
}

/** x·sigmoid(x). */
export class SiLU extends Module {
  forward(x: Tensor): Tensor {
    return ops.silu(x);
  }
}

/** 1 / (1 + e⁻ˣ). */
export class Sigmoid extends Module {
  forward(x: Tensor): Tensor {
    return ops.sigmoid(x);
  }
}

/** The hyperbolic tangent. */
export class Tanh extends Module {
  forward(x: Tensor): Tensor {
    return ops.tanh(x);
  }
}

/** x·clamp(x / 6 + 1/2, 0, 1). */
export class HardSwish extends Module {
  forward(x: Tensor): Tensor {
    return ops.hardSwish(x);
  }
}

/** clamp(x / 6 + 1/2, 0, 1), as MobileNetV3 has it. */
export class HardSigmoid extends Module {
  forward(x: Tensor): Tensor {
    return ops.hardSigmoid(x, { alpha: 1 / 6 });
  }
}

/** eˣ / Σ eˣ along an axis. */
export class Softmax extends Module {
  readonly #axis: number;

  constructor(axis = -1) {
    super(written({ axis }));
    this.#axis = axis;
  }

  forward(x: Tensor): Tensor {
    return softmax(x, { axis: this.#axis });
  }
}

/** log(eˣ / Σ eˣ) along an axis. */
export class LogSoftmax extends Module {
  readonly #axis: number;

  constructor(axis = -1) {
    super(written({ axis }));
    this.#axis = axis;
  }

  forward(x: Tensor): Tensor {
    return logSoftmax(x, { axis: this.#axis });
  }
}
