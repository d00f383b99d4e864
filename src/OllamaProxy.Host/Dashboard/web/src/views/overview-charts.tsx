/** The charts over the period: requests, errors, durations, tokens and speeds. */
import { useMemo, useState } from 'preact/hooks';
import type { Distribution, Numbers } from '../api';
import { Chart, type Series } from '../chart';
import { colorsByName, gray } from '../colors';
import { apiPeriod, groupOf, type Place, periodOf, type Split, splitOf } from '../filters';
import { capital, every } from '../format';
import { setWords, toggle, useColor } from '../hooks';
import { Panel } from '../parts';
import type { Route } from '../route';
import { column, stacks } from '../series';
import { Histogram } from './histogram';
import { Errors } from './overview-errors';
import type { Percentile, Shown } from './overview-stats';

interface ChartsProps {
  route: Route;
  stats: Shown;
  /** What the steps of the statistics are divided by. */
  split: Split;
  /** What else they can be divided by. */
  several: readonly Place[];
  now: number;
  step: number;
  times: number[];
  /** Too few requests for lines. */
  isSparse: boolean;
}

export function Charts({ route, stats, split, several, now, step, times, isSparse }: ChartsProps) {
  const color = useColor();
  const [which, setWhich] = useState<'latency' | 'time_to_first_token'>('latency');
  const brush = (start: number, end: number) => setWords(route, { range: 'custom', from: String(Math.floor(start)), to: String(Math.ceil(end)) });

  const { requests, latencies, tokens, speeds } = useMemo(() => {
    const groups = stats[groupOf[split]];
    const shade = split === 'model' ? color : colorsByName(groups.flatMap((group) => group.name ?? []));
    const requests: Series[] = stacks(times, stats.series, groups, (name) => shade(name) !== gray).map((stack) => ({
      name: stack.isRest ? 'others' : (stack.name ?? `no ${split}`),
      color: stack.isRest ? gray : shade(stack.name),
      values: stack.values,
      kind: 'bar',
      onChoose: stack.isRest ? undefined : toggle(route, split, stack.name),
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
  }, [stats, split, which, color, times]);

  return (
    <>
      <Panel title="Requests" note={`by ${split}, ${every(step)}`} tools={several.length > 0 && <SplitChoice route={route} several={several} />} wide>
        <Chart label={`Requests over time by ${split}`} times={times} step={step} series={requests} isStacked unit="count" onBrush={brush} height={200} />
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
    </>
  );
}

function SplitChoice({ route, several }: { route: Route; several: readonly Place[] }) {
  return (
    <div class="segments small" role="group" aria-label="Divided by">
      {(['model', ...several] as const).map((split) => (
        <button
          key={split}
          type="button"
          aria-pressed={splitOf(route.words) === split}
          onClick={() => setWords(route, { split: split === 'model' ? null : split })}
        >
          {capital(split)}
        </button>
      ))}
    </div>
  );
}
