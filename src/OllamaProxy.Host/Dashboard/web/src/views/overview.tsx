/** How it went, in numbers, over a period. */
import { useMemo, useRef } from 'preact/hooks';
import { ApiError, query, type StatsOf } from '../api';
import { answering, learnColors } from '../colors';
import { apiFilters, apiPeriod, isCostly, periodBefore, periodOf } from '../filters';
import { bytes, count, plural } from '../format';
import { useApi, useNow } from '../hooks';
import { FirstRequest, Message, TroubleMessage } from '../parts';
import type { Route } from '../route';
import { Cards } from './overview-cards';
import { Charts } from './overview-charts';
import { Places } from './overview-places';
import { Shares } from './overview-shares';
import { type Shown, severalOf, splitIn, statsPath, stepsOf } from './overview-stats';

const learnOf = (stats: Shown) => learnColors(answering(stats.models));

/** Lines through fewer requests say nothing. */
const fewest = 5;

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
          {!words['kind'] && ' Calls without a model are hidden; the Kind filter shows them.'}
        </p>
      </Message>
    );
  }
  const { step, times } = steps!;
  const isSparse = data.total.requests < fewest;
  const several = severalOf(words, data);
  return (
    <div class={isLoading ? 'view busy' : 'view'} aria-busy={isLoading} data-path={path}>
      <Cards route={route} stats={data} before={previous.data?.total ?? null} times={times} />
      <div class={isSparse ? 'grid sparse' : 'grid'}>
        <Charts route={route} stats={data} split={splitIn(path)} several={several} now={now} step={step} times={times} isSparse={isSparse} />
        <Shares route={route} stats={data} isSparse={isSparse} />
      </div>
      <Places route={route} stats={data} places={several} />
      <p class="footnote">
        Percentiles are at most {data.percentile_error * 100} % off; everything else is exact.
        {isCostly(words) && ' Searches and ranges are counted request by request, which takes longer.'} The store holds {plural(data.total_records, 'request')}{' '}
        in {bytes(data.size_bytes)}
        {data.queue_size > 0 && `, with ${count(data.queue_size)} more to be written`}.
      </p>
    </div>
  );
}
