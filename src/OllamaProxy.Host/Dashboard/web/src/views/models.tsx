/** Each model against its own usual, and two models against each other. */
import { useMemo } from 'preact/hooks';
import { ApiError, type Group, type Numbers, query, type StatsOf } from '../api';
import { Chart, type Series } from '../chart';
import { answering, learnColors } from '../colors';
import { apiFilters, apiPeriod, periodOf, stepOf } from '../filters';
import { count, duration, percent, short, speed, unknown } from '../format';
import { setWords, useApi, useColor, useNow } from '../hooks';
import { Delta, FirstRequest, Message, ModelName, Panel, TroubleMessage } from '../parts';
import { change, format, type Route } from '../route';
import { axis, column } from '../series';

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
        <p>No request of this period with these filters names one.</p>
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

function ModelTable({ route, stats, groups, usual }: { route: Route; stats: StatsOf; groups: Group[]; usual: Group[] | null }) {
  const before = new Map(usual?.map((group) => [group.name, group.numbers]));
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Models">
      <table class="list models">
        <thead>
          <tr>
            <th scope="col">Model</th>
            <th scope="col" class="number">
              Requests
            </th>
            <th scope="col" class="number">
              Share
            </th>
            <th scope="col" class="number">
              Speed p50
            </th>
            <th scope="col" class="number">
              Usual
            </th>
            <th scope="col" class="number">
              First token p95
            </th>
            <th scope="col" class="number">
              Duration p95
            </th>
            <th scope="col" class="number">
              Tokens out
            </th>
            <th scope="col" class="number">
              Loads
            </th>
            <th scope="col" class="number">
              Time lost to loading
            </th>
            <th scope="col" class="number">
              Truncated
            </th>
            <th scope="col" class="number">
              Errors
            </th>
          </tr>
        </thead>
        <tbody>
          {groups.map(({ name, numbers }) => {
            const usualSpeed = before.get(name)?.tokens_per_second.p50 ?? null;
            return (
              <tr key={name}>
                <th scope="row">
                  <a href={format('overview', change(route.words, { model: name }))}>
                    <ModelName model={name} />
                  </a>
                </th>
                <td class="number">{count(numbers.requests)}</td>
                <td class="number">{percent(numbers.requests, stats.total.requests)}</td>
                <td class="number">{speed(numbers.tokens_per_second.p50)}</td>
                <td class="number">
                  {usualSpeed === null ? (
                    <span title="it was not used in the 30 days before">{unknown}</span>
                  ) : (
                    <>
                      <span class="quiet">{speed(usualSpeed)}</span> <Delta now={numbers.tokens_per_second.p50} before={usualSpeed} better="more" />
                    </>
                  )}
                </td>
                <td class="number">{duration(numbers.time_to_first_token.p95)}</td>
                <td class="number">{duration(numbers.latency.p95)}</td>
                <td class="number">{short(numbers.output_tokens)}</td>
                <td class="number">{count(numbers.loads)}</td>
                <td class="number">{numbers.loads === 0 ? unknown : duration(numbers.load_seconds)}</td>
                <td class={`number ${numbers.truncated > 0 ? 'warn-text' : ''}`}>{count(numbers.truncated)}</td>
                <td class={`number ${numbers.error > 0 ? 'bad-text' : ''}`}>
                  {numbers.error === 0 ? '0' : `${count(numbers.error)} (${percent(numbers.error, numbers.requests)})`}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function Compare({ route, groups, now, oldest }: { route: Route; groups: Group[]; now: number; oldest: string | null | undefined }) {
  const { words } = route;
  const color = useColor();
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
    const line = (name: string, stats: StatsOf, isSecond: boolean): Series => ({
      name,
      color: color(name),
      values: column<number | null>(times, stats.series, null, (numbers) => numbers.tokens_per_second.p50),
      kind: 'line',
      isDashed: isSecond,
    });
    return { times, series: [line(a, one.data, false), ...(b && other.data ? [line(b, other.data, true)] : [])] };
  }, [one.data, other.data, color]);
  if (!b) {
    return null;
  }
  const rows: [string, (numbers: Numbers) => string][] = [
    ['Requests', (numbers) => count(numbers.requests)],
    ['Speed p50', (numbers) => speed(numbers.tokens_per_second.p50)],
    ['Speed p5', (numbers) => speed(numbers.tokens_per_second.p5)],
    ['First token p50', (numbers) => duration(numbers.time_to_first_token.p50)],
    ['First token p95', (numbers) => duration(numbers.time_to_first_token.p95)],
    ['Duration p50', (numbers) => duration(numbers.latency.p50)],
    ['Duration p95', (numbers) => duration(numbers.latency.p95)],
    ['Tokens per request', (numbers) => (numbers.requests ? short(numbers.output_tokens / numbers.requests) : unknown)],
    ['Loads', (numbers) => count(numbers.loads)],
    ['Time lost to loading', (numbers) => (numbers.loads === 0 ? unknown : duration(numbers.load_seconds))],
    ['Truncated', (numbers) => count(numbers.truncated)],
    ['Errors', (numbers) => `${count(numbers.error)} (${percent(numbers.error, numbers.requests)})`],
  ];
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
    <Panel title="Compare" note="two models over the same period" wide id="compare">
      <div class="compare" aria-busy={one.isLoading || other.isLoading}>
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
              {rows.map(([name, value]) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td class="number">{one.data ? value(one.data.total) : unknown}</td>
                  <td class="number">{other.data ? value(other.data.total) : unknown}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
        {chart && <Chart label="Speed of both models over time" times={chart.times} step={step} series={chart.series} unit="speed" height={260} />}
      </div>
    </Panel>
  );
}
