import { add, gelu, mul, sub, tanh } from '../../ops/elementwise.js';
import { gather } from '../../ops/indexing.js';
import { reshape } from '../../ops/layout.js';
import { Tensor } from '../../tensor.js';
import { MultiHeadAttention } from '../layers/attention.js';
import { Dropout } from '../layers/dropout.js';
import { Embedding } from '../layers/embedding.js';
import { Linear } from '../layers/linear.js';
import { LayerNorm } from '../layers/norm.js';
import { constant, Module } from '../module.js';
import { normalInitial, Random, type WeightOptions } from '../random.js';
import { checkModel, type ModelOptions } from './options.js';

export interface EncoderOptions extends ModelOptions {
  /** How many different tokens there are. */
  vocabulary: number;
  /** Tokens of a sample. */
  length: number;
  /** Numbers for each token, default 128. */
  width?: number;
  /** Attention heads, default 2. */
  heads?: number;
  /** Blocks, default 2. */
  layers?: number;
  /** The width inside each block's dense part, default 4 · width. */
  hidden?: number;
  /** Rate of the dropout behind the embeddings, behind both parts of a block and before the classifier; default 0.1. */
  dropout?: number;
}

const epsilon = 1e-12;

/** Attention, then two dense layers, each with a sum around it and layer norm behind. */
class EncoderBlock extends Module {
  readonly attention: MultiHeadAttention;
  readonly norm1: LayerNorm;
  readonly dense1: Linear;
  readonly dense2: Linear;
  readonly norm2: LayerNorm;
  readonly dropout: Dropout;

  constructor(width: number, heads: number, hidden: number, dropout: number, options: WeightOptions) {
    super();
    this.dropout = new Dropout(dropout);
    this.attention = new MultiHeadAttention(width, heads, options);
    this.norm1 = new LayerNorm(width, { epsilon });
    this.dense1 = new Linear(width, hidden, options);
    this.dense2 = new Linear(hidden, width, options);
    this.norm2 = new LayerNorm(width, { epsilon });
  }

  forward(x: Tensor, mask?: Tensor): Tensor {
    const seen = this.norm1.forward(add(x, this.dropout.forward(this.attention.forward(x, mask))));
    return this.norm2.forward(add(seen, this.dropout.forward(this.dense2.forward(gelu(this.dense1.forward(seen))))));
  }
}

class Encoder extends Module {
  readonly tokens: Embedding;
  readonly positions: Embedding;
  readonly norm: LayerNorm;
  readonly blocks: readonly EncoderBlock[];
  readonly pooler: Linear;
  readonly classifier: Linear;
  readonly dropout: Dropout;
  readonly first = constant(Tensor.scalar(0, 'int32'));
  readonly one = constant(Tensor.scalar(1));
  readonly far = constant(Tensor.scalar(1e4));

  constructor(sizes: Required<Omit<EncoderOptions, 'seed'>>, random: Random) {
    super();
    const { vocabulary, length, width, heads, layers, hidden, dropout, classes } = sizes;
    this.dropout = new Dropout(dropout);
    const options = { initial: normalInitial(0.02), random };
    this.tokens = new Embedding(vocabulary, width, options);
    this.positions = new Embedding(length, width, options);
    this.norm = new LayerNorm(width, { epsilon });
    this.blocks = Array.from({ length: layers }, () => new EncoderBlock(width, heads, hidden, dropout, options));
    this.pooler = new Linear(width, width, options);
    this.classifier = new Linear(width, classes, options);
  }

  forward(tokens: Tensor, mask?: Tensor): Tensor {
    const embedded = this.dropout.forward(this.norm.forward(add(this.tokens.forward(tokens), this.positions.weight)));
    const scores = mask && reshape(mul(sub(mask, this.one), this.far), { shape: [0, 1, 1, -1] });
    const encoded = this.blocks.reduce((x, block) => block.forward(x, scores), embedded);
    const pooled = tanh(this.pooler.forward(gather(encoded, this.first, { axis: 1 })));
    return this.classifier.forward(this.dropout.forward(pooled));
  }
}

/**
 * A transformer encoder that classifies sequences, built as BERT (Devlin et al. 2019) without its segments: embeddings of tokens and
 * positions, blocks with layer norm behind each sum, exact GELU, a dense layer with tanh on the first token. Weights start normal with
 * deviation 0.02, biases at zero. `vocabulary: 30522, length: 512` and defaults make BERT-tiny: 4,385,664 parameters and the classifier's.
 *
 * `forward(tokens, mask?)`: tokens are int32 or int64 (n, length); mask is float32 (n, length), 1 for tokens and 0 for padding.
 * @returns logits (n, classes), 2 by default
 */
export function encoder(options: EncoderOptions): Module {
  const { vocabulary, length, width = 128, heads = 2, layers = 2, hidden = 4 * width, dropout = 0.1, classes = 2, seed } = options;
  const sizes = { vocabulary, length, width, heads, layers, hidden, classes };
  checkModel('encoder', options, [...Object.keys(sizes), 'dropout'], sizes);
  return new Encoder({ ...sizes, dropout }, new Random(seed));
}
