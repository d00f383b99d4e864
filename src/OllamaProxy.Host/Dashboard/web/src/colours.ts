/** A colour for each model that stays the same from view to view, and as far as it can from day to day. */

/** How many colours style.css has. */
export const palette = 10;

/** The number of a model's colour: from its name, or the next that is free, in alphabetical order of all models that are known. */
export function colours(models: readonly string[]): Map<string, number> {
  const taken = new Set<number>();
  const chosen = new Map<string, number>();
  for (const model of [...models].sort()) {
    let colour = hash(model) % palette;
    if (taken.size < palette) {
      while (taken.has(colour)) {
        colour = (colour + 1) % palette;
      }
      taken.add(colour);
    }
    chosen.set(model, colour);
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
