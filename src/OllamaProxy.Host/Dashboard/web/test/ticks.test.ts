import { describe, expect, it } from 'vitest';
import { increments, tickTexts } from '../src/ticks';

/** The marks a chart as high as the page's has up to a value: at most five, as uPlot chooses them. */
function marks(unit: keyof typeof increments, most: number): string[] {
  const increment = increments[unit].find((one) => most / one <= 5)!;
  const all: number[] = [];
  for (let index = 0; index * increment <= most; index++) {
    all.push(index * increment);
  }
  return tickTexts(unit, all, increment);
}

describe('the marks of an axis', () => {
  it('are whole numbers for counts', () => {
    expect(marks('count', 1.08)).toEqual(['0', '1']);
    expect(marks('count', 2.16)).toEqual(['0', '1', '2']);
    expect(marks('count', 54_000)).toEqual(['0', '20 k', '40 k']);
    expect(marks('count', 900_000)).toEqual(['0', '200 k', '400 k', '600 k', '800 k']);
    expect(marks('count', 9e6)).toEqual(['0', '2 M', '4 M', '6 M', '8 M']);
    expect(tickTexts('count', [1_500_000, 100_000, 1_250_000], 50_000)).toEqual(['1.5 M', '100 k', '1.25 M']);
    expect(increments.count.every(Number.isInteger)).toBe(true);
  });
  it.each([
    [0.004, ['0', '1 ms', '2 ms', '3 ms', '4 ms']],
    [0.9, ['0', '200 ms', '400 ms', '600 ms', '800 ms']],
    [2, ['0', '0.5 s', '1 s', '1.5 s', '2 s']],
    [65, ['0', '15 s', '30 s', '45 s', '60 s']],
    [150, ['0', '30 s', '60 s', '90 s', '120 s', '150 s']],
    [290, ['0', '1 min', '2 min', '3 min', '4 min']],
    [700, ['0', '5 min', '10 min']],
    [9_000, ['0', '30 min', '60 min', '90 min', '120 min', '150 min']],
    [15_000, ['0', '1 h', '2 h', '3 h', '4 h']],
  ])('for durations up to %d s are round for a clock', (most, texts) => expect(marks('duration', most)).toEqual(texts));
  it('have the unit of a speed', () => expect(marks('speed', 95)).toEqual(['0', '20 tok/s', '40 tok/s', '60 tok/s', '80 tok/s']));
  it('differ from each other', () => {
    for (const unit of ['count', 'duration', 'speed'] as const) {
      for (let most = unit === 'count' ? 1 : 0.001; most < 1e6; most *= 1.3) {
        const texts = marks(unit, most);
        expect(new Set(texts).size, `${unit} up to ${most}: ${texts.join(' ')}`).toBe(texts.length);
      }
    }
  });
});
