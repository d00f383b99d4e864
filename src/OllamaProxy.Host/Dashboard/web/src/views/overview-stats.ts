/** What the overview asks of the API, and the steps of its charts. */
import { query, type StatsOf } from '../api';
import { apiFilters, apiPeriod, groupOf, type Place, periodOf, places, type Split, splitOf, stepOf, type Words } from '../filters';
import type { Route } from '../route';
import { axis } from '../series';

export type Shown = StatsOf<'models' | 'categories' | 'clients' | 'applications' | 'proxies' | 'backends'>;

export type Percentile = 'p5' | 'p10' | 'p50' | 'p90' | 'p95' | 'p99';

/** What the API is asked for the numbers of a period; null for all there is as long as it is not known where that begins. */
export function statsPath(words: Words, now: number, oldest: string | null | undefined): string | null {
  const period = periodOf(words, now);
  if (period.from === null && oldest === undefined) {
    return null;
  }
  const from = period.from ?? (oldest ? Date.parse(oldest) / 1000 : now - 86_400);
  const step = stepOf(Math.max(60, (period.to ?? now) - from));
  return `stats${query({ ...apiFilters(words), ...apiPeriod(period), step, split: splitOf(words), groups: 'model,category,client,application,proxy,backend' })}`;
}

/** The split of an answer: the address may have another one already. */
export function splitIn(path: string | null): Split {
  return splitOf(Object.fromEntries(new URLSearchParams(path?.split('?')[1])));
}

/** Of proxies and backends those of which there are several, or one that was chosen. */
export function severalOf(words: Words, stats: Shown): Place[] {
  return places.filter((place) => words[place] || words['split'] === place || stats[groupOf[place]].filter(({ name }) => name !== null).length > 1);
}

/** The steps of the charts. */
export function stepsOf(route: Route, stats: Shown, now: number) {
  const step = stats.step_seconds ?? 3600;
  const period = periodOf(route.words, now);
  const from = period.from ?? (stats.start_time ? Date.parse(stats.start_time) / 1000 : now - 86_400);
  const to = Math.min(period.to ?? now, Date.parse(stats.end_time) / 1000);
  return { step, times: axis(from, to, step, stats.series) };
}
