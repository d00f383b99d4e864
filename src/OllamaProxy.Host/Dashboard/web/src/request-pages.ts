/** Requests, page after page: the first page is asked again with each tick, further ones when the table reaches them. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { ApiError, get, type Page, type RequestRecord } from './api';
import { answeringIn, learnColors } from './colors';
import type { Route } from './route';

export const pageSize = 100;

/** Rows that are kept for the way back from a request: not more than anyone would scroll through again. */
const keptRows = 1000;

interface Kept {
  key: string;
  rows: RequestRecord[];
  next: string | null;
  top: number;
  active: number;
}

export interface RequestPages {
  /** What the rows answer: the filters and the order. */
  key: string;
  rows: RequestRecord[];
  error: ApiError | null;
  isLoading: boolean;
  /** Whether there are further pages. */
  hasMore: boolean;
  more: () => void;
  /** Where the table was left, for the way back from a request. */
  restored: { top: number; active: number } | null;
  keep: (top: number, active: number) => void;
}

let kept: Kept | null = null;

const asApiError = (error: unknown) => (error instanceof ApiError ? error : new ApiError('failed', String(error)));

/** New rows come before those that are loaded; another filter or order begins anew. */
export function useRequestPages(words: Route['words'], search: string, tick: number): RequestPages {
  const key = JSON.stringify(words);
  const before = kept?.key === key ? kept : null;
  const [state, setState] = useState(() => ({
    key,
    rows: before?.rows ?? [],
    next: before?.next ?? null,
    error: null as ApiError | null,
    isLoading: true,
  }));
  const current = useRef(state);
  current.current = state;
  const paging = useRef<AbortController | null>(null);
  /** What the rows are the answer to. */
  const loaded = useRef(before ? key : '');

  useLayoutEffect(() => {
    const abort = new AbortController();
    paging.current?.abort();
    paging.current = null;
    setState((before) => (before.key === key ? { ...before, isLoading: true } : { key, rows: before.rows, next: null, error: null, isLoading: true }));
    get<Page>(`search${search}`, abort.signal).then(
      (page) => {
        learnColors(answeringIn(page.results));
        setState((before) => {
          // Further pages stay where the new first page reaches them: only the newest-first order grows at its beginning.
          const last = page.results[page.results.length - 1];
          const isLonger = before.key === key && before.rows.length > page.results.length;
          const joint = last && isLonger ? before.rows.findIndex((row) => row.request_id === last.request_id) : -1;
          const isJoined = joint >= 0 && (words['sort'] ?? '-time') === '-time' && loaded.current === key;
          loaded.current = key;
          return isJoined
            ? { ...before, rows: [...page.results, ...before.rows.slice(joint + 1)], error: null, isLoading: false }
            : { key, rows: page.results, next: page.next_cursor, error: null, isLoading: false };
        });
      },
      (error: unknown) => {
        if (!abort.signal.aborted) {
          setState((before) => ({ ...before, rows: loaded.current === key ? before.rows : [], error: asApiError(error), isLoading: false }));
        }
      },
    );
    return () => abort.abort();
  }, [search, tick]);

  const more = () => {
    const { next, isLoading } = current.current;
    if (!next || isLoading || paging.current) {
      return;
    }
    const abort = new AbortController();
    paging.current = abort;
    get<Page>(`search${search}&cursor=${encodeURIComponent(next)}`, abort.signal)
      .then((page) => setState((before) => (before.next === next ? { ...before, rows: [...before.rows, ...page.results], next: page.next_cursor } : before)))
      .catch((error: unknown) => abort.signal.aborted || setState((before) => ({ ...before, error: asApiError(error) })))
      .finally(() => paging.current === abort && (paging.current = null));
  };
  const keep = (top: number, active: number) => {
    const { rows, next, key: answered } = current.current;
    kept = { key: answered, rows: rows.slice(0, keptRows), next: rows.length > keptRows ? null : next, top, active };
  };
  return { key, rows: state.rows, error: state.error, isLoading: state.isLoading, hasMore: state.next !== null, more, restored: before, keep };
}
