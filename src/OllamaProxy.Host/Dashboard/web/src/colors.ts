/** A color for each model: the most used ones have one of their own, which they keep from view to view and from day to day. */
import type { Group, RequestRecord } from './api';
import { preference, setPreference } from './preferences';

/** How many colors style.css has. */
export const palette = 10;

export type Colors = ReadonlyMap<string, number>;

/** The class of what has no color of its own. */
export const gray = 'c-none';

/** The models that answered something, in the order of the groups. A misspelled name needs no color, nor does a model that does not fit the memory. */
export function answering(groups: readonly Group[]): string[] {
  return groups.flatMap(({ name, numbers }) => (name !== null && (numbers.success > 0 || numbers.output_tokens > 0) ? name : []));
}

/** The models that answered in these requests, the most used first. */
export function answeringIn(records: readonly RequestRecord[]): string[] {
  const uses = new Map<string, number>();
  for (const { model_name: model, is_inference, status, output_tokens } of records) {
    if (model !== null && is_inference && (status === 'success' || output_tokens)) {
      uses.set(model, (uses.get(model) ?? 0) + 1);
    }
  }
  return [...uses].sort(([, one], [, other]) => other - one).map(([name]) => name);
}

/**
 * The colors after what is known now. A model keeps its color; a new one gets the first that is free. No two models share one: what finds none free stays gray.
 * @param before The colors so far.
 * @param ranked Models that answered, the most used first.
 * @param isWhole True when these are all models of the store. Only then is a color taken from a model that is used less than one without.
 */
export function assign(before: Colors, ranked: readonly string[], isWhole: boolean): Colors {
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
    const known = Array.isArray(pairs)
      ? pairs.filter(
          (pair): pair is [string, number] =>
            Array.isArray(pair) && typeof pair[0] === 'string' && Number.isInteger(pair[1]) && pair[1] >= 0 && pair[1] < palette,
        )
      : [];
    return new Set(known.map(([, color]) => color)).size === known.length ? new Map(known) : new Map();
  } catch {
    return new Map();
  }
}

export const colorsPreference = 'colors';

/**
 * Gives colors to models, which this browser remembers.
 * @param ranked See {@link assign}.
 * @param isWhole See {@link assign}.
 */
export function learnColors(ranked: readonly string[], isWhole = false): void {
  const before = read(preference(colorsPreference, ''));
  const after = assign(before, ranked, isWhole);
  if (after !== before) {
    setPreference(colorsPreference, write(after));
  }
}

/** The classes of a few names that are not models. By the alphabet, so that a name keeps its color when another one gets more requests. */
export function colorsByName(names: readonly string[]): (name: string | null) => string {
  const colors = new Map(
    [...names]
      .sort()
      .slice(0, palette)
      .map((name, color) => [name, `c${color}`]),
  );
  return (name) => colors.get(name ?? '') ?? gray;
}
