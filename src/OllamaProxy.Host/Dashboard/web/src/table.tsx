/** A small table that is whole on the page: sorted by a click or Enter on a heading. Thousands of rows are for views/requests. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

export interface ListColumn<Row> {
  name: string;
  isNumber?: boolean;
  /** Left out where there is little room. */
  isWideOnly?: boolean;
  title?: string;
  /** What decides the order; without it the column cannot be sorted by. Rows without a value come last. */
  value?: (row: Row) => number | string | null;
  cell: (row: Row, index: number) => ComponentChildren;
}

interface ListProps<Row> {
  label: string;
  columns: readonly ListColumn<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  class?: string;
  rowClass?: string;
}

export function List<Row>({ label, columns, rows, keyOf, class: name = '', rowClass }: ListProps<Row>) {
  const [sort, setSort] = useState<{ by: string; isDown: boolean } | null>(null);
  const value = columns.find((column) => column.name === sort?.by)?.value;
  const sorted = sort && value ? [...rows].sort((one, other) => compare(value(one), value(other), sort.isDown)) : rows;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={label}>
      <table class={`list ${name}`}>
        <thead>
          <tr>
            {columns.map((column) => {
              const isSorted = sort?.by === column.name;
              // Numbers begin with the most, names with A.
              const isDown = isSorted ? !sort.isDown : column.isNumber === true;
              return (
                <th
                  key={column.name}
                  scope="col"
                  title={column.title}
                  class={classes(column)}
                  aria-sort={isSorted ? (sort.isDown ? 'descending' : 'ascending') : undefined}
                >
                  {column.value ? (
                    <button type="button" class="plain" onClick={() => setSort({ by: column.name, isDown })}>
                      {column.name}
                      <span aria-hidden="true">{isSorted ? (sort.isDown ? ' ↓' : ' ↑') : ''}</span>
                    </button>
                  ) : (
                    column.name
                  )}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row, index) => (
            <tr key={keyOf(row)} class={rowClass}>
              {columns.map((column, place) =>
                place === 0 ? (
                  <th key={column.name} scope="row" class={classes(column)}>
                    {column.cell(row, index)}
                  </th>
                ) : (
                  <td key={column.name} class={classes(column)}>
                    {column.cell(row, index)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function classes<Row>({ isNumber, isWideOnly }: ListColumn<Row>): string {
  return `${isNumber ? 'number' : ''} ${isWideOnly ? 'wide-only' : ''}`;
}

export function compare(one: number | string | null, other: number | string | null, isDown: boolean): number {
  if (one === null || other === null) {
    return one === other ? 0 : one === null ? 1 : -1;
  }
  const order = typeof one === 'number' && typeof other === 'number' ? one - other : String(one).localeCompare(String(other));
  return isDown ? -order : order;
}
