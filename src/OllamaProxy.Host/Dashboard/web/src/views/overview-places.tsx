/** Requests by proxy and by backend, side by side, where there are several of them. */
import type { Group, Numbers } from '../api';
import { groupOf, type Place } from '../filters';
import { capital, count, duration, percent, short, speed, unknown } from '../format';
import { Panel } from '../parts';
import { change, format, type Route } from '../route';
import { type Column, Table } from '../table';
import type { Shown } from './overview-stats';

export function Places({ route, stats, places }: { route: Route; stats: Shown; places: readonly Place[] }) {
  const number = (name: string, value: (numbers: Numbers) => number | null, text: (value: number | null) => string, from?: 'tablet' | 'desktop') => ({
    name,
    isNumber: true,
    ...(from ? { from } : {}),
    value: ({ numbers }: Group) => value(numbers),
    cell: ({ numbers }: Group) => text(value(numbers)),
  });
  const numbers: Column<Group>[] = [
    number('Requests', ({ requests }) => requests, count),
    number(
      'Share',
      ({ requests }) => requests,
      (value) => percent(value ?? 0, stats.total.requests),
      'desktop',
    ),
    number('Errors', ({ error }) => error, count),
    number('Completion tokens', ({ output_tokens }) => output_tokens, short, 'desktop'),
    number('Speed p50', ({ tokens_per_second }) => tokens_per_second.p50, speed),
    number('First token p95', ({ time_to_first_token }) => time_to_first_token.p95, duration, 'tablet'),
    number('Duration p95', ({ latency }) => latency.p95, duration, 'tablet'),
  ];
  return (
    <>
      {places.map((place) => {
        const name: Column<Group> = {
          name: capital(place),
          value: (row) => row.name,
          cell: (row) =>
            row.name === null ? (
              <span title={`These records name no ${place}`}>{unknown}</span>
            ) : (
              <a href={format('overview', change(route.words, { [place]: route.words[place] ? null : row.name }))} title={`Only this ${place}`}>
                {row.name}
              </a>
            ),
        };
        const title = capital(groupOf[place]);
        return (
          <Panel key={place} title={title} wide>
            <Table label={title} columns={[name, ...numbers]} rows={stats[groupOf[place]]} keyOf={(row) => row.name ?? ''} />
          </Panel>
        );
      })}
    </>
  );
}
