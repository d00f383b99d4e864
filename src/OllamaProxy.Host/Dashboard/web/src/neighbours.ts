import type { RequestRecord } from './api';

type Place = Pick<RequestRecord, 'id' | 'request_id' | 'started_at'>;

function compare(one: Place, other: Place): number {
  return Date.parse(one.started_at) - Date.parse(other.started_at) || micros(one) - micros(other) || (one.id ?? 0) - (other.id ?? 0);
}

/** Dates end at milliseconds, and records do not. */
function micros(record: Place): number {
  return Number((/\.(\d+)/.exec(record.started_at)?.[1] ?? '').padEnd(7, '0').slice(0, 7));
}

/** The record next to one, by time and then by number, among some around it. */
export function nextTo<T extends Place>(record: Place, around: readonly T[], direction: 1 | -1): T | null {
  const beside = around
    .filter((other) => other.request_id !== record.request_id && compare(other, record) * direction > 0)
    .sort((one, other) => compare(one, other) * direction);
  return beside[0] ?? null;
}
