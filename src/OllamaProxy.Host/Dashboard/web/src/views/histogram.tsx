/** Requests by their duration. A bar leads to its requests. */
import { duration, plural, short } from '../format';
import { fold, placeOf, roundBounds, roundTop } from '../series';
import type { Shown } from './overview-stats';

/** Percent of the axis up to which a mark has room for its text on its right, and that a text takes. */
const [roomy, taken] = [80, 30];

/** Ten bars to each power of ten, with round durations below, the most requests beside, and the percentiles as marks. */
export function Histogram({ stats, onChoose }: { stats: Shown; onChoose: (above: number, upTo: number) => void }) {
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
          {marks.map(({ name, value, at }, index) => (
            <span key={name} class={`mark ${index === 0 || (at > roomy && at - marks[0]!.at > taken) ? 'before' : ''}`} style={{ left: `${at}%` }}>
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
