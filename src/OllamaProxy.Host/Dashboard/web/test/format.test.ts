import { describe, expect, it } from 'vitest';
import { bytes, change, count, duration, every, percent, plural, short, speed } from '../src/format';

describe('what is unknown', () => {
  it('is a dash and never a zero', () => {
    for (const format of [bytes, count, duration, short, speed]) {
      expect(format(null)).toBe('–');
      expect(format(undefined)).toBe('–');
      expect(format(0)).not.toBe('–');
    }
    expect(percent(0, 0)).toBe('–');
  });
});

describe('durations', () => {
  it.each([
    [0, '0 ms'],
    [0.00001, '< 0.1 ms'],
    [0.0012, '1.2 ms'],
    [0.0123, '12 ms'],
    [0.9994, '999 ms'],
    [0.9996, '1.00 s'],
    [4.214, '4.21 s'],
    [41.26, '41.3 s'],
    [99.97, '1 min 40 s'],
    [185, '3 min 5 s'],
    [3600, '1 h'],
    [7_830, '2 h 11 min'],
    [86_400 * 3 + 3600 * 4, '3 d 4 h'],
  ])('%d s is %s', (seconds, text) => expect(duration(seconds)).toBe(text));
});

describe('counts, sizes, shares', () => {
  it.each([
    [999, '999'],
    [9_999, '9,999'],
    [12_345, '12.3 k'],
    [999_499, '999 k'],
    [4_560_000, '4.56 M'],
    [7.2e9, '7.20 G'],
  ])('%d is short %s', (value, text) => expect(short(value)).toBe(text));
  it.each([
    [0, '0 B'],
    [1_023, '1,023 B'],
    [1_536, '1.50 KiB'],
    [9_053_116_391, '8.43 GiB'],
  ])('%d bytes are %s', (value, text) => expect(bytes(value)).toBe(text));
  it.each([
    [0, 10, '0 %'],
    [10, 10, '100 %'],
    [1, 3, '33.3 %'],
    [1, 100_000, '< 0.1 %'],
    [99_999, 100_000, '> 99.9 %'],
    [1, 20, '5.0 %'],
    [1, 5, '20.0 %'],
  ])('%d of %d is %s', (part, total, text) => expect(percent(part, total)).toBe(text));
  it.each([
    [0, '0 requests'],
    [1, '1 request'],
    [2, '2 requests'],
    [1_234, '1,234 requests'],
  ])('%d is %s', (value, text) => expect(plural(value, 'request')).toBe(text));
  it('words whose plural is another are told it', () =>
    expect([1, 2].map((value) => plural(value, 'address', 'addresses'))).toEqual(['1 address', '2 addresses']));
  it.each([
    [1, 'every second'],
    [60, 'every minute'],
    [300, 'every 5 minutes'],
    [3600, 'every hour'],
    [10_800, 'every 3 hours'],
    [86_400, 'every day'],
    [604_800, 'every 7 days'],
  ])('a step of %d s is %s', (seconds, text) => expect(every(seconds)).toBe(text));
  it('speeds have their unit', () => expect([speed(36.123), speed(1500.4)]).toEqual(['36.1 tok/s', '1,500 tok/s']));
});

describe('changes', () => {
  it('have a sign and a direction', () => {
    expect(change(150, 100)).toEqual({ text: '+50 %', direction: 1 });
    expect(change(95, 100)).toEqual({ text: '−5.0 %', direction: -1 });
    expect(change(100.1, 100)).toEqual({ text: '±0 %', direction: 0 });
    expect(change(5_000, 100)).toEqual({ text: '×50.0', direction: 1 });
  });
  it('are not there without something to compare with', () => {
    expect(change(1, 0)).toBeNull();
    expect(change(null, 1)).toBeNull();
    expect(change(1, null)).toBeNull();
  });
});
