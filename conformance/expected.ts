/** Tests that fail for a reason we stand by, though all their operators are in our list. */
export const expected: readonly { tests: RegExp; reason: string }[] = [
  {
    tests: /^test_training_dropout(_default)?(_mask)?$/,
    reason: 'training mode draws random numbers; models are read for inference',
  },
  {
    tests: /^test_cast(like)?_FLOAT_to_BFLOAT16(_expanded)?$/,
    reason:
      'the 1.12 tests cut bits off; the format has since said to round to even, as we do (and the castlike ones break their own model)',
  },
  {
    tests: /^test_castlike_BFLOAT16_to_FLOAT(_expanded)?$/,
    reason: 'the data of input "like" is [1] where the model of the test says [3, 4]',
  },
];
