/** Steps of the API, which leaves out those without a record, as columns of a chart. */
import type { Bar, Group, Numbers, Step } from './api';

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

/** Requests by the names of some groups. Names without a color of their own are one stack, because two of the same color could not be told apart. */
export function stacks(
  times: readonly number[],
  series: readonly Step[],
  groups: readonly Pick<Group, 'name'>[],
  hasColor: (name: string | null) => boolean,
): Stack[] {
  const all = groups.map((group) => group.name);
  const names = all.length === 1 ? all : all.filter(hasColor);
  const stack: Stack[] = names.map((name) => ({
    name,
    isRest: false,
    values: column(times, series, 0, (_, step) => step.parts.find((part) => part.name === name)?.requests ?? 0),
  }));
  const rest = column(
    times,
    series,
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

/** Where a value is on the axis of some bars, in percent of its length. Within a bar by its logarithm, as the bars are. */
export function placeOf(bars: readonly Bar[], value: number): number {
  const index = bars.findIndex((bar) => value <= bar.up_to);
  if (index < 0) {
    return 100;
  }
  const { above, up_to } = bars[index]!;
  const within = above > 0 ? Math.log(Math.max(1, value / above)) / Math.log(up_to / above) : 1;
  return (100 * (index + within)) / bars.length;
}

/** The next round count, half of which is one, too. */
export function roundTop(most: number): number {
  for (let power = 1; ; power *= 10) {
    const top = [2, 4, 6, 8, 10].map((digit) => digit * power).find((round) => most <= round);
    if (most <= 1 || top !== undefined) {
      return most <= 1 ? 1 : top!;
    }
  }
}

/** The bounds of bars that are 1, 2 or 5 times a power of ten, at least so many percent of the axis apart. */
export function roundBounds(bars: readonly Bar[], apart = 16): { value: number; at: number }[] {
  const bounds = [...bars.map((bar) => bar.above), ...bars.slice(-1).map((bar) => bar.up_to)];
  for (const digits of [[1, 2, 5], [1, 3], [1]]) {
    const round = bounds.flatMap((bound, index) => {
      const power = bound > 0 ? Math.floor(Math.log10(bound) + 0.05) : 0;
      const digit = Number((bound / 10 ** power).toPrecision(1));
      const isRound = bound > 0 && digits.includes(digit) && Math.abs(bound / (digit * 10 ** power) - 1) < 0.06;
      return isRound ? [{ value: Number(`${digit}e${power}`), at: (100 * index) / bars.length }] : [];
    });
    if (round.every((bound, index) => index === 0 || bound.at - round[index - 1]!.at >= apart)) {
      return round;
    }
  }
  return [];
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
