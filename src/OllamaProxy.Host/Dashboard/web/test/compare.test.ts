import { describe, expect, it } from 'vitest';
import type { Distribution, StatsOf } from '../src/api';
import { compare, peersFilter, peersOf, shareBelow } from '../src/compare';
import { record } from './record';

const now = 1_800_000_000;
const bars = [
  { above: 1, up_to: 10, count: 50 },
  { above: 10, up_to: 100, count: 50 },
];

const spread = { mean: 10, max: 100 };
const even = (count = 100): Distribution => ({ ...spread, count, p5: 10 ** 0.1, p10: 10 ** 0.2, p50: 10, p90: 10 ** 1.8, p95: 10 ** 1.9, p99: 10 ** 1.98 });

function stats(histogram = bars): StatsOf {
  const distribution = even(histogram.reduce((sum, bar) => sum + bar.count, 0));
  return {
    total: { requests: 1234, latency: distribution, time_to_first_token: distribution, tokens_per_second: distribution },
    latency_histogram: histogram,
    time_to_first_token_histogram: histogram,
    tokens_per_second_histogram: histogram,
  } as unknown as StatsOf;
}

describe('the share of smaller values', () => {
  it.each([
    [0.5, 0],
    [1, 0],
    [10, 0.5],
    [10 ** 1.5, 0.75],
    [100, 1],
    [500, 1],
  ])('of %d is %d', (value, share) => expect(shareBelow(bars, even(), value)).toBeCloseTo(share, 9));
  it('counts zeros', () => {
    const zeros = { ...spread, count: 30, p5: 0, p10: 0, p50: 0, p90: 0, p95: 0, p99: 0 };
    expect(shareBelow([{ above: 0, up_to: 0, count: 30 }], zeros, 1)).toBe(1);
  });
  it('is not told of few values', () => {
    expect(shareBelow([], even(0), 1)).toBeNull();
    expect(shareBelow([{ above: 1, up_to: 100, count: 19 }], even(19), 5)).toBeNull();
    expect(shareBelow([{ above: 1, up_to: 100, count: 20 }], even(20), 5)).not.toBeNull();
  });
  it('is near the truth where all values lie in one or two bars', () => {
    const values = Array.from({ length: 1000 }, (_, index) => 50 + (16 * index) / 1000);
    const at = (share: number) => values[Math.floor(share * 1000)]!;
    const narrow = { ...spread, count: 1000, p5: at(0.05), p10: at(0.1), p50: at(0.5), p90: at(0.9), p95: at(0.95), p99: at(0.99) };
    const wide = [
      { above: 39.8, up_to: 50.1, count: values.filter((value) => value <= 50.1).length },
      { above: 50.1, up_to: 63.1, count: values.filter((value) => value > 50.1 && value <= 63.1).length },
      { above: 63.1, up_to: 79.4, count: values.filter((value) => value > 63.1).length },
    ];
    for (const share of [0.02, 0.1, 0.3, 0.5, 0.72, 0.93, 0.99]) {
      expect(Math.abs(shareBelow(wide, narrow, at(share))! - share)).toBeLessThan(0.02);
    }
  });
});

describe('a comparison', () => {
  const recent = record({ timestamp: now - 60, latency: 85, time_to_first_token: 1.2, tokens_per_second: 50 });
  it('says what is compared, and knows that a small speed is slow', () => {
    const found = compare(recent, peersOf(recent, now)!, stats())!;
    expect(found.caption).toBe('Compared with 1,234 completed requests of phi4:latest in the last 7 days');
    expect(found.duration).toEqual({ text: 'slower than 96 %', isSlow: true, median: '10.0 s' });
    expect(found.firstToken).toEqual({ text: 'faster than 96 %', isSlow: false, median: '10.0 s' });
    expect(found.speed).toEqual({ text: 'faster than 85 %', isSlow: false, median: '10.0 tok/s' });
    expect(compare({ ...recent, tokens_per_second: 1.2 }, peersOf(recent, now)!, stats())!.speed).toMatchObject({ text: 'slower than 96 %', isSlow: true });
  });
  it('never says 100 %, nor anything about the middle but that it is the middle', () => {
    expect(compare({ ...recent, latency: 1000 }, peersOf(recent, now)!, stats())!.duration!.text).toBe('slower than 99 %');
    expect(compare({ ...recent, latency: 10 }, peersOf(recent, now)!, stats())!.duration!.text).toBe('about the median');
  });
  it('says nothing of what is not known, and nothing at all with few records', () => {
    expect(compare({ ...recent, time_to_first_token: null, tokens_per_second: null }, peersOf(recent, now)!, stats())).toMatchObject({
      firstToken: null,
      speed: null,
    });
    expect(compare(recent, peersOf(recent, now)!, stats([{ above: 1, up_to: 10, count: 3 }]))).toBeNull();
  });
  it('takes the seven days before a request that is older', () => {
    const old = record({ timestamp: now - 30 * 86_400 });
    expect(peersOf(old, now)).toEqual({ period: { from: old.timestamp - 7 * 86_400, to: old.timestamp }, when: 'in the 7 days before it' });
    expect(peersFilter(recent, peersOf(recent, now)!)).toEqual({
      start_time: String(now - 7 * 86_400),
      model: 'phi4:latest',
      inference: 'true',
      status: 'success',
      groups: 'none',
    });
  });
  it.each([{ model: null }, { is_inference: false }, { outcome: 'client_cancelled' }, { outcome: 'upstream_error' }])(
    'leaves out a record with %j',
    (changes) => expect(peersOf(record({ timestamp: now, ...changes }), now)).toBeNull(),
  );
});
