/** The four numbers of a request, and how it did against the others of its model. */
import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import { query, type RequestRecord, type StatsOf } from '../api';
import { type Compared, compare, peersFilter, peersOf } from '../compare';
import { count, duration } from '../format';
import { useApi } from '../hooks';
import { OutputTokens, WritingSpeed } from '../parts';

export function Summary({ record }: { record: RequestRecord }) {
  const peers = useMemo(() => peersOf(record, Date.now() / 1000), [record]);
  const path = peers && `stats${query(peersFilter(record, peers))}`;
  const stats = useApi<StatsOf>(path, 0, true);
  const found = peers && stats.data && stats.path === path ? compare(record, peers, stats.data) : null;
  return (
    <div class="summary">
      <dl>
        <Figure name="Duration" compared={found?.duration ?? null}>
          {duration(record.latency)}
        </Figure>
        {record.time_to_first_token !== null && (
          <Figure name="Time to first token" compared={found?.firstToken ?? null}>
            {duration(record.time_to_first_token)}
          </Figure>
        )}
        {record.tokens_per_second !== null && (
          <Figure name="Speed" compared={found?.speed ?? null}>
            <WritingSpeed record={record} />
          </Figure>
        )}
        {(record.input_tokens !== null || record.output_tokens !== null) && (
          <div>
            <dt>{record.input_tokens === null ? 'Completion tokens' : record.output_tokens === null ? 'Prompt tokens' : 'Prompt → completion tokens'}</dt>
            <dd>
              <b>
                {record.input_tokens !== null && count(record.input_tokens)}
                {record.input_tokens !== null && record.output_tokens !== null && ' → '}
                {record.output_tokens !== null && <OutputTokens record={record} />}
              </b>
              {record.cached_input_tokens !== null && <span class="note">{count(record.cached_input_tokens)} of the prompt cached</span>}
            </dd>
          </div>
        )}
      </dl>
      {found !== null && <p class="note">{found.caption}.</p>}
    </div>
  );
}

function Figure({ name, compared, children }: { name: string; compared: Compared | null; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <b>{children}</b>
        {compared !== null && (
          <span class="note">
            <span class={compared.isSlow ? 'warn-text' : ''}>{compared.text}</span> · median {compared.median}
          </span>
        )}
      </dd>
    </div>
  );
}
