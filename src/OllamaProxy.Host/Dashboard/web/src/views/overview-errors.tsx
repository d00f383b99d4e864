/** Errors by type over time, and as a list. Each leads to its requests. */
import { useMemo } from 'preact/hooks';
import { query, type StatsOf } from '../api';
import { Chart, type Series } from '../chart';
import { errorWord } from '../endings';
import { apiFilters } from '../filters';
import { count, percent } from '../format';
import { go, useApi } from '../hooks';
import { BarList, Panel } from '../parts';
import { change, type Route } from '../route';
import { column } from '../series';
import type { Shown } from './overview-stats';

interface ErrorsProps {
  route: Route;
  stats: Shown;
  step: number;
  times: number[];
  /** The period, as the API is asked for it. */
  before: Record<string, string>;
  onBrush: (from: number, to: number) => void;
}

export function Errors({ route, stats, step, times, before, onBrush }: ErrorsProps) {
  const show = (type: string | null) =>
    go('requests', change(route.words, type === null ? { status: 'error' } : { status: null, outcome: null, error_type: type }));
  // Only these few records are read, and only when there are any: the store has no sums by type.
  const path =
    stats.total.error > 0 ? `stats${query({ ...apiFilters(route.words), status: 'error', ...before, step, split: 'error_type', groups: 'error_type' })}` : null;
  const { data } = useApi<StatsOf<'error_types'>>(path, 0, true);
  const types = data?.error_types ?? [];
  const series = useMemo<Series[]>(
    () =>
      types.map((group, index) => ({
        name: errorWord(group.name),
        color: `e${Math.min(index, 5)}`,
        values: column(times, data!.series, 0, (_, part) => part.parts.find((one) => one.name === group.name)?.requests ?? 0),
        kind: 'bar',
        onChoose: () => show(group.name),
      })),
    [data, times],
  );
  return (
    <Panel title="Errors" note={stats.total.error === 0 ? undefined : `by type, ${percent(stats.total.error, stats.total.requests)} of requests`}>
      {stats.total.error === 0 ? (
        <p class="fine">No errors in this period.</p>
      ) : (
        <div class="errors">
          <Chart
            label="Errors over time by type"
            times={times}
            step={step}
            series={series}
            isStacked
            hasLegend={false}
            unit="count"
            onBrush={onBrush}
            height={104}
          />
          <BarList
            empty=""
            rows={types.slice(0, 4).map(({ name, numbers }, index) => ({
              key: name ?? '',
              label: (
                <span class="model">
                  <i class={`swatch e${Math.min(index, 5)}`} aria-hidden="true" />
                  {errorWord(name)}
                </span>
              ),
              value: numbers.requests,
              text: count(numbers.requests),
              color: `e${Math.min(index, 5)}`,
              title: 'Show these requests',
              onClick: () => show(name),
            }))}
          />
        </div>
      )}
    </Panel>
  );
}
