/** Time series, drawn by uPlot; names and numbers beside them are the page's own. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { duration, short, speed } from './format';
import { useMedia } from './hooks';
import { usePreference } from './preferences';
import { accumulate } from './series';
import { increments, tickTexts, type Unit } from './ticks';

export interface Series {
  name: string;
  /** A class of style.css whose color it has. */
  color: string;
  values: (number | null)[];
  kind: 'bar' | 'line';
  isDashed?: boolean;
  /** What is chosen by a click on it; without one a click shows only this series. */
  onChoose?: (() => void) | undefined;
}

export interface ChartProps {
  label: string;
  times: number[];
  /** Seconds. */
  step: number;
  series: Series[];
  isStacked?: boolean;
  /** False where the page names the series itself. */
  hasLegend?: boolean;
  unit: Unit;
  /** Called with Unix seconds when a part was chosen. */
  onBrush?: (from: number, to: number) => void;
  height?: number;
}

const formats: Record<Unit, (value: number | null) => string> = { count: short, duration, speed };

/** Draws the same moment in all charts of the page. */
const sync = uPlot.sync('time');

const moment = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });

/** What classes gave already, by the theme: to ask makes the browser look at the styles of the whole page. */
const colors = new Map<string, string>();

/** The color that a class gives, as the canvas needs it. */
function colorOf(host: HTMLElement, theme: string, name: string): string {
  const key = `${theme}/${name}`;
  let color = colors.get(key);
  if (color === undefined) {
    const probe = document.createElement('i');
    probe.className = name;
    host.append(probe);
    color = getComputedStyle(probe).color;
    probe.remove();
    colors.set(key, color);
  }
  return color;
}

export function Chart({ label, times, step, series: all, isStacked, hasLegend = true, unit, onBrush, height = 180 }: ChartProps) {
  const [only, setOnly] = useState<string | null>(null);
  const series = useMemo(() => (all.some((one) => one.name === only) ? all.filter((one) => one.name === only) : all), [all, only]);
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const isDark = useMedia('(prefers-color-scheme: dark)');
  const [theme] = usePreference('theme', 'auto');
  const brush = useRef(onBrush);
  brush.current = onBrush;
  const length = useRef(step);
  length.current = step;
  const choose = (one: Series) => (one.onChoose ? one.onChoose() : setOnly(only === one.name ? null : one.name));
  const chooseAt = useRef<(index: number, value: number) => void>(() => undefined);
  chooseAt.current = (index, value) => {
    let top = 0;
    const hit = isStacked ? series.find((one) => value <= (top += one.values[index] ?? 0)) : undefined;
    if (hit) {
      choose(hit);
    }
  };

  // On top of the stack first, so that what is below is drawn over it.
  const data = useMemo(() => {
    const columns = isStacked ? accumulate(series.map((one) => one.values.map((value) => value ?? 0))) : series.map((one) => one.values);
    return [times, ...columns.reverse()] as uPlot.AlignedData;
  }, [times, series, isStacked]);
  const shape = `${series.map((one) => `${one.name}/${one.color}/${one.kind}/${one.isDashed}`).join('|')}/${isStacked}/${isDark}/${theme}/${height}/${step}/${unit}`;
  const format = formats[unit];

  useEffect(() => {
    const box = host.current!;
    const shade = `${theme}/${isDark}`;
    const ink = colorOf(box, shade, 'ink-quiet');
    const line = colorOf(box, shade, 'ink-line');
    const axis = { stroke: ink, font: '11px system-ui, sans-serif', grid: { stroke: line, width: 1 }, ticks: { show: false } };
    const made = new uPlot(
      {
        width: Math.max(box.clientWidth, 100),
        height,
        padding: [8, 22, 0, 0],
        legend: { show: false },
        cursor: {
          sync: { key: sync.key, setSeries: false },
          drag: { x: brush.current !== undefined, y: false, setScale: false },
          y: false,
          points: { size: 6 },
        },
        scales: {
          x: { time: true, range: (_, min, max) => [min, max + length.current] },
          y: { range: (_, __, max) => [0, max > 0 ? max * 1.08 : 1] },
        },
        axes: [
          { ...axis, grid: { show: false }, size: 26, gap: 6, space: 64, values: axisTimes },
          { ...axis, size: 62, space: 26, incrs: increments[unit], values: (_, splits, __, ___, increment) => tickTexts(unit, splits, increment) },
        ],
        series: [
          {},
          ...[...series].reverse().map((one): uPlot.Series => {
            const color = colorOf(box, shade, one.color);
            return one.kind === 'bar'
              ? { stroke: color, fill: color, width: 0, points: { show: false }, paths: uPlot.paths.bars!({ size: [0.86, 40], align: 1 }) }
              : { stroke: color, width: 1.75, ...(one.isDashed ? { dash: [5, 4] } : {}), spanGaps: false, points: { size: 4, fill: color, width: 0 } };
          }),
        ],
        hooks: {
          setCursor: [(chart) => setAt(chart.cursor.idx ?? null)],
          setSelect: [
            (chart) => {
              if (chart.select.width > 3) {
                brush.current?.(chart.posToVal(chart.select.left, 'x'), chart.posToVal(chart.select.left + chart.select.width, 'x'));
              }
              chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            },
          ],
        },
      },
      data,
      box,
    );
    plot.current = made;
    let pressed = 0;
    made.over.addEventListener('mousedown', (event) => (pressed = event.clientX));
    made.over.addEventListener('click', (event) => {
      // The end of a drag is a click, too.
      if (Math.abs(event.clientX - pressed) < 4 && made.cursor.idx != null) {
        chooseAt.current(made.cursor.idx, made.posToVal(event.offsetY, 'y'));
      }
    });
    const resize = new ResizeObserver(() => {
      const width = Math.max(box.clientWidth, 100);
      // It tells of the width at the beginning, too, and to be drawn twice is to be there twice as late.
      if (width !== made.width) {
        made.setSize({ width, height });
      }
    });
    resize.observe(box);
    return () => {
      resize.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape]);

  useEffect(() => {
    if (plot.current && plot.current.data !== data) {
      plot.current.setData(data);
    }
  }, [data]);

  const index = at !== null && at < times.length ? at : null;
  const totals = isStacked ? series.reduce((sum, one) => sum + one.values.reduce<number>((all, value) => all + (value ?? 0), 0), 0) : null;
  return (
    <figure
      class="chart"
      aria-label={`${label}: ${series.map((one) => one.name).join(', ')}${totals === null ? '' : `, ${format(totals)} in all`}`}
      role="group"
    >
      <div ref={host} class="plot" style={{ height: `${height}px` }} />
      {hasLegend && (
        <figcaption>
          {all.map((one) => (
            <button
              key={one.name}
              type="button"
              class={`key ${series.includes(one) ? '' : 'off'}`}
              aria-pressed={only === one.name}
              title={`Only ${one.name}`}
              onClick={() => choose(one)}
            >
              <i class={`swatch ${one.color} ${one.kind} ${one.isDashed ? 'dashed' : ''}`} aria-hidden="true" />
              <span class="cut">{one.name}</span>
              {index !== null && <b>{format(one.values[index] ?? null)}</b>}
            </button>
          ))}
          <span class="when">{index === null ? '' : moment.format(new Date(times[index]! * 1000))}</span>
        </figcaption>
      )}
    </figure>
  );
}

const hour = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const date = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

/** The day where one begins, else the time. */
function axisTimes(_: uPlot, splits: number[]): string[] {
  let before = '';
  return splits.map((split) => {
    const instant = new Date(split * 1000);
    const day = date.format(instant);
    const isNew = day !== before && before !== '';
    before = day;
    const clock = hour.format(instant);
    return isNew || clock === '00:00' ? day : clock;
  });
}
