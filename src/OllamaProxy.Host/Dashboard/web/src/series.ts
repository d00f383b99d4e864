/** Steps of the API, which leaves out those without a record, as columns of a chart. */
import type { Bar, Numbers, StatsOf, Step } from './api';

/** Every step between two instants (Unix seconds), those without a record too. */
export function axis(from: number, to: number, step: number, series: readonly Step[]): number[] {
  const first = Math.floor(Math.min(from, series[0]?.timestamp ?? from) / step) * step;
  const last = Math.max(to, series[series.length - 1]?.timestamp ?? to);
  const times: number[] = [];
  for (let time = first; time <= last && times.length < 20_000; time += step) {
    times.push(time);
  }
  return times;
}

/** A column; nothing happened in a step without a record (0), and nothing is known of how fast (null). */
export function column<T extends number | null>(times: readonly number[], series: readonly Step[], empty: T, value: (numbers: Numbers, step: Step) => T): T[] {
  const known = new Map(series.map((step) => [step.timestamp, step]));
  return times.map((time) => {
    const step = known.get(time);
    return step ? value(step.numbers, step) : empty;
  });
}

export interface Stack {
  name: string | null;
  /** True for what the named ones leave. */
  isRest: boolean;
  values: number[];
}

/** Requests by model, the most used first. Models without a color of their own are one stack, because two of the same color could not be told apart. */
export function stacks(times: readonly number[], stats: StatsOf<'models'>, hasColor: (name: string | null) => boolean): Stack[] {
  const all = stats.models.map((group) => group.name);
  const names = all.length === 1 ? all : all.filter(hasColor);
  const stack: Stack[] = names.map((name) => ({
    name,
    isRest: false,
    values: column(times, stats.series, 0, (_, step) => step.parts.find((part) => part.name === name)?.requests ?? 0),
  }));
  const rest = column(
    times,
    stats.series,
    0,
    (numbers, step) => numbers.requests - step.parts.filter((part) => names.includes(part.name)).reduce((sum, part) => sum + part.requests, 0),
  );
  if (rest.some((value) => value > 0)) {
    stack.push({ name: null, isRest: true, values: rest });
  }
  return stack;
}

/** Each series on top of those before it. */
export function accumulate(series: readonly (readonly number[])[]): number[][] {
  const sums: number[][] = [];
  for (const values of series) {
    const below = sums[sums.length - 1];
    sums.push(values.map((value, index) => value + (below?.[index] ?? 0)));
  }
  return sums;
}

/** Bars without the thin ends: at most so many around the bulk, the outer ones added to the outermost. */
export function fold(bars: readonly Bar[], max = 36): Bar[] {
  const folded = [...bars];
  while (folded.length > max) {
    const [first, last] = [folded[0]!, folded[folded.length - 1]!];
    if (first.count <= last.count) {
      folded.shift();
      folded[0] = { above: first.above, up_to: folded[0]!.up_to, count: folded[0]!.count + first.count };
    } else {
      folded.pop();
      const before = folded[folded.length - 1]!;
      folded[folded.length - 1] = { above: before.above, up_to: last.up_to, count: before.count + last.count };
    }
  }
  return folded;
}
