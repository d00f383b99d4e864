/** A color for each model: the most used ones have one of their own, which they keep from view to view and from day to day. */
import type { Group } from './api';
import { preference, setPreference } from './preferences';

/** How many colors style.css has. */
export const palette = 10;

export type Colors = ReadonlyMap<string, number>;

/** A model that answered nothing (a misspelled name, one that does not fit the memory) needs no color. */
function hasAnswered({ numbers }: Group): boolean {
  return numbers.success > 0 || numbers.output_tokens > 0;
}

/**
 * The colors after what is known now. A model keeps its color; a new one gets the first that is free. No two models share one: what finds none free stays gray.
 * @param before The colors so far.
 * @param groups Models, the most used first.
 * @param isWhole True when these are all models of the store. Only then is a color taken from a model that is used less than one without.
 */
export function assign(before: Colors, groups: readonly Group[], isWhole: boolean): Colors {
  const ranked = groups.filter(hasAnswered).flatMap((group) => group.name ?? []);
  const rank = new Map(ranked.map((name, index) => [name, index]));
  const after = new Map(before);
  for (const name of ranked) {
    if (after.has(name)) {
      continue;
    }
    const taken = new Set(after.values());
    const free = Array.from({ length: palette }, (_, color) => color).find((color) => !taken.has(color));
    if (free !== undefined) {
      after.set(name, free);
    } else if (isWhole) {
      const [loser, color] = [...after].reduce((worst, one) => (rankOf(one[0]) > rankOf(worst[0]) ? one : worst));
      if (rankOf(loser) > rankOf(name)) {
        after.delete(loser);
        after.set(name, color);
      }
    }
  }
  return after.size === before.size && [...after].every(([name, color]) => before.get(name) === color) ? before : after;

  function rankOf(name: string): number {
    return rank.get(name) ?? Infinity;
  }
}

export function write(colors: Colors): string {
  return JSON.stringify([...colors]);
}

/** Colors from their text; none from a text that is something else. */
export function read(text: string): Colors {
  try {
    const pairs = JSON.parse(text || '[]') as unknown;
    const known = Array.isArray(pairs) ? pairs.filter((pair): pair is [string, number] => Array.isArray(pair) && typeof pair[0] === 'string' && Number.isInteger(pair[1]) && pair[1] >= 0 && pair[1] < palette) : [];
    return new Set(known.map(([, color]) => color)).size === known.length ? new Map(known) : new Map();
  } catch {
    return new Map();
  }
}

export const colorsPreference = 'colors';

/**
 * Has this browser remember the colors of models.
 * @param isWhole See {@link assign}.
 */
export function learnColors(groups: readonly Group[], isWhole: boolean): void {
  const before = read(preference(colorsPreference, ''));
  const after = assign(before, groups, isWhole);
  if (after !== before) {
    setPreference(colorsPreference, write(after));
  }
}
