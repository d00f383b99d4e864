/** What is looked at: the words of the page's address, and what the API is asked for them. */
import { otherEndpoints } from './words';

export const ranges = [
  { key: '10m', label: '10 min', seconds: 600 },
  { key: '1h', label: '1 h', seconds: 3600 },
  { key: '24h', label: '24 h', seconds: 86_400 },
  { key: '7d', label: '7 d', seconds: 604_800 },
] as const;

export type RangeKey = (typeof ranges)[number]['key'] | 'all' | 'custom';

/** The filters that are words or numbers of the API by the same names. */
export const filterNames = [
  'model',
  'endpoint',
  'category',
  'outcome',
  'status',
  'error_type',
  'client',
  'application',
  'proxy',
  'backend',
  'search',
  'min_latency',
  'max_latency',
  'min_input_tokens',
  'max_input_tokens',
  'min_output_tokens',
  'max_output_tokens',
] as const;

/** Where a request passed. With one proxy and one backend there is nothing to choose, so the page shows neither. */
export const places = ['proxy', 'backend'] as const;

export type Place = (typeof places)[number];

/** What the requests over time can be divided by, with the group of the statistics that has its names. */
export const groupOf = { model: 'models', proxy: 'proxies', backend: 'backends' } as const;

export type Split = keyof typeof groupOf;

export function splitOf(words: Words): Split {
  return places.find((place) => place === words['split']) ?? 'model';
}

export type FilterName = (typeof filterNames)[number];

export type Words = Readonly<Record<string, string>>;

export interface Period {
  /** Unix seconds; null from the beginning. */
  from: number | null;
  /** Unix seconds; null until now. */
  to: number | null;
}

export function rangeOf(words: Words): RangeKey {
  const range = words['range'];
  if (range === 'custom') {
    return number(words['from']) !== null || number(words['to']) !== null ? 'custom' : '24h';
  }
  return range === 'all' || ranges.some((known) => known.key === range) ? (range as RangeKey) : '24h';
}

function number(text: string | undefined): number | null {
  const value = text ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : null;
}

/** @param now Unix seconds. */
export function periodOf(words: Words, now: number): Period {
  const range = rangeOf(words);
  if (range === 'all') {
    return { from: null, to: null };
  }
  if (range === 'custom') {
    return { from: number(words['from']), to: number(words['to']) };
  }
  return { from: Math.floor(now) - ranges.find((known) => known.key === range)!.seconds, to: null };
}

/** The period of the same length before; null where there is none. */
export function periodBefore({ from, to }: Period, now: number): Period | null {
  if (from === null) {
    return null;
  }
  const length = (to ?? now) - from;
  // Both ends of a range are inclusive, and this one ends before the other begins.
  return length > 0 ? { from: from - length, to: from - 0.000001 } : null;
}

/** The filters for the API, without the period. Calls that run a model first: the others only when asked for. */
export function apiFilters(words: Words): Record<string, string> {
  const filters: Record<string, string> = {};
  for (const name of filterNames) {
    if (words[name]) {
      filters[name] = words[name];
    }
  }
  const kind = words['kind'];
  if (kind === 'other') {
    filters['inference'] = 'false';
  } else if (kind !== 'all' && !otherEndpoints.includes(filters['endpoint'] ?? '')) {
    filters['inference'] = 'true';
  }
  return filters;
}

export function apiPeriod({ from, to }: Period): Record<string, string> {
  return { ...(from === null ? {} : { start_time: plain(from) }), ...(to === null ? {} : { end_time: plain(to) }) };
}

function plain(seconds: number): string {
  return String(Math.round(seconds * 1e6) / 1e6);
}

/** True when the words make the store look at every record, instead of at its hourly sums. */
export function isCostly(words: Words): boolean {
  return filterNames.some((name) => (name === 'search' || name === 'error_type' || name.startsWith('min_') || name.startsWith('max_')) && words[name]);
}

/**
 * A step of a time series that a chart can show, in seconds: of those that the API knows. From a few hours on whole hours, which the store has sums of.
 * @param length Seconds.
 */
export function stepOf(length: number): number {
  const steps = [60, 120, 300, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000];
  return steps.find((step) => length / step <= (step < 3600 ? 72 : 170)) ?? steps[steps.length - 1]!;
}

/** The filters that are set, the period not counted. */
export function activeFilters(words: Words): FilterName[] {
  return filterNames.filter((name) => words[name]);
}
