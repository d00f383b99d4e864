import { describe, expect, it } from 'vitest';
import { compare, keysThatFit } from '../src/table';

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

describe('the columns that fit', () => {
  const columns = [
    { key: 'a', width: 100 },
    { key: 'b', width: [50, '1fr'] as [number, string] },
    { key: 'c', width: 30 },
  ];

  // Each column, and each side of it, takes a gap of 14 pixels as well.
  it.each([
    [236, ['c', 'a', 'b']],
    [235, ['c', 'a']],
    [172, ['c', 'a']],
    [171, ['c']],
    [0, ['c']],
  ])('in %i pixels are %j', (room, expected) => expect(keysThatFit(columns, ['c', 'a', 'b'], room)).toEqual(expected));
});
