/** One request: where its time went, what was asked, what was answered. */
import { base, type Page, query, type RequestRecord } from '../api';
import { answeringIn, learnColors } from '../colors';
import { curlOf } from '../curl';
import { endingMeaning, endingWord } from '../endings';
import type { Words } from '../filters';
import { capital, fullTime, plural } from '../format';
import { go, useApi, useKeys } from '../hooks';
import { nextTo } from '../neighbours';
import { CopyButton, Message, ModelName, Panel, proxyAddress, Status, TroubleMessage } from '../parts';
import { whySlow } from '../phases';
import { format } from '../route';
import { Facts } from './request-facts';
import { Summary } from './request-summary';
import { Transcript } from './transcript';
import { Waterfall } from './waterfall';
import '../request.css';

const learnOf = (record: RequestRecord) => learnColors(answeringIn([record]));

export function OneRequest({ id, words }: { id: string; words: Words }) {
  const { data, error, path } = useApi<RequestRecord>(`messages/${id}`, 0, false, learnOf);
  const record = data && path === `messages/${id}` ? data : null;
  const around = useNeighbours(record);
  const back = format('requests', words);
  useKeys({
    '[': () => around.before && go('request', words, around.before.request_id),
    ']': () => around.after && go('request', words, around.after.request_id),
    Escape: () => go('requests', words),
  });
  if (!record) {
    if (!error) {
      return <div class="loading" aria-busy="true" />;
    }
    return error.trouble === 'missing' ? (
      <Message title="Not found">
        <p>{error.message}</p>
        <p>
          <a class="button" href={back}>
            All requests
          </a>
        </p>
      </Message>
    ) : (
      <TroubleMessage error={error} retry={() => location.reload()} />
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
            {fullTime(record.started_at)} · <code>{record.endpoint}</code>
            {[record.application ?? record.user_agent, record.client_ip].map((known) => known && ` · ${known}`)}
          </span>
        </div>
        <div class="tools">
          <Step to={around.before} words={words} text="← Previous" title="The previous request of this client ([)" />
          <Step to={around.after} words={words} text="Next →" title="The next request of this client (])" />
          <CopyButton text={curlOf(record, proxyAddress())} label="Copy as curl" />
          <a class="button" href={`${base}export${query({ message_id: record.request_id, format: 'json' })}`} download>
            JSON
          </a>
        </div>
      </header>
      <Panel title="Where the time went" wide>
        <p class="why">{whySlow(record)}</p>
        <Summary record={record} />
        <Waterfall record={record} />
      </Panel>
      <Warnings record={record} />
      <div class="one-body">
        <Transcript key={record.request_id} record={record} search={words['search']} />
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
    <a class="button" href={format('request', words, to.request_id)} title={title}>
      {text}
    </a>
  ) : (
    <span class="button" aria-disabled="true" title="There is none">
      {text}
    </span>
  );
}

function Warnings({ record }: { record: RequestRecord }) {
  const meaning = endingMeaning(record);
  return (
    <>
      {record.truncation !== null && (
        <div class="banner warn" role="note">
          <b>Ollama {record.truncation === 'certain' ? 'truncated' : 'probably truncated'} the prompt:</b> it did not fit the context
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
