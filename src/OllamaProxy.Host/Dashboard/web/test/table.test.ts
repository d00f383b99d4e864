import { describe, expect, it } from 'vitest';
import { compare } from '../src/table';

describe('the order of a table', () => {
  it.each([
    [[3, null, 1, 2], false, [1, 2, 3, null]],
    [[3, null, 1, 2], true, [3, 2, 1, null]],
    [['b', 'a', null], false, ['a', 'b', null]],
    [[10, 9], false, [9, 10]],
  ])('of %j, downwards %j, is %j: what is not known is last', (values, isDown, expected) => {
    expect([...values].sort((one, other) => compare(one, other, isDown))).toEqual(expected);
  });
});
