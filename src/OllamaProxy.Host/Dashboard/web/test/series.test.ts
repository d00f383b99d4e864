import { describe, expect, it } from 'vitest';
import type { Group, Step } from '../src/api';
import { answering, answeringIn, assign, type Colors, palette, read, write } from '../src/colors';
import { nextTo } from '../src/neighbours';
import { accumulate, axis, column, fold, placeOf, roundBounds, roundTop, stacks } from '../src/series';
import { record } from './record';

const step = (timestamp: number, requests: number, parts: [string | null, number][] = []): Step =>
  ({ timestamp, numbers: { requests }, parts: parts.map(([name, count]) => ({ name, requests: count })) }) as unknown as Step;

describe('a series', () => {
  it('has every step, those without a record too', () => {
    const series = [step(120, 1), step(240, 2)];
    const times = axis(65, 290, 60, series);
    expect(times).toEqual([60, 120, 180, 240]);
    expect(column(times, series, 0, (numbers) => numbers.requests)).toEqual([0, 1, 0, 2]);
    expect(column(times, series, null as number | null, (numbers) => numbers.requests)).toEqual([null, 1, null, 2]);
  });
  it('is stacked by model, with what is not named at the end', () => {
    const series = [
      step(0, 10, [
        ['a', 6],
        ['b', 1],
      ]),
      step(60, 2, [['a', 2]]),
    ];
    const groups = [{ name: 'a' }, { name: 'b' }];
    const stack = stacks([0, 60], series, groups, (name) => name !== null);
    expect(stack.map((part) => [part.name, part.isRest, part.values])).toEqual([
      ['a', false, [6, 2]],
      ['b', false, [1, 0]],
      [null, true, [3, 0]],
    ]);
    expect(accumulate(stack.map((part) => part.values))).toEqual([
      [6, 2],
      [7, 2],
      [10, 2],
    ]);
  });
  it('has one stack for all models without a color, unless there is only one model', () => {
    const series = [
      step(0, 10, [
        ['a', 6],
        ['typo', 1],
        [null, 3],
      ]),
    ];
    const groups = [{ name: 'a' }, { name: null }, { name: 'typo' }];
    expect(stacks([0], series, groups, (name) => name === 'a').map((part) => [part.name, part.values])).toEqual([
      ['a', [6]],
      [null, [4]],
    ]);
    expect(stacks([0], [step(0, 1, [['typo', 1]])], [{ name: 'typo' }], () => false).map((part) => [part.name, part.isRest, part.values])).toEqual([
      ['typo', false, [1]],
    ]);
  });
});

describe('a histogram', () => {
  it('loses no request when its ends are folded', () => {
    const bars = Array.from({ length: 60 }, (_, index) => ({ above: index, up_to: index + 1, count: Math.max(0, 20 - Math.abs(30 - index)) }));
    const folded = fold(bars, 20);
    expect(folded.length).toBe(20);
    expect(folded.reduce((sum, bar) => sum + bar.count, 0)).toBe(bars.reduce((sum, bar) => sum + bar.count, 0));
    expect([folded[0]!.above, folded[19]!.up_to]).toEqual([0, 60]);
  });
});

describe('colors', () => {
  const many = (count: number, prefix = 'model') => Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
  const none: Colors = new Map();

  it('go to the most used models first, and no two share one', () => {
    const colors = assign(none, many(palette + 3), true);
    expect([...colors]).toEqual(many(palette).map((name, index) => [name, index]));
  });
  it('are kept whatever else is used, and in whatever order', () => {
    const before = assign(none, many(5), false);
    const after = assign(before, [...many(3, 'new'), ...many(5).reverse()], true);
    for (const [name, color] of before) {
      expect(after.get(name)).toBe(color);
    }
    expect(new Set(after.values()).size).toBe(8);
    expect(assign(after, many(5), true)).toBe(after);
  });
  it('are not for names that never answered', () => {
    const group = (name: string | null, success: number, output_tokens = 0): Group => ({ name, numbers: { success, output_tokens } as Group['numbers'] });
    expect(answering([group('typo', 0), group('cut', 0, 7), group('good', 1), group(null, 3)])).toEqual(['cut', 'good']);
    const of = (model: string | null, status: string, output_tokens: number | null) => record({ model, model_name: model, status, output_tokens });
    expect(
      answeringIn([
        of('rare', 'success', 1),
        of('typo', 'error', null),
        of('often', 'cancelled', 3),
        of(null, 'success', 1),
        of('often', 'success', null),
        record({ model: 'pulled', model_name: 'pulled', is_inference: false }),
      ]),
    ).toEqual(['often', 'rare']);
  });
  it('are taken only from a model that is used less, and only when all models are known', () => {
    const before = assign(none, many(palette), true);
    const now = ['star', ...many(palette - 1)];
    expect(assign(before, now, false)).toBe(before);
    const after = assign(before, now, true);
    expect(after.get('star')).toBe(before.get(`model-${palette - 1}`));
    expect(after.has(`model-${palette - 1}`)).toBe(false);
    expect(assign(after, [...many(palette - 1), 'star', `model-${palette - 1}`], true)).toBe(after);
  });
  it('come back from their text, and a text that is something else is none', () => {
    const colors = assign(none, many(3), true);
    expect(read(write(colors))).toEqual(colors);
    for (const text of ['', '{', '7', '[["a",99]]', '[["a",0],["b",0]]', '[["a"]]', 'null']) {
      expect(read(text).size).toBe(0);
    }
  });
});

describe('neighbours', () => {
  const at = (id: number, started_at: string) => ({ id, request_id: `r${id}`, started_at });
  const all = [
    at(1, '2026-01-01T00:00:00.000001+00:00'),
    at(2, '2026-01-01T00:00:00.000002+00:00'),
    at(3, '2026-01-01T00:00:00.000002+00:00'),
    at(4, '2026-01-01T00:00:01+00:00'),
  ];
  it('go through all, those of the same instant by number, and back', () => {
    const ids: number[] = [];
    for (let place: (typeof all)[number] | null = all[0]!; place; place = nextTo(place, all, 1)) {
      ids.push(place.id);
    }
    expect(ids).toEqual([1, 2, 3, 4]);
    expect(nextTo(all[3]!, all, -1)?.id).toBe(3);
    expect(nextTo(all[0]!, all, -1)).toBeNull();
  });
});

describe('the axes of a histogram', () => {
  // Ten bars to a power of ten, from 100 ms to 10 s.
  const bars = Array.from({ length: 20 }, (_, index) => ({ above: 10 ** (index / 10 - 1), up_to: 10 ** ((index + 1) / 10 - 1), count: 1 }));

  it('place a value by its logarithm', () => {
    expect(placeOf(bars, 1)).toBeCloseTo(50);
    expect(placeOf(bars, Math.sqrt(10))).toBeCloseTo(75);
    expect([placeOf(bars, 0.01), placeOf(bars, 99)]).toEqual([0, 100]);
  });

  it('name round durations, as many as fit', () => {
    expect(roundBounds(bars, 10).map((bound) => bound.value)).toEqual([0.1, 0.2, 0.5, 1, 2, 5, 10]);
    expect(roundBounds(bars).map((bound) => bound.value)).toEqual([0.1, 0.3, 1, 3, 10]);
    expect(roundBounds([{ above: 0, up_to: 0, count: 3 }])).toEqual([]);
  });

  it('end at a round count', () => {
    expect([0, 1, 2, 3, 7, 95, 563].map(roundTop)).toEqual([1, 1, 2, 4, 8, 100, 600]);
  });
});
