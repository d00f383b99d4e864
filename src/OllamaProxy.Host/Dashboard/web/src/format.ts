/** Numbers for people: a unit always, and an en dash for what is not known, never a zero. */

export const unknown = '–';

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? unknown : whole.format(value);
}

/** "1 request", "2 requests", "1,234 addresses". */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Large counts in a small space: 12.3 k, 4.56 M. */
export function short(value: number | null | undefined): string {
  if (value === null || value === undefined) {
    return unknown;
  }
  for (const [size, sign] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e4, 'k'],
  ] as const) {
    if (Math.abs(value) >= size) {
      return `${digits(value / (sign === 'k' ? 1e3 : size), 3)} ${sign}`;
    }
  }
  return whole.format(value);
}

/** So many significant digits, no more than two of them behind the point. */
function digits(value: number, significant: number): string {
  const before = value === 0 ? 1 : Math.max(1, Math.floor(Math.log10(Math.abs(value))) + 1);
  return value.toFixed(Math.min(2, Math.max(0, significant - before)));
}

/** Seconds as 850 ms, 4.21 s, 3 min 5 s, 2 h 10 min, 3 d 4 h. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) {
    return unknown;
  }
  const size = Math.abs(seconds);
  if (size < 0.9995) {
    const milliseconds = seconds * 1000;
    return size === 0 ? '0 ms' : size < 0.0001 ? '< 0.1 ms' : `${Math.abs(milliseconds) < 9.95 ? milliseconds.toFixed(1) : milliseconds.toFixed(0)} ms`;
  }
  if (size < 99.95) {
    return `${digits(seconds, 3)} s`;
  }
  const rounded = Math.round(seconds);
  if (rounded < 3600) {
    return pair(rounded, 60, 'min', 's');
  }
  return rounded < 86_400 ? pair(Math.round(rounded / 60), 60, 'h', 'min') : pair(Math.round(rounded / 3600), 24, 'd', 'h');
}

function pair(value: number, size: number, large: string, small: string): string {
  const rest = value % size;
  return `${Math.floor(value / size)} ${large}${rest ? ` ${rest} ${small}` : ''}`;
}

/** A step of time, as it is said: "every minute", "every 5 minutes". */
export function every(seconds: number): string {
  const [size, unit] = (
    [
      [86_400, 'day'],
      [3600, 'hour'],
      [60, 'minute'],
      [1, 'second'],
    ] as const
  ).find(([length]) => seconds % length === 0) ?? [1, 'second'];
  return seconds === size ? `every ${unit}` : `every ${plural(seconds / size, unit)}`;
}

export function speed(tokensPerSecond: number | null | undefined): string {
  if (tokensPerSecond === null || tokensPerSecond === undefined) {
    return unknown;
  }
  return `${tokensPerSecond < 999.5 ? digits(tokensPerSecond, 3) : whole.format(tokensPerSecond)} tok/s`;
}

export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) {
    return unknown;
  }
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = value;
  let unit = 0;
  while (size >= 1023.5 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit === 0 ? whole.format(size) : digits(size, 3)} ${units[unit]}`;
}

export function percent(part: number, total: number): string {
  if (total === 0) {
    return unknown;
  }
  const value = (100 * part) / total;
  // "100 %" and "0 %" only when they are.
  if (part !== total && value > 99.9) {
    return '> 99.9 %';
  }
  return part > 0 && value < 0.1 ? '< 0.1 %' : `${part === 0 || part === total ? value : value.toFixed(1)} %`;
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const full = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short',
});

/** The time of a day; with the day before it when that is another than now's. */
export function time(instant: string | number, now: number): string {
  const date = new Date(instant);
  const text = clock.format(date);
  return date.toDateString() === new Date(now).toDateString() ? text : `${day.format(date)} ${text}`;
}

/** Without the day, for moments that have just passed. */
export function timeOfDay(instant: string | number): string {
  return clock.format(new Date(instant));
}

export function fullTime(instant: string | number): string {
  return full.format(new Date(instant));
}

/** What changed against before: a sign, and how much of it. Null where nothing can be said. */
export function change(now: number | null, before: number | null): { text: string; direction: -1 | 0 | 1 } | null {
  if (now === null || before === null || before === 0) {
    return null;
  }
  const ratio = now / before - 1;
  const size = Math.abs(ratio);
  if (size < 0.005) {
    return { text: '±0 %', direction: 0 };
  }
  const text = size >= 9.995 ? `×${digits(now / before, 3)}` : `${ratio > 0 ? '+' : '−'}${(size * 100).toFixed(size < 0.0995 ? 1 : 0)} %`;
  return { text, direction: ratio > 0 ? 1 : -1 };
}

/** Words as the API writes them, for people: code_write becomes "code write". */
export function words(name: string): string {
  return name.replaceAll('_', ' ');
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
