/** Tests that fail for a reason we stand by, though all their operators are in our list. */
export const expected: readonly { tests: RegExp; reason: string }[] = [];
