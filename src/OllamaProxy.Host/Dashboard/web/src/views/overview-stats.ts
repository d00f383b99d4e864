/** What the overview asks of the API, and the steps of its charts. */
import { query, type StatsOf } from '../api';
import { apiFilters, apiPeriod, periodOf, stepOf, type Words } from '../filters';
import type { Route } from '../route';
import { axis } from '../series';

export type Shown = StatsOf<'models' | 'categories' | 'clients' | 'applications'>;

export type Percentile = 'p5' | 'p10' | 'p50' | 'p90' | 'p95' | 'p99';

/** What the API is asked for the numbers of a period; null for all there is as long as it is not known where that begins. */
export function statsPath(words: Words, now: number, oldest: string | null | undefined): string | null {
  const period = periodOf(words, now);
  if (period.from === null && oldest === undefined) {
    return null;
  }
  const from = period.from ?? (oldest ? Date.parse(oldest) / 1000 : now - 86_400);
  const step = stepOf(Math.max(60, (period.to ?? now) - from));
  return `stats${query({ ...apiFilters(words), ...apiPeriod(period), step, split: 'model', groups: 'model,category,client,application' })}`;
}

/** The steps of the charts. */
export function stepsOf(route: Route, stats: Shown, now: number) {
  const step = stats.step_seconds ?? 3600;
  const period = periodOf(route.words, now);
  const from = period.from ?? (stats.start_time ? Date.parse(stats.start_time) / 1000 : now - 86_400);
  const to = Math.min(period.to ?? now, Date.parse(stats.end_time) / 1000);
  return { step, times: axis(from, to, step, stats.series) };
}
