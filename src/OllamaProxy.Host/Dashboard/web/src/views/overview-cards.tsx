/** The six numbers at the top. Each opens the requests that it counts. */
import type { ComponentChildren } from 'preact';
import type { Numbers } from '../api';
import { count, duration, percent, short, speed } from '../format';
import { Delta, Sparkline } from '../parts';
import { change, format, type Route } from '../route';
import { column } from '../series';
import type { Percentile, Shown } from './overview-stats';

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

/** A number, how it went, and a link to the requests that it counts. */
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

export function Cards({ route, stats, before, times }: { route: Route; stats: Shown; before: Numbers | null; times: number[] }) {
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
