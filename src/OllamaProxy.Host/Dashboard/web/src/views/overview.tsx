/** How it went, in numbers, over a period. */
import type { ComponentChildren } from 'preact';
import { useMemo, useRef, useState } from 'preact/hooks';
import { ApiError, type Distribution, type Numbers, query, type StatsOf } from '../api';
import { Chart, type Series } from '../chart';
import { answering, learnColors } from '../colors';
import { errorWord } from '../endings';
import { apiFilters, apiPeriod, isCostly, periodBefore, periodOf, stepOf, type Words } from '../filters';
import { bytes, count, duration, every, percent, plural, words as say, short, speed, unknown } from '../format';
import { go, gray, setWords, useApi, useColor, useNow } from '../hooks';
import { BarList, Delta, FirstRequest, Message, ModelName, Panel, Sparkline, TroubleMessage } from '../parts';
import { change, format, type Route } from '../route';
import { axis, column, fold, placeOf, roundBounds, roundTop, stacks } from '../series';

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
  const steps = useMemo(() => data && stepsOf(route, data, now), [data]);
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
  const { step, times } = steps!;
  return (
    <div class={isLoading ? 'view busy' : 'view'} aria-busy={isLoading} data-path={path}>
      <Cards route={route} stats={data} before={previous.data?.total ?? null} times={times} />
      <Charts route={route} stats={data} now={now} step={step} times={times} />
      <p class="footnote">
        Percentiles are at most {data.percentile_error * 100} % off; everything else is exact.
        {isCostly(words) && ' Searches and ranges are counted request by request, which takes longer.'} The store holds {plural(data.total_records, 'request')}{' '}
        in {bytes(data.size_bytes)}
        {data.queue_size > 0 && `, with ${count(data.queue_size)} more to be written`}.
      </p>
    </div>
  );
}

interface CardProps {
  name: string;
  title: string;
  hint: string;
  /** What the card leads to: words of the table. */
  leadsTo: Record<string, string | null>;
  unit?: string;
  big: ComponentChildren;
  values: (number | null)[];
  isBad?: boolean;
  facts: [name: string, value: string, delta?: ComponentChildren][];
}

/** A number, how it went, and the way to the requests behind it. */
function Card({ route, name, title, hint, leadsTo, unit, big, values, isBad = false, facts }: CardProps & { route: Route }) {
  return (
    <section class="card" aria-label={title} data-card={name} title={hint}>
      <h2>
        <a href={format('requests', change(route.words, leadsTo))}>{title}</a> {unit && <small>{unit}</small>}
      </h2>
      <p class={`big ${isBad ? 'is-bad' : ''}`}>{big}</p>
      <dl>
        {facts.map(([fact, value, delta]) => (
          <div key={fact}>
            <dt>{fact}</dt>
            <dd>
              {value} {delta}
            </dd>
          </div>
        ))}
      </dl>
      <Sparkline values={values} isBad={isBad} />
    </section>
  );
}

function Cards({ route, stats, before, times }: { route: Route; stats: Shown; before: Numbers | null; times: number[] }) {
  const { total, series } = stats;
  const counts = (value: (numbers: Numbers) => number) => column(times, series, 0, value);
  /** The middle, and the tail on the side that hurts: slow is few tokens per second, and a long duration. */
  const percentiles = (
    measure: 'tokens_per_second' | 'time_to_first_token' | 'latency',
    text: (value: number | null) => string,
    better: 'more' | 'less',
    tail: Percentile[],
  ): Pick<CardProps, 'big' | 'values' | 'facts' | 'unit'> => ({
    unit: 'p50',
    big: (
      <>
        {text(total[measure].p50)} <Delta now={total[measure].p50} before={before?.[measure].p50} better={better} />
      </>
    ),
    values: column<number | null>(times, series, null, (numbers) => numbers[measure].p50),
    facts: tail.map((name) => [
      name,
      text(total[measure][name]),
      <Delta key={name} now={total[measure][name]} before={before?.[measure][name]} better={better} />,
    ]),
  });
  const all: CardProps[] = [
    {
      name: 'requests',
      title: 'Requests',
      hint: 'Show them',
      leadsTo: {},
      big: (
        <>
          {count(total.requests)} <Delta now={total.requests} before={before?.requests} better="neither" />
        </>
      ),
      values: counts((numbers) => numbers.requests),
      facts: [
        ['per minute', total.requests_per_minute < 0.01 && total.requests > 0 ? '< 0.01' : total.requests_per_minute.toFixed(2)],
        ['clients', count(stats.client_count)],
      ],
    },
    {
      name: 'errors',
      title: 'Errors',
      hint: 'Show the requests that failed',
      leadsTo: { status: 'error' },
      isBad: total.error > 0,
      big: (
        <>
          {count(total.error)} <Delta now={total.error} before={before?.error} better="less" />
        </>
      ),
      values: counts((numbers) => numbers.error),
      facts: [
        ['of requests', percent(total.error, total.requests)],
        ['cancelled', count(total.cancelled)],
      ],
    },
    {
      name: 'tokens',
      title: 'Completion tokens',
      hint: 'Show the longest answers',
      leadsTo: { sort: '-output_tokens' },
      big: (
        <>
          {short(total.output_tokens)} <Delta now={total.output_tokens} before={before?.output_tokens} better="neither" />
        </>
      ),
      values: counts((numbers) => numbers.output_tokens),
      facts: [
        ['prompt', short(total.input_tokens), <Delta key="in" now={total.input_tokens} before={before?.input_tokens} better="neither" />],
        ['cached', short(total.cached_input_tokens)],
      ],
    },
    {
      name: 'speed',
      title: 'Speed',
      hint: 'Completion tokens per second. One request in ten is slower than p10. Show the slowest',
      leadsTo: { sort: 'tokens_per_second' },
      ...percentiles('tokens_per_second', speed, 'more', ['p10', 'p5']),
    },
    {
      name: 'first-token',
      title: 'Time to first token',
      hint: 'From the request to the first token. Show the slowest',
      leadsTo: { sort: '-ttft' },
      ...percentiles('time_to_first_token', duration, 'less', ['p95', 'p99']),
    },
    {
      name: 'duration',
      title: 'Duration',
      hint: 'From the request to the last byte. Show the slowest',
      leadsTo: { sort: '-latency' },
      ...percentiles('latency', duration, 'less', ['p95', 'p99']),
    },
  ];
  return (
    <div class="cards">
      {all.map((card) => (
        <Card key={card.name} route={route} {...card} />
      ))}
    </div>
  );
}

type Percentile = 'p5' | 'p10' | 'p50' | 'p90' | 'p95' | 'p99';

/** The steps of the charts. */
function stepsOf(route: Route, stats: Shown, now: number) {
  const step = stats.step_seconds ?? 3600;
  const period = periodOf(route.words, now);
  const from = period.from ?? (stats.start_time ? Date.parse(stats.start_time) / 1000 : now - 86_400);
  const to = Math.min(period.to ?? now, Date.parse(stats.end_time) / 1000);
  return { step, times: axis(from, to, step, stats.series) };
}

/** Errors by type over time, and as a list; each leads to the requests. */
function Errors({ route, stats, step, times, before, onBrush }: ErrorsProps) {
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

interface ErrorsProps {
  route: Route;
  stats: Shown;
  step: number;
  times: number[];
  /** The period, as the API is asked for it. */
  before: Record<string, string>;
  onBrush: (from: number, to: number) => void;
}

function Charts({ route, stats, now, step, times }: { route: Route; stats: Shown; now: number; step: number; times: number[] }) {
  const color = useColor();
  const [which, setWhich] = useState<'latency' | 'time_to_first_token'>('latency');
  const brush = (start: number, end: number) => setWords(route, { range: 'custom', from: String(Math.floor(start)), to: String(Math.ceil(end)) });
  const choose = (name: string, value: string | null) =>
    value === null ? undefined : () => setWords(route, { [name]: route.words[name] === value ? null : value });

  const { requests, latencies, tokens, speeds } = useMemo(() => {
    const requests: Series[] = stacks(times, stats, (name) => color(name) !== gray).map((stack) => ({
      name: stack.isRest ? 'others' : (stack.name ?? 'no model'),
      color: stack.isRest ? gray : color(stack.name),
      values: stack.values,
      kind: 'bar',
      onChoose: stack.isRest ? undefined : choose('model', stack.name),
    }));
    const lines = (value: (numbers: Numbers) => Distribution, names: Percentile[]): Series[] =>
      names.map((name, index) => ({
        name,
        color: `line${index}`,
        values: column<number | null>(times, stats.series, null, (numbers) => value(numbers)[name]),
        kind: 'line',
      }));
    const tokens: Series[] = [
      { name: 'completion', color: 'line0', values: column(times, stats.series, 0, (numbers) => numbers.output_tokens), kind: 'bar' },
      { name: 'prompt', color: 'tint0', values: column(times, stats.series, 0, (numbers) => numbers.input_tokens), kind: 'bar' },
    ];
    return {
      requests,
      latencies: lines((numbers) => numbers[which], ['p50', 'p95', 'p99']),
      tokens,
      speeds: lines((numbers) => numbers.tokens_per_second, ['p50', 'p10', 'p5']),
    };
  }, [stats, which, color, times]);

  // Lines through one point and shares of one request say nothing.
  const isSparse = stats.total.requests < 5;
  return (
    <div class={isSparse ? 'grid sparse' : 'grid'}>
      <Panel title="Requests" note={`by model, ${every(step)}`} wide>
        <Chart label="Requests over time by model" times={times} step={step} series={requests} isStacked unit="count" onBrush={brush} height={200} />
      </Panel>
      <Errors route={route} stats={stats} step={step} times={times} before={apiPeriod(periodOf(route.words, now))} onBrush={brush} />
      {!isSparse && (
        <>
          <Panel
            title={which === 'latency' ? 'Duration' : 'Time to first token'}
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
          <Panel title="Speed" note="completion tokens per second">
            <Chart label="Speed over time" times={times} step={step} series={speeds} unit="speed" onBrush={brush} />
          </Panel>
          <Panel title="Requests by duration" note="click a bar to see only these">
            <Histogram stats={stats} onChoose={(above, upTo) => setWords(route, { min_latency: String(above), max_latency: String(upTo) })} />
          </Panel>
        </>
      )}
      <Panel title="Models">
        <BarList
          empty="No model was named."
          heads={['Model', 'Speed p50', 'Requests']}
          rows={stats.models.slice(0, 6).map(({ name, numbers }) => ({
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
      <Panel title="Applications">
        <BarList
          empty="None."
          heads={['By user agent', 'Duration p50', 'Requests']}
          rows={stats.applications.slice(0, 6).map(({ name, numbers }) => ({
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
      {!isSparse && (
        <>
          <Panel title="Clients">
            <BarList
              empty="None."
              heads={[plural(stats.client_count, 'address', 'addresses'), 'Duration p50', 'Requests']}
              rows={stats.clients.slice(0, 6).map(({ name, numbers }) => ({
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
          <Panel title="Categories">
            <BarList
              empty="None."
              heads={['Of prompts', 'Share', 'Requests']}
              rows={stats.categories.slice(0, 6).map(({ name, numbers }) => ({
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
        </>
      )}
    </div>
  );
}

function optional(onClick: (() => void) | undefined): { onClick?: () => void } {
  return onClick ? { onClick } : {};
}

/** Ten bars to each power of ten, with round durations below, the most requests beside, and the percentiles as marks. */
function Histogram({ stats, onChoose }: { stats: Shown; onChoose: (above: number, upTo: number) => void }) {
  const bars = fold(stats.latency_histogram);
  const top = roundTop(Math.max(...bars.map((bar) => bar.count)));
  const { latency } = stats.total;
  const marks = [
    { name: 'p50', value: latency.p50 },
    { name: 'p95', value: latency.p95 },
  ].flatMap(({ name, value }) => (value === null ? [] : [{ name, value, at: placeOf(bars, value) }]));
  return (
    <div class="histogram">
      <div class="plot">
        <span class="most" style={{ top: '0' }}>
          {short(top)}
        </span>
        <span class="most" style={{ top: '50%' }}>
          {top > 1 && short(top / 2)}
        </span>
        <div class="columns">
          {bars.map((bar) => {
            const text = `${duration(bar.above)} to ${duration(bar.up_to)}: ${plural(bar.count, 'request')}`;
            return (
              <button key={bar.up_to} type="button" title={text} aria-label={text} disabled={bar.count === 0} onClick={() => onChoose(bar.above, bar.up_to)}>
                <i style={{ height: `${(100 * bar.count) / top}%` }} class={bar.count > 0 ? 'some' : ''} />
              </button>
            );
          })}
          {marks.map(({ name, value, at }) => (
            <span key={name} class="mark" style={{ left: `${at}%` }}>
              <b>
                {name} {duration(value)}
              </b>
            </span>
          ))}
        </div>
      </div>
      <div class="scale" aria-hidden="true">
        {roundBounds(bars).map(({ value, at }) => (
          <span key={value} style={{ left: `${at}%` }}>
            {duration(value).replace(/\.0+ /, ' ')}
          </span>
        ))}
      </div>
    </div>
  );
}
