import { describe, expect, it } from 'vitest';
import type { Stats, Step } from '../src/api';
import { colors, palette } from '../src/colors';
import { nextTo } from '../src/neighbours';
import { accumulate, axis, column, fold, stacks } from '../src/series';

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
    const series = [step(0, 10, [['a', 6], ['b', 1]]), step(60, 2, [['a', 2]])];
    const stats = { models: [{ name: 'a' }, { name: 'b' }], series } as unknown as Stats;
    const stack = stacks([0, 60], stats);
    expect(stack.map((part) => [part.name, part.isRest, part.values])).toEqual([['a', false, [6, 2]], ['b', false, [1, 0]], [null, true, [3, 0]]]);
    expect(accumulate(stack.map((part) => part.values))).toEqual([[6, 2], [7, 2], [10, 2]]);
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
  it('differ as long as there are enough, and do not depend on the order', () => {
    const names = Array.from({ length: palette }, (_, index) => `model-${index}`);
    const chosen = colors(names);
    expect(new Set(chosen.values()).size).toBe(palette);
    expect(colors([...names].reverse())).toEqual(chosen);
    expect(colors([...names, 'one more']).size).toBe(palette + 1);
  });
});

describe('neighbours', () => {
  const at = (id: number, started_at: string) => ({ id, started_at });
  const all = [at(1, '2026-01-01T00:00:00.000001+00:00'), at(2, '2026-01-01T00:00:00.000002+00:00'), at(3, '2026-01-01T00:00:00.000002+00:00'), at(4, '2026-01-01T00:00:01+00:00')];
  it('go through all, those of the same instant by id, and back', () => {
    const ids: number[] = [];
    for (let place: (typeof all)[number] | null = all[0]!; place; place = nextTo(place, all, 1)) {
      ids.push(place.id);
    }
    expect(ids).toEqual([1, 2, 3, 4]);
    expect(nextTo(all[3]!, all, -1)?.id).toBe(3);
    expect(nextTo(all[0]!, all, -1)).toBeNull();
  });
});
