/** Every request, in a table that draws only what is seen and asks only for what is reached. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { ApiError, base, get, type Page, query, type RequestRecord, type StatsOf } from '../api';
import { answeringIn, learnColors } from '../colors';
import { type Column, columns, few, usual } from '../columns';
import { apiFilters, apiPeriod, periodOf } from '../filters';
import { count } from '../format';
import { go, setWords, useApi, useKeys, useMedia, useNow } from '../hooks';
import { FirstRequest, Message, TroubleMessage } from '../parts';
import { usePreference } from '../preferences';
import { format, type Route } from '../route';

/** In pixels, as in style.css: a row of a phone has three lines. */
const rowHeights = { wide: 34, narrow: 66 };
const pageSize = 100;

/** What was loaded and where it was scrolled to, for who comes back from a request. */
let left: { key: string; rows: RequestRecord[]; next: string | null; scroll: number; active: number } | null = null;

export function Requests({ route, tick, retry }: { route: Route; tick: number; retry: () => void }) {
  const { words } = route;
  const now = useNow(JSON.stringify(words), tick);
  const filter = { ...apiFilters(words), ...apiPeriod(periodOf(words, now)) };
  const sort = words['sort'] ?? '-time';
  const stats = useApi<StatsOf>(`stats${query({ ...filter, groups: 'none' })}`, tick);
  const found = useRows(words, query({ ...filter, sort, limit: pageSize }), tick);
  const isNarrow = useMedia('(max-width: 700px)');
  const [chosen, setChosen] = usePreference('columns', usual);
  const shown = useMemo(() => {
    const keys = chosen.split(',');
    return isNarrow ? columns.filter((column) => few.includes(column.key)) : columns.filter((column) => keys.includes(column.key));
  }, [chosen, isNarrow]);

  const total = stats.data && !stats.error ? stats.data.total.requests : null;
  if (found.error && found.rows.length === 0) {
    return <TroubleMessage error={found.error} retry={retry} />;
  }
  if (stats.data?.total_records === 0 && found.rows.length === 0) {
    return <FirstRequest />;
  }
  const file = (kind: string) => `${base}export${query({ ...filter, format: kind })}`;
  return (
    <div class="view table-view">
      <div class="table-head" aria-busy={stats.isLoading}>
        <span class="count" role="status">
          {total === null ? 'Counting …' : `${count(total)} ${total === 1 ? 'request' : 'requests'}`}
        </span>
        <span class="tools">
          <a class="button" href={`${file('csv')}&bom=true`} download title="Every request that matches, as a spreadsheet">
            CSV
          </a>
          <a class="button" href={file('json')} download title="Every request that matches, as JSON">
            JSON
          </a>
          {!isNarrow && <ColumnMenu chosen={chosen} set={setChosen} />}
        </span>
      </div>
      {found.rows.length === 0 && !found.isLoading ? (
        <Message title="No request matches">
          <p>
            None is in this period and has these filters.
            {!words['kind'] && ' Calls that run no model are shown only when Kind says so.'}
          </p>
        </Message>
      ) : (
        <Table route={route} found={found} shown={shown} sort={sort} total={total} isNarrow={isNarrow} />
      )}
    </div>
  );
}

interface Rows {
  rows: RequestRecord[];
  error: ApiError | null;
  isLoading: boolean;
  next: string | null;
  more: () => void;
  key: string;
}

/** Page after page. When it is asked again, new rows come before those that were loaded; another filter or order begins anew. */
function useRows(words: Route['words'], search: string, tick: number): Rows {
  const key = JSON.stringify(words);
  const [state, setState] = useState(() => ({
    key,
    rows: left?.key === key ? left.rows : [],
    next: left?.key === key ? left.next : null,
    error: null as ApiError | null,
    isLoading: true,
  }));
  const current = useRef(state);
  current.current = state;
  const paging = useRef<AbortController | null>(null);
  /** What the rows are the answer to. */
  const loaded = useRef(left?.key === key ? key : '');

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
          const joint = before.key === key && last && before.rows.length > page.results.length ? before.rows.findIndex((row) => row.id === last.id) : -1;
          const isJoined = joint >= 0 && (words['sort'] ?? '-time') === '-time' && loaded.current === key;
          loaded.current = key;
          return isJoined
            ? { ...before, rows: [...page.results, ...before.rows.slice(joint + 1)], error: null, isLoading: false }
            : { key, rows: page.results, next: page.next_cursor, error: null, isLoading: false };
        });
      },
      (error: unknown) => {
        if (!abort.signal.aborted) {
          setState((before) => ({
            ...before,
            rows: loaded.current === key ? before.rows : [],
            error: error instanceof ApiError ? error : new ApiError('failed', String(error)),
            isLoading: false,
          }));
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
      .catch(
        (error: unknown) =>
          abort.signal.aborted || setState((before) => ({ ...before, error: error instanceof ApiError ? error : new ApiError('failed', String(error)) })),
      )
      .finally(() => paging.current === abort && (paging.current = null));
  };
  return { rows: state.rows, error: state.error, isLoading: state.isLoading, next: state.next, more, key };
}

interface TableProps {
  route: Route;
  found: Rows;
  shown: Column[];
  sort: string;
  total: number | null;
  isNarrow: boolean;
}

function Table({ route, found, shown, sort, total, isNarrow }: TableProps) {
  const { rows } = found;
  const rowHeight = isNarrow ? rowHeights.narrow : rowHeights.wide;
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const [active, setActive] = useState(left?.key === found.key ? left.active : -1);
  const now = Date.now();
  const grid = isNarrow ? {} : { gridTemplateColumns: shown.map((column) => column.width).join(' ') };

  useEffect(() => {
    const element = box.current!;
    if (left?.key === found.key) {
      element.scrollTop = left.scroll;
    }
    const measure = () => setView({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener('scroll', measure, { passive: true });
    measure();
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', measure);
    };
  }, []);
  const latest = useRef({ rows, active, found });
  latest.current = { rows, active, found };
  useEffect(
    () => () => {
      const { rows: all, active: at, found: last } = latest.current;
      // Not more than somebody would scroll through again.
      left = { key: last.key, rows: all.slice(0, 1000), next: all.length > 1000 ? null : last.next, scroll: view.top, active: at };
    },
    [view.top],
  );
  const first = useRef(found.key);
  useEffect(() => {
    if (first.current !== found.key) {
      first.current = found.key;
      setActive(-1);
      box.current!.scrollTop = 0;
    }
  }, [found.key]);

  const start = Math.max(0, Math.floor(view.top / rowHeight) - 8);
  const end = Math.min(rows.length, Math.ceil((view.top + view.height) / rowHeight) + 8);
  useEffect(() => {
    if (end >= rows.length - 30 && found.next) {
      found.more();
    }
  }, [end, rows.length, found.next]);

  const move = (to: number) => {
    const next = Math.max(0, Math.min(rows.length - 1, to));
    setActive(next);
    const element = box.current!;
    const top = next * rowHeight;
    if (top < element.scrollTop) {
      element.scrollTop = top;
    } else if (top + 2 * rowHeight > element.scrollTop + element.clientHeight) {
      element.scrollTop = top + 2 * rowHeight - element.clientHeight;
    }
  };
  const open = (index: number) => {
    const row = rows[index];
    if (row?.id != null) {
      go('request', route.words, row.id);
    }
  };
  const page = Math.max(1, Math.floor(view.height / rowHeight) - 2);
  useKeys({
    j: () => move(active + 1),
    k: () => move(active - 1),
    ArrowDown: () => move(active + 1),
    ArrowUp: () => move(active - 1),
    PageDown: () => move(active + page),
    PageUp: () => move(active - page),
    Home: () => move(0),
    End: () => move(rows.length - 1),
    Enter: (event) => {
      const link = (event.target as HTMLElement).closest<HTMLElement>('a, button');
      if (link) {
        link.click();
      } else {
        open(active);
      }
    },
  });

  return (
    <div class="grid-box">
      <div
        class="requests"
        role="grid"
        aria-label="Requests"
        aria-rowcount={total ?? -1}
        aria-busy={found.isLoading}
        ref={box}
        tabIndex={0}
        aria-activedescendant={active >= start && active < end ? `row-${active}` : undefined}
      >
        <div role="rowgroup" class="head">
          <div role="row" class="tr" style={grid}>
            {shown.map((column) => (
              <Heading key={column.key} column={column} sort={sort} set={(next) => setWords(route, { sort: next === '-time' ? null : next })} />
            ))}
          </div>
        </div>
        <div role="rowgroup" class={found.isLoading ? 'body busy' : 'body'} style={{ height: `${rows.length * rowHeight}px` }}>
          {rows.slice(start, end).map((row, offset) => {
            const index = start + offset;
            return (
              <div
                key={row.id}
                id={`row-${index}`}
                role="row"
                aria-rowindex={index + 2}
                aria-selected={index === active}
                class={`tr ${index === active ? 'active' : ''}`}
                style={{ ...grid, top: `${index * rowHeight}px` }}
                onClick={(event) => (event.target as HTMLElement).closest('a') || (setActive(index), open(index))}
              >
                {shown.map((column, place) => (
                  <div key={column.key} role="gridcell" class={`k-${column.key} ${column.isNumber ? 'number' : ''}`}>
                    {place === 0 ? (
                      <a href={format('request', route.words, row.id)} tabIndex={-1}>
                        {column.cell(row, { now, search: route.words['search'] })}
                      </a>
                    ) : (
                      column.cell(row, { now, search: route.words['search'] })
                    )}
                  </div>
                ))}
              </div>
            );
          })}
        </div>
      </div>
      {found.error && (
        <div class="banner" role="alert">
          {found.error.message}
        </div>
      )}
    </div>
  );
}

function Heading({ column, sort, set }: { column: Column; sort: string; set: (sort: string) => void }) {
  const isSorted = column.sort !== undefined && sort.replace('-', '') === column.sort;
  const isDown = sort.startsWith('-');
  return (
    <div
      role="columnheader"
      class={`k-${column.key} ${column.isNumber ? 'number' : ''}`}
      aria-sort={isSorted ? (isDown ? 'descending' : 'ascending') : undefined}
    >
      {column.sort ? (
        <button
          type="button"
          class="plain"
          onClick={() => set(isSorted && isDown ? column.sort! : `-${column.sort}`)}
          title={`${column.title ?? column.name}: sort by it`}
        >
          {column.name}
          <span aria-hidden="true">{isSorted ? (isDown ? ' ↓' : ' ↑') : ''}</span>
        </button>
      ) : (
        <span class="word">{column.name}</span>
      )}
    </div>
  );
}

function ColumnMenu({ chosen, set }: { chosen: string; set: (columns: string) => void }) {
  const keys = chosen.split(',');
  return (
    <details class="menu">
      <summary class="button">Columns</summary>
      <fieldset>
        <legend class="hidden">Columns</legend>
        {columns.map((column) => (
          <label key={column.key}>
            <input
              type="checkbox"
              checked={keys.includes(column.key)}
              disabled={column.key === 'time'}
              onChange={(event) =>
                set(
                  columns
                    .map(({ key }) => key)
                    .filter((key) => (key === column.key ? event.currentTarget.checked : keys.includes(key)))
                    .join(','),
                )
              }
            />
            {column.name}
          </label>
        ))}
      </fieldset>
    </details>
  );
}
