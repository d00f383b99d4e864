/** The columns a table of requests can have, and the menu to choose them. */
import type { ComponentChildren } from 'preact';
import type { RequestRecord } from './api';
import { endingWord } from './endings';
import { bytes, count, duration, fullTime, words as say, time, unknown } from './format';
import { ModelName, OutputTokens, PhaseBar, Status, WritingSpeed } from './parts';
import { type Column, keysThatFit } from './table';
import { excerpt, highlight } from './text';

export interface RequestColumn extends Omit<Column<RequestRecord>, 'cell'> {
  key: string;
  width: number | [least: number, most: string];
  cell: (record: RequestRecord, context: { now: number; search: string | undefined }) => ComponentChildren;
}

export function Hits({ text, search }: { text: string; search: string | undefined }) {
  return <>{highlight(text, search).map((piece, index) => (piece.isHit ? <mark key={index}>{piece.text}</mark> : piece.text))}</>;
}

/** Text of the prompt; of the answer where the hit is only there. */
function Snippet({ record, search }: { record: RequestRecord; search: string | undefined }) {
  const isInPrompt = !search || (record.prompt ?? '').toLowerCase().includes(search.toLowerCase());
  const text = isInPrompt || record.response === null ? record.prompt : record.response;
  if (text === null) {
    return <span class="quiet">{unknown}</span>;
  }
  return (
    <>
      {!isInPrompt && <span class="quiet">answer: </span>}
      <Hits text={excerpt(text, search)} search={search} />
    </>
  );
}

export const columns: RequestColumn[] = [
  {
    key: 'time',
    name: 'Time',
    width: 112,
    sort: 'time',
    cell: (record, { now }) => <span title={fullTime(record.started_at)}>{time(record.started_at, now)}</span>,
  },
  { key: 'model', name: 'Model', width: [100, '150px'], cell: (record) => <ModelName model={record.model_name} /> },
  { key: 'outcome', name: 'Outcome', width: 124, cell: (record) => <Status record={record} /> },
  { key: 'prompt', name: 'Prompt', width: [140, '1fr'], cell: (record, { search }) => <Snippet record={record} search={search} /> },
  { key: 'category', name: 'Category', width: 92, cell: (record) => say(record.category) },
  {
    key: 'application',
    name: 'Application',
    width: [90, '116px'],
    cell: (record) => <span title={record.user_agent ?? undefined}>{record.application ?? record.user_agent ?? unknown}</span>,
  },
  { key: 'client', name: 'Client', width: 112, cell: (record) => record.client_ip ?? unknown },
  { key: 'endpoint', name: 'Endpoint', width: 138, cell: (record) => record.endpoint },
  { key: 'proxy', name: 'Proxy', width: [90, '116px'], cell: (record) => record.proxy ?? unknown },
  { key: 'backend', name: 'Backend', width: [90, '116px'], cell: (record) => record.backend ?? unknown },
  { key: 'input', name: 'In', title: 'Prompt tokens', width: 56, isNumber: true, sort: 'input_tokens', cell: (record) => count(record.input_tokens) },
  {
    key: 'output',
    name: 'Out',
    title: 'Completion tokens',
    width: 60,
    isNumber: true,
    sort: 'output_tokens',
    cell: (record) => <OutputTokens record={record} />,
  },
  { key: 'speed', name: 'Speed', width: 92, isNumber: true, sort: 'tokens_per_second', cell: (record) => <WritingSpeed record={record} /> },
  {
    key: 'ttft',
    name: 'First token',
    title: 'Time to first token',
    width: 80,
    isNumber: true,
    sort: 'ttft',
    cell: (record) => duration(record.time_to_first_token),
  },
  { key: 'phases', name: 'Where time went', width: 108, cell: (record) => <PhaseBar record={record} /> },
  { key: 'duration', name: 'Duration', width: 78, isNumber: true, sort: 'latency', cell: (record) => duration(record.latency) },
  { key: 'queue', name: 'Queued', width: 88, isNumber: true, cell: (record) => duration(record.queue_time) },
  { key: 'load', name: 'Load', width: 88, isNumber: true, cell: (record) => duration(record.load_duration) },
  { key: 'status', name: 'HTTP', width: 60, isNumber: true, cell: (record) => record.status_code ?? unknown },
  { key: 'bytes', name: 'Answer', width: 90, isNumber: true, cell: (record) => bytes(record.response_bytes) },
  {
    key: 'error',
    name: 'Error',
    width: [120, '220px'],
    cell: (record) => record.error ?? (record.status === 'success' ? unknown : endingWord(record)),
  },
];

/** The columns that are shown while none were chosen, the most important first. */
const usual = ['time', 'model', 'outcome', 'prompt', 'duration', 'speed', 'phases', 'output', 'ttft', 'application', 'input'];

/** Beside the table: the edges of the page, its own border, and a scroll bar. */
const beside = 60;

/** As many of the usual columns as a page of this width shows without sideways scrolling. */
export const fitting = (width: number): string[] => keysThatFit(columns, usual, width - beside);

/** On a phone, where a row has three lines: these, the prompt, and where its time went. */
export const few = ['time', 'model', 'outcome', 'prompt', 'phases', 'duration'];

export function ColumnMenu({ offered, keys, set }: { offered: RequestColumn[]; keys: string[]; set: (columns: string) => void }) {
  return (
    <details class="menu">
      <summary class="button">Columns</summary>
      <fieldset>
        <legend class="hidden">Columns</legend>
        {offered.map((column) => (
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
