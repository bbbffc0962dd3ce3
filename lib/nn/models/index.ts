/** Networks by name; each takes `{ classes, seed, ... }` and gives a module. */
export { type EncoderOptions, encoder } from './encoder.js';
export { type LeNet5Options, lenet5 } from './lenet5.js';
export { type MobileNetOptions, mobilenetV1, mobilenetV2 } from './mobilenet.js';
export type { ModelOptions, Stem } from './options.js';
export {
  type CifarResNetOptions,
  type ResNetOptions,
  resnet8,
  resnet18,
  resnet20,
  resnet32,
  resnet50,
  resnet56,
  type Shortcut,
} from './resnet.js';
export { vggSmall } from './vggSmall.js';
