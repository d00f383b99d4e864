/** Every request, in a table that draws only what is seen and asks only for what is reached. */
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { base, query, type RequestRecord, type StatsOf } from '../api';
import { ColumnMenu, columns, few, fitting, type RequestColumn } from '../columns';
import { apiFilters, apiPeriod, periodOf } from '../filters';
import { plural } from '../format';
import { go, setWords, useApi, useMedia, useNow, useWidth } from '../hooks';
import { FirstRequest, Message, TroubleMessage } from '../parts';
import { usePreference } from '../preferences';
import { pageSize, type RequestPages, useRequestPages } from '../request-pages';
import { format, type Route } from '../route';
import { useRowWindow } from '../row-window';
import { Table } from '../table';

/** In pixels, as in style.css: a row of a phone has three lines. */
const rowHeights = { wide: 34, narrow: 66 };

/** Rows before the end of those that are loaded, at which the next page is asked for. */
const ahead = 30;

interface Props {
  route: Route;
  tick: number;
  retry: () => void;
  /** Columns in which all rows say the same. */
  hidden: readonly string[];
}

export function Requests({ route, tick, retry, hidden }: Props) {
  const { words } = route;
  const now = useNow(JSON.stringify(words), tick);
  const filter = { ...apiFilters(words), ...apiPeriod(periodOf(words, now)) };
  const sort = words['sort'] ?? '-time';
  const stats = useApi<StatsOf>(`stats${query({ ...filter, groups: 'none' })}`, tick);
  const found = useRequestPages(words, query({ ...filter, sort, limit: pageSize }), tick);
  const isNarrow = useMedia('(max-width: 767px)');
  const [chosen, setChosen] = usePreference('columns', '');
  const width = useWidth();
  const keys = useMemo(() => (isNarrow ? few : chosen ? chosen.split(',') : fitting(width)), [chosen, isNarrow, width]);
  const offered = columns.filter((column) => !hidden.includes(column.key));
  const shown = offered.filter((column) => keys.includes(column.key));

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
          {total === null ? 'Counting …' : plural(total, 'request')}
        </span>
        <span class="tools">
          <a class="button" href={`${file('csv')}&bom=true`} download title="Every request that matches, as a spreadsheet">
            CSV
          </a>
          <a class="button" href={file('json')} download title="Every request that matches, as JSON">
            JSON
          </a>
          {!isNarrow && <ColumnMenu offered={offered} keys={keys} set={setChosen} />}
        </span>
      </div>
      {found.rows.length === 0 && !found.isLoading ? (
        <Message title="No request matches">
          <p>
            No request of this period matches these filters.
            {!words['kind'] && ' Calls without a model are hidden; the Kind filter shows them.'}
          </p>
        </Message>
      ) : (
        <RequestTable route={route} found={found} shown={shown} sort={sort} total={total} isNarrow={isNarrow} />
      )}
    </div>
  );
}

interface RequestTableProps {
  route: Route;
  found: RequestPages;
  shown: RequestColumn[];
  sort: string;
  total: number | null;
  isNarrow: boolean;
}

function RequestTable({ route, found, shown, sort, total, isNarrow }: RequestTableProps) {
  const { rows } = found;
  const now = Date.now();
  const search = route.words['search'];
  const window = useRowWindow({
    count: rows.length,
    total,
    isBusy: found.isLoading,
    rowHeight: isNarrow ? rowHeights.narrow : rowHeights.wide,
    question: found.key,
    restored: found.restored,
    open: (index) => {
      const row = rows[index];
      if (row) {
        go('request', route.words, row.request_id);
      }
    },
  });
  useEffect(() => {
    if (window.end >= rows.length - ahead && found.hasMore) {
      found.more();
    }
  }, [window.end, rows.length, found.hasMore]);
  const latest = useRef({ found, window });
  latest.current = { found, window };
  useEffect(() => () => latest.current.found.keep(latest.current.window.top, latest.current.window.active), []);

  const cellOf = (column: RequestColumn) => (row: RequestRecord) =>
    column.key === 'time' ? (
      <a href={format('request', route.words, row.request_id)} tabIndex={-1}>
        {column.cell(row, { now, search })}
      </a>
    ) : (
      column.cell(row, { now, search })
    );
  return (
    <div class="grid-box">
      <Table
        label="Requests"
        class="requests"
        columns={shown.map((column) => ({ ...column, width: isNarrow ? undefined : column.width, cell: cellOf(column) }))}
        rows={rows}
        keyOf={(row) => row.request_id}
        order={{ by: sort.replace('-', ''), isDown: sort.startsWith('-') }}
        setOrder={({ by, isDown }) => setWords(route, { sort: isDown && by === 'time' ? null : `${isDown ? '-' : ''}${by}` })}
        window={window}
      />
      {found.error && (
        <div class="banner" role="alert">
          {found.error.message}
        </div>
      )}
    </div>
  );
}
