/** A color for each model that stays the same from view to view, and as far as it can from day to day. */

/** How many colors style.css has. */
export const palette = 10;

/** The number of a model's color: from its name, or the next that is free, in alphabetical order of all models that are known. */
export function colors(models: readonly string[]): Map<string, number> {
  const taken = new Set<number>();
  const chosen = new Map<string, number>();
  for (const model of [...models].sort()) {
    let color = hash(model) % palette;
    if (taken.size < palette) {
      while (taken.has(color)) {
        color = (color + 1) % palette;
      }
      taken.add(color);
    }
    chosen.set(model, color);
  }
  return chosen;
}

/** FNV-1a. */
export function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  return value;
}
