/** The marks of a chart's value axis: round numbers of its unit. */
import { short } from './format';

export type Unit = 'count' | 'duration' | 'speed';

/** 1, 2 and 5 times each power of ten. */
function powers(from: number, to: number): number[] {
  const all: number[] = [];
  for (let power = from; power <= to; power++) {
    // From text, because 3 * 0.1 is not 0.3 for a computer.
    all.push(...[1, 2, 5].map((digit) => Number(`${digit}e${power}`)));
  }
  return all;
}

/** The distances that marks may have. There is no half of a request, and a minute has 60 seconds. */
export const increments: Record<Unit, number[]> = {
  count: powers(0, 15),
  duration: [
    ...powers(-6, 0),
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    14_400,
    21_600,
    43_200,
    86_400,
    ...powers(0, 4).map((days) => days * 2 * 86_400),
  ],
  speed: powers(-3, 6),
};

/** The texts of the marks of one axis, all in the same unit. */
export function tickTexts(unit: Unit, marks: readonly number[], increment: number): string[] {
  const most = Math.max(...marks.map(Math.abs), 0);
  const [size, sign] = unit === 'duration' ? durationUnit(increment, most) : [1, unit === 'speed' ? ' tok/s' : ''];
  const places = Math.max(0, -Math.floor(Math.log10(increment / size) + 1e-9));
  return marks.map((mark) =>
    mark === 0
      ? '0'
      : unit === 'count'
        ? short(mark)
            .replace(/\.0+(?= )/, '')
            .replace(/(\.\d*?)0+(?= )/, '$1')
        : `${Number((mark / size).toFixed(places))}${sign}`,
  );
}

function durationUnit(increment: number, most: number): [number, string] {
  if (increment >= 60) {
    return increment % 86_400 === 0 ? [86_400, ' d'] : increment % 3600 === 0 ? [3600, ' h'] : [60, ' min'];
  }
  return most >= 1 ? [1, ' s'] : [0.001, ' ms'];
}
