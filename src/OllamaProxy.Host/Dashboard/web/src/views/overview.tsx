/** How it went, in numbers, over a period. */
import { useMemo, useRef, useState } from 'preact/hooks';
import { ApiError, type Distribution, query, type Stats, type StatsOf } from '../api';
import { Chart, type Series } from '../chart';
import { answering, learnColors } from '../colors';
import { apiFilters, apiPeriod, isCostly, periodBefore, periodOf, stepOf, type Words } from '../filters';
import { bytes, count, duration, every, percent, plural, words as say, short, speed, unknown } from '../format';
import { gray, setWords, useApi, useColor, useNow } from '../hooks';
import { BarList, Delta, FirstRequest, Message, ModelName, Panel, TroubleMessage } from '../parts';
import type { Route } from '../route';
import { axis, column, fold, stacks } from '../series';

type Shown = StatsOf<'models' | 'categories' | 'clients' | 'applications'>;

/** What the API is asked for the numbers of a period; null for all there is as long as it is not known where that begins. */
function statsPath(words: Words, now: number, oldest: string | null | undefined): string | null {
  const period = periodOf(words, now);
  if (period.from === null && oldest === undefined) {
    return null;
  }
  const from = period.from ?? (oldest ? Date.parse(oldest) / 1000 : now - 86_400);
  const step = stepOf(Math.max(60, (period.to ?? now) - from));
  return `stats${query({ ...apiFilters(words), ...apiPeriod(period), step, split: 'model', groups: 'model,category,client,application' })}`;
}

const learnOf = (stats: Shown) => learnColors(answering(stats.models));

export function Overview({ route, tick, retry, oldest }: { route: Route; tick: number; retry: () => void; oldest: string | null | undefined }) {
  const { words } = route;
  const now = useNow(JSON.stringify(words), tick);
  const { data, error, isLoading, path } = useApi<Shown>(statsPath(words, now, oldest), tick, false, learnOf);
  const before = periodBefore(periodOf(words, now), now);
  // The period before is asked for when this one is there and drawn: it is what somebody waits for.
  const isCurrent = !isLoading && data !== null;
  const asked = useRef<string | null>(null);
  if (isCurrent) {
    asked.current = before && `stats${query({ ...apiFilters(words), ...apiPeriod(before), groups: 'none' })}`;
  }
  const previous = useApi<StatsOf>(asked.current, 0, true);
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
  if (data.total.requests === 0) {
    return (
      <Message title="No request matches">
        <p>
          The store holds {plural(data.total_records, 'request')}, but none in this period with these filters.
          {!words['kind'] && ' Calls that run no model are shown only when Kind says so.'}
        </p>
      </Message>
    );
  }
  return (
    <div class={isLoading ? 'view busy' : 'view'} aria-busy={isLoading} data-path={path}>
      <Cards stats={data} before={previous.data?.total ?? null} />
      <Charts route={route} stats={data} now={now} />
      <p class="footnote">
        Percentiles are at most {data.percentile_error * 100} % off; everything else is exact.
        {isCostly(words) && ' Searches and ranges are counted request by request, which takes longer.'} The store holds {plural(data.total_records, 'request')}{' '}
        in {bytes(data.size_bytes)}
        {data.queue_size > 0 && `, with ${count(data.queue_size)} more to be written`}.
      </p>
    </div>
  );
}

function Cards({ stats, before }: { stats: Shown; before: Stats['total'] | null }) {
  const { total } = stats;
  return (
    <div class="cards">
      <section class="card" aria-label="Requests" data-card="requests">
        <h2>Requests</h2>
        <p class="big">
          {count(total.requests)} <Delta now={total.requests} before={before?.requests} better="neither" />
        </p>
        <dl>
          <Fact name="per minute" value={total.requests_per_minute < 0.01 && total.requests > 0 ? '< 0.01' : total.requests_per_minute.toFixed(2)} />
          <Fact name="clients" value={count(stats.client_count)} />
          <Fact name="models" value={count(stats.model_count)} />
        </dl>
      </section>
      <section class="card" aria-label="Errors" data-card="errors">
        <h2>Errors</h2>
        <p class={`big ${total.error > 0 ? 'is-bad' : ''}`}>
          {count(total.error)} <Delta now={total.error} before={before?.error} better="less" />
        </p>
        <dl>
          <Fact name="of requests" value={percent(total.error, total.requests)} />
          <Fact name="cancelled" value={count(total.cancelled)} />
          <Fact name="truncated" value={count(total.truncated)} />
        </dl>
      </section>
      <section class="card" aria-label="Tokens" data-card="tokens">
        <h2>Tokens out</h2>
        <p class="big">
          {short(total.output_tokens)} <Delta now={total.output_tokens} before={before?.output_tokens} better="neither" />
        </p>
        <dl>
          <Fact name="in" value={short(total.input_tokens)} delta={<Delta now={total.input_tokens} before={before?.input_tokens} better="neither" />} />
          <Fact name="in, cached" value={short(total.cached_input_tokens)} />
        </dl>
      </section>
      <Percentiles
        title="Speed"
        values={total.tokens_per_second}
        before={before?.tokens_per_second}
        format={speed}
        better="more"
        tail={['p10', 'p5']}
        hint="tokens written per second; one request in ten is slower than p10"
      />
      <Percentiles
        title="First token"
        values={total.time_to_first_token}
        before={before?.time_to_first_token}
        format={duration}
        better="less"
        hint="from the request to the first token"
      />
      <Percentiles title="Duration" values={total.latency} before={before?.latency} format={duration} better="less" hint="from the request to the last byte" />
    </div>
  );
}

function Fact({ name, value, delta }: { name: string; value: string; delta?: preact.ComponentChild }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value} {delta}
      </dd>
    </div>
  );
}

type Percentile = 'p5' | 'p10' | 'p50' | 'p90' | 'p95' | 'p99';

/** The middle, and the tail on the side that hurts. */
function Percentiles({
  title,
  values,
  before,
  format,
  better,
  hint,
  tail = ['p95', 'p99'],
}: {
  title: string;
  values: Distribution;
  before: Distribution | undefined;
  format: (value: number | null) => string;
  better: 'more' | 'less';
  hint: string;
  tail?: [Percentile, Percentile];
}) {
  return (
    <section class="card" aria-label={title} data-card={title.toLowerCase().replace(' ', '-')} title={hint}>
      <h2>
        {title} <small>p50</small>
      </h2>
      <p class="big">
        {format(values.p50)} <Delta now={values.p50} before={before?.p50} better={better} />
      </p>
      <dl>
        {tail.map((name) => (
          <Fact key={name} name={name} value={format(values[name])} delta={<Delta now={values[name]} before={before?.[name]} better={better} />} />
        ))}
      </dl>
    </section>
  );
}

function Charts({ route, stats, now }: { route: Route; stats: Shown; now: number }) {
  const color = useColor();
  const [which, setWhich] = useState<'latency' | 'time_to_first_token'>('latency');
  const step = stats.step_seconds ?? 3600;
  const period = periodOf(route.words, now);
  const from = period.from ?? (stats.start_time ? Date.parse(stats.start_time) / 1000 : now - 86_400);
  const to = Math.min(period.to ?? now, Date.parse(stats.end_time) / 1000);
  const brush = (start: number, end: number) => setWords(route, { range: 'custom', from: String(Math.floor(start)), to: String(Math.ceil(end)) });
  const choose = (name: string, value: string | null) =>
    value === null ? undefined : () => setWords(route, { [name]: route.words[name] === value ? null : value });

  const { times, requests, latencies, tokens, speeds } = useMemo(() => {
    const times = axis(from, to, step, stats.series);
    const requests: Series[] = stacks(times, stats, (name) => color(name) !== gray).map((stack) => ({
      name: stack.isRest ? 'others' : (stack.name ?? 'no model'),
      color: stack.isRest ? gray : color(stack.name),
      values: stack.values,
      kind: 'bar',
    }));
    const lines = (value: (numbers: Stats['total']) => Distribution, names: Percentile[]): Series[] =>
      names.map((name, index) => ({
        name,
        color: `line${index}`,
        values: column<number | null>(times, stats.series, null, (numbers) => value(numbers)[name]),
        kind: 'line',
      }));
    const tokens: Series[] = [
      { name: 'out', color: 'line0', values: column(times, stats.series, 0, (numbers) => numbers.output_tokens), kind: 'bar' },
      { name: 'in', color: 'tint0', values: column(times, stats.series, 0, (numbers) => numbers.input_tokens), kind: 'bar' },
    ];
    return {
      times,
      requests,
      latencies: lines((numbers) => numbers[which], ['p50', 'p95', 'p99']),
      tokens,
      speeds: lines((numbers) => numbers.tokens_per_second, ['p50', 'p10', 'p5']),
    };
  }, [stats, which, color]);

  return (
    <div class="grid">
      <Panel title="Requests" note={`by model, ${every(step)}`} wide>
        <Chart label="Requests over time by model" times={times} step={step} series={requests} isStacked unit="count" onBrush={brush} height={200} />
      </Panel>
      <Panel
        title={which === 'latency' ? 'Duration' : 'First token'}
        note="percentiles"
        tools={
          <div class="segments small" role="group" aria-label="Which">
            <button type="button" aria-pressed={which === 'latency'} onClick={() => setWhich('latency')}>
              Duration
            </button>
            <button type="button" aria-pressed={which !== 'latency'} onClick={() => setWhich('time_to_first_token')}>
              First token
            </button>
          </div>
        }
      >
        <Chart label="Percentiles over time" times={times} step={step} series={latencies} unit="duration" onBrush={brush} />
      </Panel>
      <Panel title="Tokens" note={every(step)}>
        <Chart label="Tokens over time" times={times} step={step} series={tokens} isStacked unit="count" onBrush={brush} />
      </Panel>
      <Panel title="Speed" note="tokens per second">
        <Chart label="Speed over time" times={times} step={step} series={speeds} unit="speed" onBrush={brush} />
      </Panel>
      <Panel title="How long requests take" note="click a bar to see them">
        <Histogram stats={stats} onChoose={(above, upTo) => setWords(route, { min_latency: String(above), max_latency: String(upTo) })} />
      </Panel>
      <Panel title="Models" note="requests">
        <BarList
          empty="No model was named."
          rows={stats.models.slice(0, 8).map(({ name, numbers }) => ({
            key: name ?? '',
            label: <ModelName model={name} />,
            value: numbers.requests,
            text: count(numbers.requests),
            detail: speed(numbers.tokens_per_second.p50),
            color: color(name),
            title: 'Only this model',
            ...optional(choose('model', name)),
          }))}
        />
      </Panel>
      <Panel title="Categories" note="of prompts">
        <BarList
          empty="None."
          rows={stats.categories.slice(0, 8).map(({ name, numbers }) => ({
            key: name ?? '',
            label: say(name ?? unknown),
            value: numbers.requests,
            text: count(numbers.requests),
            detail: percent(numbers.requests, stats.total.requests),
            title: 'Only this category',
            ...optional(choose('category', name)),
          }))}
        />
      </Panel>
      <Panel title="Clients" note={plural(stats.client_count, 'address', 'addresses')}>
        <BarList
          empty="None."
          rows={stats.clients.slice(0, 8).map(({ name, numbers }) => ({
            key: name ?? '',
            label: name ?? unknown,
            value: numbers.requests,
            text: count(numbers.requests),
            detail: duration(numbers.latency.p50),
            title: 'Only this client',
            ...optional(choose('client', name)),
          }))}
        />
      </Panel>
      <Panel title="Applications" note="by user agent">
        <BarList
          empty="None."
          rows={stats.applications.slice(0, 8).map(({ name, numbers }) => ({
            key: name ?? '',
            label: name ?? 'not known',
            value: numbers.requests,
            text: count(numbers.requests),
            detail: duration(numbers.latency.p50),
            title: 'Only this application',
            ...optional(choose('application', name)),
          }))}
        />
      </Panel>
    </div>
  );
}

function optional(onClick: (() => void) | undefined): { onClick?: () => void } {
  return onClick ? { onClick } : {};
}

function Histogram({ stats, onChoose }: { stats: Shown; onChoose: (above: number, upTo: number) => void }) {
  const bars = fold(stats.latency_histogram);
  const most = Math.max(...bars.map((bar) => bar.count));
  return (
    <div class="histogram">
      <div class="columns">
        {bars.map((bar) => {
          const text = `${duration(bar.above)} to ${duration(bar.up_to)}: ${plural(bar.count, 'request')}`;
          return (
            <button key={bar.up_to} type="button" title={text} aria-label={text} disabled={bar.count === 0} onClick={() => onChoose(bar.above, bar.up_to)}>
              <i style={{ height: `${(100 * bar.count) / most}%` }} class={bar.count > 0 ? 'some' : ''} />
            </button>
          );
        })}
      </div>
      <div class="ends">
        <span>{duration(bars[0]?.above)}</span>
        <span>{bars.length > 8 && duration(bars[Math.floor(bars.length / 2)]?.above)}</span>
        <span>{duration(bars[bars.length - 1]?.up_to)}</span>
      </div>
    </div>
  );
}
