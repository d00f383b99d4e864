/** What a person chose and is to find again. A browser that keeps nothing is no fault. */
import { useEffect, useState } from 'preact/hooks';

const prefix = 'ollama-proxy.';
const listeners = new Map<string, Set<() => void>>();
const values = new Map<string, string | null>();

function read(name: string): string | null {
  if (!values.has(name)) {
    try {
      values.set(name, localStorage.getItem(prefix + name));
    } catch {
      values.set(name, null);
    }
  }
  return values.get(name) ?? null;
}

export function preference(name: string, otherwise: string): string {
  return read(name) ?? otherwise;
}

export function setPreference(name: string, value: string): void {
  values.set(name, value);
  try {
    localStorage.setItem(prefix + name, value);
  } catch {
    // It holds until the page is left.
  }
  listeners.get(name)?.forEach((tell) => tell());
}

export function usePreference(name: string, otherwise: string): [string, (value: string) => void] {
  const [, again] = useState(0);
  useEffect(() => {
    const tell = () => again((count) => count + 1);
    const all = listeners.get(name) ?? new Set();
    listeners.set(name, all.add(tell));
    return () => void all.delete(tell);
  }, [name]);
  return [preference(name, otherwise), (value) => setPreference(name, value)];
}
