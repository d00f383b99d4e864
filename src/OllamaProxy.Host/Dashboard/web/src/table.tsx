/** The table of every view. A click or Enter on a heading sorts it. With a window it draws only the rows that are seen. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { RowWindow } from './row-window';

export interface Column<Row> {
  name: string;
  isNumber?: boolean;
  /** Left out on anything smaller. */
  from?: 'tablet' | 'desktop';
  title?: string;
  /** What decides the order; without it the column cannot be sorted by. Rows without a value come last. */
  value?: (row: Row) => number | string | null;
  /** The API's word for its order, where the API sorts. */
  sort?: string;
  /** The style sheet places its cells by the class `k-…`. */
  key?: string;
  /** In pixels, or from so many pixels to a CSS length. Only windowed tables need it: the rows that are not drawn cannot make a column wider. */
  width?: number | [least: number, most: string] | undefined;
  cell: (row: Row, index: number) => ComponentChildren;
}

export interface Order {
  /** A column's `sort`, or its name where the table sorts. */
  by: string;
  isDown: boolean;
}

interface TableProps<Row> {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  class?: string;
  rowClass?: string;
  /** The order of rows that the API sorts. Without it the table sorts the rows. */
  order?: Order;
  setOrder?: (order: Order) => void;
  window?: RowWindow;
}

export function Table<Row>({ label, columns, rows, keyOf, class: name = '', rowClass = '', order, setOrder, window }: TableProps<Row>) {
  const [own, setOwn] = useState<Order | null>(null);
  const value = order ? undefined : columns.find((column) => column.name === own?.by)?.value;
  const sorted = own && value ? [...rows].sort((one, other) => compare(value(one), value(other), own.isDown)) : rows;
  const first = window?.start ?? 0;
  const tracks = window ? tracksOf(columns) : {};
  // The style sheet lays a windowed table out as blocks, and browsers then forget what its elements are.
  const role = <Name extends 'rowgroup' | 'row' | 'columnheader' | 'gridcell'>(name: Name) => (window ? name : undefined);
  const table = (
    <table
      class={`${window ? 'windowed' : 'list'} ${name}`}
      {...(window && {
        role: 'grid',
        'aria-label': label,
        'aria-rowcount': window.total ?? -1,
        'aria-busy': window.isBusy,
        'aria-activedescendant': window.active >= first && window.active < window.end ? `row-${window.active}` : undefined,
        tabIndex: 0,
        ref: window.box,
        style: tracks.table,
      })}
    >
      <thead role={role('rowgroup')}>
        <tr role={role('row')} style={tracks.row}>
          {columns.map((column) => (
            <Heading key={column.name} column={column} role={role('columnheader')} order={order ?? own} setOrder={setOrder ?? setOwn} />
          ))}
        </tr>
      </thead>
      <tbody role={role('rowgroup')} class={window?.isBusy ? 'busy' : undefined} style={window && { height: `${rows.length * window.rowHeight}px` }}>
        {sorted.slice(first, window?.end).map((row, offset) => {
          const index = first + offset;
          return (
            <tr
              key={keyOf(row)}
              class={`${rowClass} ${index === window?.active ? 'active' : ''}`}
              {...(window && {
                id: `row-${index}`,
                role: 'row',
                'aria-rowindex': index + 2,
                'aria-selected': index === window.active,
                style: { ...tracks.row, top: `${index * window.rowHeight}px` },
                onClick: (event: MouseEvent) => (event.target as HTMLElement).closest('a') || window.open(index),
              })}
            >
              {columns.map((column, place) => {
                const Cell = place === 0 && !window ? 'th' : 'td';
                return (
                  <Cell key={column.name} scope={Cell === 'th' ? 'row' : undefined} role={role('gridcell')} class={classes(column)}>
                    {column.cell(row, index)}
                  </Cell>
                );
              })}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
  return window ? (
    table
  ) : (
    <div class="scroll" tabIndex={0} role="region" aria-label={label}>
      {table}
    </div>
  );
}

interface HeadingProps<Row> {
  column: Column<Row>;
  role: 'columnheader' | undefined;
  order: Order | null;
  setOrder: (order: Order) => void;
}

function Heading<Row>({ column, role, order, setOrder }: HeadingProps<Row>) {
  const by = column.sort ?? (column.value && column.name);
  const isSorted = by !== undefined && order?.by === by;
  // Quantities begin with the most, names with A.
  const isDown = isSorted ? !order.isDown : column.isNumber === true || column.sort !== undefined;
  return (
    <th scope="col" role={role} title={column.title} class={classes(column)} aria-sort={isSorted ? (order.isDown ? 'descending' : 'ascending') : undefined}>
      {by ? (
        <button type="button" class="plain" title={`Sort by ${column.title ?? column.name}`} onClick={() => setOrder({ by, isDown })}>
          {column.name}
          <span aria-hidden="true">{isSorted ? (order.isDown ? ' ↓' : ' ↑') : ''}</span>
        </button>
      ) : (
        <span class="word">{column.name}</span>
      )}
    </th>
  );
}

/** The space between the columns of a windowed table, and at its edges, as in style.css. */
const gap = 14;

/** The width below which a windowed table with these columns scrolls, in pixels. */
function leastWidth(columns: readonly { width?: Column<never>['width'] }[]): number {
  return columns.reduce((sum, { width }) => sum + (typeof width === 'number' ? width : (width?.[0] ?? 0)) + gap, gap);
}

/** As many columns of a windowed table as a room of so many pixels holds, at least one. The keys name them, the most important first. */
export function keysThatFit(columns: readonly { key: string; width: Column<never>['width'] }[], keys: readonly string[], room: number): string[] {
  const first = (count: number) => keys.slice(0, count);
  let count = keys.length;
  while (count > 1 && leastWidth(columns.filter(({ key }) => first(count).includes(key))) > room) {
    count--;
  }
  return first(count);
}

/** The columns of a windowed table. Each row is a grid of its own, so the tracks and the least width must be the same for all of them. */
function tracksOf<Row>(columns: readonly Column<Row>[]): { row?: { gridTemplateColumns: string }; table?: { '--least': string } } {
  const widths = columns.flatMap(({ width }) => (width === undefined ? [] : [width]));
  if (widths.length < columns.length) {
    return {};
  }
  const tracks = widths.map((width) => (typeof width === 'number' ? `${width}px` : `minmax(${width[0]}px, ${width[1]})`));
  return { row: { gridTemplateColumns: tracks.join(' ') }, table: { '--least': `${leastWidth(columns)}px` } };
}

function classes<Row>({ key, isNumber, from }: Column<Row>): string {
  return `${key ? `k-${key}` : ''} ${isNumber ? 'number' : ''} ${from ? `from-${from}` : ''}`;
}

export function compare(one: number | string | null, other: number | string | null, isDown: boolean): number {
  if (one === null || other === null) {
    return one === other ? 0 : one === null ? 1 : -1;
  }
  const order = typeof one === 'number' && typeof other === 'number' ? one - other : String(one).localeCompare(String(other));
  return isDown ? -order : order;
}
