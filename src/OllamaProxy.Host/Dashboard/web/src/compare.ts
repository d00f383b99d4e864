/** How a request did against the others of its model. */
import type { Bar, Distribution, RequestRecord, StatsOf } from './api';
import { apiPeriod, type Period } from './filters';
import { duration, plural, speed } from './format';

/** With fewer records than this a share of them says nothing. */
const enough = 20;

const week = 7 * 86_400;

/** What a record is compared with: completed requests of its model, of the last seven days, or of the seven days before it where it is older. */
export interface Peers {
  period: Period;
  /** Completes "Compared with 31 completed requests of qwen3:8b". */
  when: string;
}

/** @param now Unix seconds. */
export function peersOf(record: RequestRecord, now: number): Peers | null {
  if (record.model === null || !record.is_inference || record.outcome !== 'completed') {
    return null;
  }
  return now - record.timestamp < week
    ? { period: { from: Math.floor(now) - week, to: null }, when: 'in the last 7 days' }
    : { period: { from: Math.floor(record.timestamp) - week, to: Math.ceil(record.timestamp) }, when: 'in the 7 days before it' };
}

export function peersFilter(record: RequestRecord, peers: Peers): Record<string, string> {
  return { ...apiPeriod(peers.period), model: record.model ?? '', inference: 'true', status: 'success', groups: 'none' };
}

/**
 * The share of values that are smaller, from 0 to 1; null where there are too few. Known are the shares at the bounds of the histogram's bars and at the
 * percentiles; between two of them values are taken to be spread evenly over their powers of ten.
 */
export function shareBelow(bars: readonly Bar[], distribution: Distribution, value: number): number | null {
  if (distribution.count < enough || bars.length === 0) {
    return null;
  }
  const known: Point[] = [{ value: bars[0]!.above, share: 0 }];
  let below = 0;
  for (const bar of bars) {
    below += bar.count;
    known.push({ value: bar.up_to, share: below / distribution.count });
  }
  const { p5, p10, p50, p90, p95, p99 } = distribution;
  for (const [percentile, share] of [
    [p5, 0.05],
    [p10, 0.1],
    [p50, 0.5],
    [p90, 0.9],
    [p95, 0.95],
    [p99, 0.99],
  ] as const) {
    if (percentile !== null) {
      known.push({ value: percentile, share });
    }
  }
  known.sort((one, other) => one.value - other.value || one.share - other.share);
  return between(known, value);
}

interface Point {
  value: number;
  share: number;
}

function between(known: readonly Point[], value: number): number {
  let low: Point = { value: 0, share: 0 };
  for (const high of known) {
    if (value < high.value) {
      const part = low.value > 0 ? Math.log(value / low.value) / Math.log(high.value / low.value) : value / high.value;
      return low.share + Math.max(0, high.share - low.share) * part;
    }
    // A percentile may be a little off, and a share never falls.
    low = { value: high.value, share: Math.max(high.share, low.share) };
  }
  return low.share;
}

/** "slower than 93 %", "faster than 60 %", "about the median". */
function rank(share: number, ofMany: 'slower' | 'faster'): string {
  const percent = Math.round(100 * share);
  if (percent >= 47 && percent <= 53) {
    return 'about the median';
  }
  const other = ofMany === 'slower' ? 'faster' : 'slower';
  return percent > 53 ? `${ofMany} than ${Math.min(99, percent)} %` : `${other} than ${Math.min(99, 100 - percent)} %`;
}

export interface Compared {
  text: string;
  /** Slower than nine of ten. */
  isSlow: boolean;
  median: string;
}

export interface Comparison {
  /** What all three are compared with. */
  caption: string;
  duration: Compared | null;
  firstToken: Compared | null;
  speed: Compared | null;
}

/** Null where there is too little to compare with. */
export function compare(record: RequestRecord, peers: Peers, stats: StatsOf): Comparison | null {
  const one = (bars: readonly Bar[], distribution: Distribution, value: number | null, show: (value: number | null) => string, isSpeed = false) => {
    const share = value === null ? null : shareBelow(bars, distribution, value);
    return share === null
      ? null
      : { text: rank(share, isSpeed ? 'faster' : 'slower'), isSlow: isSpeed ? share < 0.1 : share > 0.9, median: show(distribution.p50) };
  };
  const { total } = stats;
  const found = {
    duration: one(stats.latency_histogram, total.latency, record.latency, duration),
    firstToken: one(stats.time_to_first_token_histogram, total.time_to_first_token, record.time_to_first_token, duration),
    speed: one(stats.tokens_per_second_histogram, total.tokens_per_second, record.tokens_per_second, speed, true),
  };
  return found.duration === null && found.firstToken === null && found.speed === null
    ? null
    : { ...found, caption: `Compared with ${plural(total.requests, 'completed request')} of ${record.model_name ?? record.model} ${peers.when}` };
}
