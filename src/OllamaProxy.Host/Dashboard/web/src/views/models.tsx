/** Each model against its own usual, and two models against each other; one alone over time. */
import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { ApiError, type Group, type Numbers, query, type StatsOf } from '../api';
import { Chart, type Series } from '../chart';
import { answering, learnColors } from '../colors';
import { apiFilters, apiPeriod, periodOf, stepOf } from '../filters';
import { count, duration, percent, short, speed, unknown } from '../format';
import { setWords, useApi, useColor, useNow } from '../hooks';
import { Delta, FirstRequest, Message, ModelName, Panel, TroubleMessage } from '../parts';
import { change, format, type Route } from '../route';
import { axis, column } from '../series';
import { type Column, Table } from '../table';

const learnOf = (stats: StatsOf<'models'>) => learnColors(answering(stats.models));

/** What is usual is what was in the 30 days before the period. */
const usualSeconds = 30 * 86_400;

export function Models({ route, tick, retry, oldest }: { route: Route; tick: number; retry: () => void; oldest: string | null | undefined }) {
  const { words } = route;
  const now = useNow(JSON.stringify({ ...words, a: '', b: '' }), tick);
  const period = periodOf(words, now);
  const { data, error, isLoading } = useApi<StatsOf<'models'>>(
    `stats${query({ ...apiFilters(words), ...apiPeriod(period), groups: 'model', top: 100 })}`,
    tick,
    false,
    learnOf,
  );
  const before = { from: (period.from ?? 0) - usualSeconds, to: (period.from ?? 0) - 0.000001 };
  const usual = useApi<StatsOf<'models'>>(
    period.from === null || !data ? null : `stats${query({ ...apiFilters(words), ...apiPeriod(before), groups: 'model', top: 100 })}`,
    0,
    true,
  );
  if (!data) {
    return error ? <TroubleMessage error={error} retry={retry} /> : <div class="loading" aria-busy="true" />;
  }
  if (error && error.trouble !== 'offline') {
    return <TroubleMessage error={error} retry={retry} />;
  }
  if (data.backend === 'none') {
    return <TroubleMessage error={new ApiError('off', '')} retry={retry} />;
  }
  if (data.total_records === 0) {
    return <FirstRequest />;
  }
  const groups = data.models.filter((group) => group.name !== null);
  if (groups.length === 0) {
    return (
      <Message title="No model was used">
        <p>No request in this period with these filters has a model.</p>
      </Message>
    );
  }
  return (
    <div class={isLoading ? 'view busy' : 'view'} aria-busy={isLoading}>
      <Panel title="Models" note={period.from === null ? undefined : 'speed against the 30 days before'} wide>
        <ModelTable route={route} stats={data} groups={groups} usual={usual.data?.models ?? null} />
      </Panel>
      <Compare route={route} groups={groups} now={now} oldest={oldest} />
    </div>
  );
}

/** The numbers of a model that a phone has room for, and those that a tablet has besides; a desktop shows all. */
const phone = ['Requests', 'Speed p50', 'Errors'];
const tablet = ['First token p95', 'Duration p95', 'Time lost to loading', 'Truncated'];

function ModelTable({ route, stats, groups, usual }: { route: Route; stats: StatsOf; groups: Group[]; usual: Group[] | null }) {
  const before = new Map(usual?.map((group) => [group.name, group.numbers]));
  const number = (name: string, value: (numbers: Numbers) => number | null, text: (value: number | null, numbers: Numbers) => ComponentChildren) => ({
    name,
    isNumber: true,
    ...(phone.includes(name) ? {} : { from: tablet.includes(name) ? ('tablet' as const) : ('desktop' as const) }),
    value: (group: Group) => value(group.numbers),
    cell: (group: Group) => text(value(group.numbers), group.numbers),
  });
  const columns: Column<Group>[] = [
    {
      name: 'Model',
      value: (group) => group.name,
      cell: ({ name }) => (
        <a href={format('requests', change(route.words, { model: name }))} title="Show its requests">
          <ModelName model={name} />
        </a>
      ),
    },
    number('Requests', (numbers) => numbers.requests, count),
    number(
      'Share',
      (numbers) => numbers.requests,
      (value) => percent(value ?? 0, stats.total.requests),
    ),
    number('Speed p50', (numbers) => numbers.tokens_per_second.p50, speed),
    {
      name: 'Usual',
      isNumber: true,
      from: 'tablet',
      title: 'p50 of the 30 days before',
      value: ({ name }) => before.get(name)?.tokens_per_second.p50 ?? null,
      cell: ({ name, numbers }) => {
        const usualSpeed = before.get(name)?.tokens_per_second.p50 ?? null;
        return usualSpeed === null ? (
          <span title="It was not used in the 30 days before">{unknown}</span>
        ) : (
          <>
            <span class="quiet">{speed(usualSpeed)}</span>{' '}
            <Delta now={numbers.tokens_per_second.p50} before={usualSpeed} better="more" than="the 30 days before" />
          </>
        );
      },
    },
    number('Speed p10', (numbers) => numbers.tokens_per_second.p10, speed),
    number('First token p95', (numbers) => numbers.time_to_first_token.p95, duration),
    number('Duration p95', (numbers) => numbers.latency.p95, duration),
    number('Completion tokens', (numbers) => numbers.output_tokens, short),
    number('Loads', (numbers) => numbers.loads, count),
    number('Time lost to loading', (numbers) => (numbers.loads === 0 ? null : numbers.load_seconds), duration),
    number(
      'Truncated',
      (numbers) => numbers.truncated,
      (value) => <span class={value ? 'warn-text' : ''}>{count(value)}</span>,
    ),
    number(
      'Errors',
      (numbers) => numbers.error,
      (value, numbers) =>
        value ? (
          <span class="bad-text">
            {count(value)} <span class="from-desktop">({percent(value, numbers.requests)})</span>
          </span>
        ) : (
          '0'
        ),
    ),
  ];
  return <Table label="Models" class="models" columns={columns} rows={groups} keyOf={(group) => group.name ?? ''} />;
}

/** What is compared: how it is read from the numbers, and which of two is the better. */
interface Measure {
  name: string;
  value: (numbers: Numbers) => number | null;
  text: (value: number | null) => string;
  better?: 'more' | 'less';
}

const measures: Measure[] = [
  { name: 'Requests', value: (numbers) => numbers.requests, text: count },
  { name: 'Speed p50', value: (numbers) => numbers.tokens_per_second.p50, text: speed, better: 'more' },
  { name: 'Speed p10', value: (numbers) => numbers.tokens_per_second.p10, text: speed, better: 'more' },
  { name: 'Time to first token p50', value: (numbers) => numbers.time_to_first_token.p50, text: duration, better: 'less' },
  { name: 'Time to first token p95', value: (numbers) => numbers.time_to_first_token.p95, text: duration, better: 'less' },
  { name: 'Duration p50', value: (numbers) => numbers.latency.p50, text: duration, better: 'less' },
  { name: 'Duration p95', value: (numbers) => numbers.latency.p95, text: duration, better: 'less' },
  { name: 'Completion tokens per request', value: (numbers) => (numbers.requests ? numbers.output_tokens / numbers.requests : null), text: short },
  { name: 'Loads', value: (numbers) => numbers.loads, text: count },
  { name: 'Time lost to loading', value: (numbers) => (numbers.loads === 0 ? null : numbers.load_seconds), text: duration },
  { name: 'Truncated', value: (numbers) => numbers.truncated, text: count },
  {
    name: 'Error rate',
    value: (numbers) => (numbers.requests ? numbers.error / numbers.requests : null),
    text: (value) => (value === null ? unknown : percent(value, 1)),
    better: 'less',
  },
];

/** What the chart of two models can show. */
const lines = {
  speed: { name: 'Speed', unit: 'speed', value: (numbers: Numbers) => numbers.tokens_per_second.p50 },
  first: { name: 'First token', unit: 'duration', value: (numbers: Numbers) => numbers.time_to_first_token.p50 },
  duration: { name: 'Duration', unit: 'duration', value: (numbers: Numbers) => numbers.latency.p50 },
} as const;

function Compare({ route, groups, now, oldest }: { route: Route; groups: Group[]; now: number; oldest: string | null | undefined }) {
  const { words } = route;
  const color = useColor();
  const [line, setLine] = useState<keyof typeof lines>('speed');
  const names = groups.map((group) => group.name!);
  const a = words['a'] && names.includes(words['a']) ? words['a'] : names[0]!;
  const b = words['b'] && names.includes(words['b']) ? words['b'] : names.find((name) => name !== a);
  const period = periodOf(words, now);
  const from = period.from ?? (oldest ? Date.parse(oldest) / 1000 : now - 86_400);
  const step = stepOf(Math.max(60, (period.to ?? now) - from));
  const ask = (model: string | undefined) =>
    model && (period.from !== null || oldest !== undefined)
      ? `stats${query({ ...apiFilters({ ...words, model }), ...apiPeriod(period), step, groups: 'none' })}`
      : null;
  const one = useApi<StatsOf>(ask(a));
  const other = useApi<StatsOf>(ask(b));
  const chart = useMemo(() => {
    if (!one.data) {
      return null;
    }
    const all = [...one.data.series, ...(other.data?.series ?? [])].sort((first, second) => first.timestamp - second.timestamp);
    const times = axis(from, period.to ?? now, step, all);
    const lineOf = (name: string, stats: StatsOf, isSecond: boolean): Series => ({
      name,
      color: color(name),
      values: column<number | null>(times, stats.series, null, lines[line].value),
      kind: 'line',
      isDashed: isSecond,
    });
    return { times, series: [lineOf(a, one.data, false), ...(b && other.data ? [lineOf(b, other.data, true)] : [])] };
  }, [one.data, other.data, color, line]);
  const pick = (name: 'a' | 'b', value: string) => (
    <select
      aria-label={name === 'a' ? 'First model' : 'Second model'}
      value={value}
      onChange={(event) => setWords(route, { [name]: event.currentTarget.value })}
    >
      {names.map((model) => (
        <option key={model} value={model}>
          {model}
        </option>
      ))}
    </select>
  );
  return (
    <Panel title={b ? 'Compare' : 'Over time'} note={b ? 'two models over the same period' : a} wide id="compare">
      <div class={b ? 'compare' : ''} aria-busy={one.isLoading || other.isLoading}>
        {b && (
          <div class="scroll" tabIndex={0} role="region" aria-label="Both models in numbers">
            <table class="list">
              <thead>
                <tr>
                  <td />
                  <th scope="col">{pick('a', a)}</th>
                  <th scope="col">{pick('b', b)}</th>
                </tr>
              </thead>
              <tbody>
                {measures.map(({ name, value, text, better }) => {
                  const [first, second] = [one.data && value(one.data.total), other.data && value(other.data.total)];
                  const ahead = better && first !== null && second !== null && first !== second ? (first > second === (better === 'more') ? 0 : 1) : null;
                  return (
                    <tr key={name}>
                      <th scope="row">{name}</th>
                      {[first, second].map((number, index) => (
                        <td key={index} class={`number ${ahead === index ? 'ahead' : ''}`} title={ahead === index ? 'the better of the two' : undefined}>
                          {text(number)}
                        </td>
                      ))}
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </div>
        )}
        {chart && (
          <div>
            <div class="segments small" role="group" aria-label="Over time">
              {Object.entries(lines).map(([key, { name }]) => (
                <button key={key} type="button" aria-pressed={line === key} onClick={() => setLine(key as keyof typeof lines)}>
                  {name}
                </button>
              ))}
            </div>
            <span class="note"> p50 over time</span>
            <Chart
              label={`${lines[line].name} of ${b ? 'both models' : a} over time`}
              times={chart.times}
              step={step}
              series={chart.series}
              unit={lines[line].unit}
              height={290}
            />
          </div>
        )}
      </div>
    </Panel>
  );
}
