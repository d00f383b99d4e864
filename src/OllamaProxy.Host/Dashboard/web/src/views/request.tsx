/** One request: where its time went, what was asked, what was answered. */
import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import { base, type Page, query, type RequestRecord } from '../api';
import { answeringIn, learnColors } from '../colors';
import { curlOf } from '../curl';
import { endingMeaning, endingWord } from '../endings';
import type { Words } from '../filters';
import { bytes, count, duration, fullTime, plural, words as say, speed, unknown } from '../format';
import { go, useApi, useKeys } from '../hooks';
import { nextTo } from '../neighbours';
import { CopyButton, ModelName, OutputTokens, Panel, proxyAddress, Status, TroubleMessage, WritingSpeed } from '../parts';
import { isTrifle, loadCause, phasesOf, whySlow } from '../phases';
import { format } from '../route';
import { Text, ToolCalls } from './request-texts';

const learnOf = (record: RequestRecord) => learnColors(answeringIn([record]));

export function OneRequest({ id, words }: { id: number; words: Words }) {
  const { data, error, path } = useApi<RequestRecord>(`messages/${id}`, 0, false, learnOf);
  const record = data && path === `messages/${id}` ? data : null;
  const around = useNeighbours(record);
  const back = format('requests', words);
  useKeys({
    '[': () => around.before?.id != null && go('request', words, around.before.id),
    ']': () => around.after?.id != null && go('request', words, around.after.id),
    Escape: () => go('requests', words),
  });
  if (!record) {
    return error ? (
      <div class="view">
        <TroubleMessage error={error} retry={() => location.reload()} />
        <p>
          <a href={back}>All requests</a>
        </p>
      </div>
    ) : (
      <div class="loading" aria-busy="true" />
    );
  }
  return (
    <article class="view one">
      <header class="one-head">
        <a class="back" href={back} title="Back (Esc)">
          ← Requests
        </a>
        <div class="title">
          <ModelName model={record.model_name} />
          <Status record={record} />
          <span class="note">
            {fullTime(record.started_at)} · <code>{record.endpoint}</code> · {record.application ?? record.user_agent ?? 'application not known'} ·{' '}
            {record.client_ip ?? 'client not known'}
          </span>
        </div>
        <div class="tools">
          <Step to={around.before} words={words} text="← Before" title="The one before, of the same client ([)" />
          <Step to={around.after} words={words} text="Next →" title="The next one of the same client (])" />
          <CopyButton text={curlOf(record, proxyAddress())} label="Copy as curl" />
          <a class="button" href={`${base}export${query({ message_id: record.id, format: 'json' })}`} download>
            JSON
          </a>
        </div>
      </header>
      <Panel title="Where the time went" wide>
        <p class="why">{whySlow(record)}</p>
        <Waterfall record={record} />
      </Panel>
      <Warnings record={record} />
      <div class="one-body">
        <div class="texts">
          <Text
            title="Prompt"
            text={record.prompt}
            search={words['search']}
            note={record.message_count !== null && record.message_count > 1 ? `the last of ${count(record.message_count)} messages` : undefined}
          />
          {record.system !== null && <Text title="System prompt" text={record.system} search={words['search']} />}
          {record.thinking !== null && <Text title="Thinking" text={record.thinking} search={words['search']} isQuiet />}
          <Text title="Answer" text={record.response} search={words['search']} />
          {record.tool_calls !== null && <ToolCalls text={record.tool_calls} />}
        </div>
        <Facts record={record} />
      </div>
    </article>
  );
}

/** The requests of the same client beside this one: a few on each side, as some may have begun in the same microsecond. */
function useNeighbours(record: RequestRecord | null): { before: RequestRecord | null; after: RequestRecord | null } {
  const client = record?.client_ip;
  const ask = (edge: string, sort: string) =>
    record && client ? `search${query({ client, [edge]: record.started_at, sort, limit: 5, ...(record.is_inference ? { inference: 'true' } : {}) })}` : null;
  const before = useApi<Page>(ask('end_time', '-time'));
  const after = useApi<Page>(ask('start_time', 'time'));
  return {
    before: record && before.data && !before.isLoading ? nextTo(record, before.data.results, -1) : null,
    after: record && after.data && !after.isLoading ? nextTo(record, after.data.results, 1) : null,
  };
}

function Step({ to, words, text, title }: { to: RequestRecord | null; words: Words; text: string; title: string }) {
  return to ? (
    <a class="button" href={format('request', words, to.id)} title={title}>
      {text}
    </a>
  ) : (
    <span class="button" aria-disabled="true" title="There is none">
      {text}
    </span>
  );
}

function Waterfall({ record }: { record: RequestRecord }) {
  const phases = useMemo(() => phasesOf(record), [record]);
  const total = record.latency;
  if (phases.length === 0) {
    return <p class="quiet">It took no time that can be measured.</p>;
  }
  const first = record.time_to_first_token;
  return (
    <div class="waterfall">
      <ol aria-label="Phases">
        {phases
          .filter((phase) => !isTrifle(phase, total))
          .map((phase) => (
            <li key={phase.key} title={phase.meaning}>
              <span class="name">{phase.name}</span>
              <span class="track" aria-hidden="true">
                <i class={`phase-${phase.key}`} style={{ left: `${(100 * phase.start) / total}%`, width: `${(100 * phase.length) / total}%` }} />
                {first !== null && first <= total && <b style={{ left: `${(100 * first) / total}%` }} />}
              </span>
              <span class="number">{duration(phase.length)}</span>
              <span class="share number">{Math.round((100 * phase.length) / total)} %</span>
            </li>
          ))}
      </ol>
      <div class="scale">
        <span />
        <span class="ends">
          <span>0</span>
          <span>{duration(total / 2)}</span>
          <span>{duration(total)}</span>
        </span>
        <span />
        <span />
      </div>
      {first !== null && (
        <p class="note">
          The line is the first token, after <b>{duration(first)}</b>.
        </p>
      )}
    </div>
  );
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function Warnings({ record }: { record: RequestRecord }) {
  const meaning = endingMeaning(record);
  return (
    <>
      {record.truncation !== null && (
        <div class="banner warn" role="note">
          <b>Ollama {record.truncation === 'certain' ? 'shortened' : 'probably shortened'} the prompt:</b> it did not fit the context
          {record.num_ctx === null ? '' : ` of ${plural(record.num_ctx, 'token')}`}, and its beginning was left out. A larger <code>num_ctx</code> keeps it
          whole.
        </div>
      )}
      {meaning !== null && (
        <div class={`banner ${record.status === 'error' ? '' : 'warn'}`} role="note">
          {record.error !== null && (
            <>
              <b>{capital(endingWord(record))}:</b> {record.error}
              <br />
            </>
          )}
          {meaning}
        </div>
      )}
    </>
  );
}

function Facts({ record }: { record: RequestRecord }) {
  const groups: [string, [string, ComponentChildren][]][] = [
    [
      'Tokens',
      [
        ['In', count(record.input_tokens)],
        ['In, cached', count(record.cached_input_tokens)],
        ['Out', <OutputTokens record={record} />],
        ['Writing', <WritingSpeed record={record} />],
        ['Reading', speed(record.prompt_tokens_per_second)],
        ['Finished because', record.finish_reason ?? unknown],
      ],
    ],
    [
      'Times',
      [
        ['Duration', duration(record.latency)],
        ['First token', duration(record.time_to_first_token)],
        ['First header', duration(record.time_to_headers)],
        ['Mean pause', duration(record.mean_gap)],
        ['Longest pause', duration(record.longest_gap)],
        ['Loaded because', loadCause(record.load_cause) ?? unknown],
      ],
    ],
    [
      'Parameters',
      [
        ['num_ctx', count(record.num_ctx)],
        ['Most tokens', count(record.max_tokens)],
        ['Temperature', record.temperature ?? unknown],
        ['keep_alive', record.keep_alive ?? unknown],
        ['Messages', count(record.message_count)],
        ['Tools', count(record.tool_count)],
        ['Images', count(record.image_count)],
      ],
    ],
    [
      'Request',
      [
        ['HTTP status', record.status_code ?? unknown],
        ['Answer', record.stream === null ? unknown : record.stream ? 'streamed' : 'in one piece'],
        ['Method', record.method],
        ['Target', record.target ?? unknown],
        ['Category', say(record.category)],
        ['Sent', bytes(record.request_bytes)],
        ['Received', bytes(record.response_bytes)],
        ['User agent', record.user_agent ?? unknown],
        ['Request id', record.request_id],
        ['Number', record.id ?? unknown],
      ],
    ],
  ];
  return (
    <aside class="facts" aria-label="Facts">
      {groups.map(([title, facts]) => (
        <section key={title} aria-label={title}>
          <h2>{title}</h2>
          <dl>
            {facts.map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </aside>
  );
}
