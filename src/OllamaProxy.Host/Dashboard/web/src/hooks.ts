import { createContext } from 'preact';
import { useCallback, useContext, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { ApiError, get, giveWay, type Health, healthPath, later } from './api';
import { type Colors as ColorMap, gray } from './colors';
import type { Words } from './filters';
import { listen } from './live';
import { change, format, parse, type Route, type View } from './route';

export interface Answer<T> {
  data: T | null;
  /** What the data is the answer to. */
  path: string | null;
  error: ApiError | null;
  isLoading: boolean;
}

/**
 * The answer to a path, asked for again when the path or the tick changes. What is asked for no longer is given up. The last answer stays until there is another.
 * What is later is asked for when nothing else is waited for. An answer is looked at (seen) before it is shown.
 */
export function useApi<T>(path: string | null, tick = 0, isLater = false, seen?: (data: T) => void): Answer<T> {
  const [answer, setAnswer] = useState<Answer<T>>({ data: null, path: null, error: null, isLoading: path !== null });
  // Before the browser paints: the answer is on its way meanwhile.
  useLayoutEffect(() => {
    if (path === null) {
      setAnswer({ data: null, path: null, error: null, isLoading: false });
      return undefined;
    }
    const abort = new AbortController();
    setAnswer((before) => (before.isLoading ? before : { ...before, isLoading: true }));
    (isLater ? later : get)<T>(path, abort.signal).then(
      (data) => (seen?.(data), setAnswer({ data, path, error: null, isLoading: false })),
      (error: unknown) => {
        if (!abort.signal.aborted) {
          setAnswer((before) => ({ ...before, error: error instanceof ApiError ? error : new ApiError('failed', String(error)), isLoading: false }));
        }
      },
    );
    return () => abort.abort();
  }, [path, tick]);
  return answer;
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => parse(location.hash));
  useEffect(() => {
    const read = () => {
      giveWay();
      setRoute(parse(location.hash));
    };
    addEventListener('hashchange', read);
    return () => removeEventListener('hashchange', read);
  }, []);
  return route;
}

export function go(view: View, words: Words, id?: string | null): void {
  enter(format(view, words, id), 'pushState');
}

/** Changes words of the view that is shown. While somebody types, the way back does not get a step for each letter. */
export function setWords(route: Route, changes: Record<string, string | null>, isTyping = false): void {
  enter(format(route.view, change(route.words, changes), route.id), isTyping ? 'replaceState' : 'pushState');
}

/** Filters by a name, or no longer when it is the one; undefined where there is no name to filter by. */
export function toggle(route: Route, word: string, value: string | null): (() => void) | undefined {
  return value === null ? undefined : () => setWords(route, { [word]: route.words[word] === value ? null : value });
}

/** Goes to an address of the page at once: the browser itself would tell of a new hash only when it has painted, and the question would wait for that. */
function enter(address: string, how: 'pushState' | 'replaceState'): void {
  if (address !== location.hash) {
    history[how](null, '', address);
    dispatchEvent(new HashChangeEvent('hashchange'));
  }
}

/** Counts up when it is time to ask again: every so many seconds, or when a request was recorded ("live"), never while nobody looks. */
export function useTick(refresh: string): [number, () => void] {
  const [tick, setTick] = useState(0);
  useEffect(() => {
    const next = () => document.hidden || setTick((count) => count + 1);
    if (refresh === 'live') {
      let waiting = 0;
      let more = false;
      // Not more than once a second. A record is told of once it is written; what came in the meantime was not in the answer yet.
      const wait = () => {
        waiting = window.setTimeout(() => {
          waiting = 0;
          next();
          if (more) {
            more = false;
            wait();
          }
        }, 1000);
      };
      // Before the connection nobody told of any.
      const due = () => (waiting ? (more = true) : wait());
      const stop = listen({ record: due, connected: (isConnected) => isConnected && due() });
      return () => (clearTimeout(waiting), stop());
    }
    const seconds = Number(refresh);
    if (!(seconds > 0)) {
      return undefined;
    }
    const timer = setInterval(next, seconds * 1000);
    return () => clearInterval(timer);
  }, [refresh]);
  return [tick, () => setTick((count) => count + 1)];
}

/**
 * Asks for the health at each tick. A proxy in front of this one may pass on /analytics alone: then it is not asked again.
 * @param recovered Called when the store can be read again.
 */
export function useHealth(tick: number, recovered: () => void): Health | null {
  const isHidden = useRef(false);
  const { data, error } = useApi<Health>(isHidden.current ? null : healthPath, tick, true);
  isHidden.current ||= error !== null && (error.trouble === 'missing' || error.trouble === 'forbidden');
  const isDegraded = data?.store?.state === 'degraded';
  const was = useRef(false);
  useEffect(() => {
    if (was.current && !isDegraded) {
      recovered();
    }
    was.current = isDegraded;
  }, [isDegraded]);
  return data;
}

/** Now, in Unix seconds; another now only when a word or the tick changes, so that what is asked for stays the same in between. */
export function useNow(key: string, tick: number): number {
  return useMemo(() => Date.now() / 1000, [key, tick]);
}

/** Now again every second. */
export function useClock(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => document.hidden || setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

export const Colors = createContext<ColorMap>(new Map());

/** The class of a model's color. The same function as long as the colors are the same: charts are drawn anew for another one. */
export function useColor(): (model: string | null) => string {
  const known = useContext(Colors);
  return useCallback((model) => (model !== null && known.has(model) ? `c${known.get(model)}` : gray), [known]);
}

/** Keys while nothing is being typed into. */
export function useKeys(keys: Record<string, (event: KeyboardEvent) => void>): void {
  const latest = useRef(keys);
  latest.current = keys;
  useLayoutEffect(() => {
    const press = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || target.closest('input, select, textarea, dialog[open]')) {
        return;
      }
      const action = latest.current[event.key];
      if (action) {
        event.preventDefault();
        action(event);
      }
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
}

export function useMedia(media: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(media).matches);
  useEffect(() => {
    const list = matchMedia(media);
    const read = () => setMatches(list.matches);
    read();
    list.addEventListener('change', read);
    return () => list.removeEventListener('change', read);
  }, [media]);
  return matches;
}

/** The width of the page in pixels. */
export function useWidth(): number {
  const [width, setWidth] = useState(() => document.documentElement.clientWidth);
  useEffect(() => {
    const read = () => setWidth(document.documentElement.clientWidth);
    addEventListener('resize', read);
    return () => removeEventListener('resize', read);
  }, []);
  return width;
}
