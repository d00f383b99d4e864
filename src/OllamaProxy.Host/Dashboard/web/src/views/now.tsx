/** What happens at this moment. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { type LoadedModel, type Ollama, type Page, query, type RequestRecord, type Running } from '../api';
import { answeringIn, learnColors } from '../colors';
import { bytes, count, duration, fullTime, plural, words as say, speed, time, unknown } from '../format';
import { useApi, useClock } from '../hooks';
import { listen } from '../live';
import { ModelName, OutputTokens, Panel, proxyAddress, Status, WritingSpeed } from '../parts';
import { doing } from '../phases';
import { format } from '../route';

/** A running request as it was told of last, and when that was. */
interface Seen extends Running {
  /** Milliseconds of this browser's clock. */
  at: number;
  /** When the first token came, by this browser's clock, and how many there were. */
  writing: { at: number; tokens: number } | null;
}

const recent = 15;

const learnOf = (page: Page) => learnColors(answeringIn(page.results));

export function Now({ ollama, storeIsOff }: { ollama: Ollama | null; storeIsOff: boolean }) {
  const now = useClock();
  const running = useRef(new Map<string, Seen>());
  const ended = useRef<RequestRecord[]>([]);
  const [isConnected, setConnected] = useState<boolean | null>(null);
  const [, draw] = useState(0);
  const [records, setRecords] = useState(0);

  useEffect(() => {
    // Many events make one picture.
    let frame = 0;
    let later = 0;
    const changed = () => (frame ||= requestAnimationFrame(() => ((frame = 0), draw((count) => count + 1))));
    // Not for each of many. A record is told of once it is written.
    const ask = () => (later ||= window.setTimeout(() => ((later = 0), setRecords((count) => count + 1)), 700));
    const stop = listen({
      connected: setConnected,
      // What was recorded before the connection was there has been told to nobody.
      reset: () => (running.current.clear(), changed(), ask()),
      request: (request) => {
        const before = running.current.get(request.request_id);
        if (request.phase === 'ended') {
          running.current.delete(request.request_id);
        } else {
          const at = Date.now();
          running.current.set(request.request_id, {
            ...request,
            at,
            writing: request.phase === 'writing' ? (before?.writing ?? { at, tokens: request.output_tokens }) : null,
          });
        }
        changed();
      },
      record: (record) => {
        learnColors(answeringIn([record]));
        ended.current = [record, ...ended.current].slice(0, recent);
        changed();
        ask();
      },
    });
    return () => {
      cancelAnimationFrame(frame);
      clearTimeout(later);
      stop();
    };
  }, []);

  // With a store its records, which can be opened; else those that were told of while this page was open.
  const stored = useApi<Page>(storeIsOff ? null : `search${query({ limit: recent, inference: 'true' })}`, records, false, learnOf);
  const finished = stored.data?.results ?? ended.current;
  const all = [...running.current.values()].sort((one, other) => one.started_at.localeCompare(other.started_at));
  const queued = all.filter((request) => request.phase === 'queued');
  return (
    <div class="view now">
      {isConnected === false && (
        <div class="banner" role="alert">
          The live connection is broken; trying again.
        </div>
      )}
      <Panel title="Running" note={all.length === 0 ? 'nothing' : `${count(all.length - queued.length)} in Ollama, ${count(queued.length)} queued`} wide>
        <RunningTable all={all} ollama={ollama} now={now} isConnected={isConnected} />
      </Panel>
      <Panel title="In memory" note={ollama?.models ? `${plural(ollama.models.length, 'model')}, ${bytes(ollama.loaded_bytes)}` : undefined} wide>
        <Loaded ollama={ollama} now={now} />
      </Panel>
      <Panel title="Just finished" wide>
        <Finished records={finished} now={now} />
      </Panel>
    </div>
  );
}

function RunningTable({ all, ollama, now, isConnected }: { all: Seen[]; ollama: Ollama | null; now: number; isConnected: boolean | null }) {
  if (all.length === 0) {
    return (
      <p class="quiet">
        {isConnected === null ? 'Connecting …' : 'No request is running. It appears here the moment it arrives at '}
        {isConnected !== null && <code>{proxyAddress()}</code>}
        {isConnected !== null && '.'}
      </p>
    );
  }
  let place = 0;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Running requests">
      <table class="list">
        <thead>
          <tr>
            <th scope="col">Model</th>
            <th scope="col">Doing</th>
            <th scope="col" class="number">
              For
            </th>
            <th scope="col" class="number wide-only" title="pieces of the answer that came so far">
              Tokens
            </th>
            <th scope="col" class="number">
              Speed
            </th>
            <th scope="col" class="wide-only">
              Client
            </th>
            <th scope="col" class="wide-only">
              Application
            </th>
            <th scope="col" class="wide-only">
              Endpoint
            </th>
          </tr>
        </thead>
        <tbody>
          {all.map((request) => {
            const what = doing(request.phase, request.model, ollama?.models ?? null);
            const seconds = request.elapsed + Math.max(0, now - request.at) / 1000;
            const wrote =
              request.writing && request.at > request.writing.at + 400
                ? (request.output_tokens - request.writing.tokens) / ((request.at - request.writing.at) / 1000)
                : null;
            return (
              <tr key={request.request_id}>
                <td>
                  <ModelName model={request.model} />
                </td>
                <td>
                  <span
                    class={`phase p-${what.key}`}
                    title={what.key === 'loading' ? 'it was not among the models in memory when Ollama was asked last' : undefined}
                  >
                    <i aria-hidden="true" />
                    {what.word}
                    {what.key === 'queued' && `, place ${++place}`}
                  </span>
                </td>
                <td class="number">{duration(seconds)}</td>
                <td class="number wide-only">{request.phase === 'writing' ? count(request.output_tokens) : unknown}</td>
                <td class="number">{wrote === null ? unknown : <span title="measured by this page">~ {speed(wrote)}</span>}</td>
                <td class="wide-only">{request.client_ip ?? unknown}</td>
                <td class="wide-only">
                  <span class="cut" title={request.user_agent ?? undefined}>
                    {request.application ?? request.user_agent ?? unknown}
                  </span>
                </td>
                <td class="wide-only">
                  <code>{request.endpoint}</code>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function Loaded({ ollama, now }: { ollama: Ollama | null; now: number }) {
  if (!ollama?.models) {
    return <p class="quiet">{ollama?.problem ?? 'Not known: Ollama has not been asked, or did not answer (OLLAMA_POLL_SECONDS).'}</p>;
  }
  if (ollama.models.length === 0) {
    return <p class="quiet">No model is loaded. The next request waits until its model is.</p>;
  }
  return (
    <ul class="loaded">
      {ollama.models.map((model) => (
        <LoadedCard key={model.name} model={model} now={now} />
      ))}
      <li class="quiet small">Asked {ollama.checked_at ? time(ollama.checked_at, now) : unknown}.</li>
    </ul>
  );
}

function LoadedCard({ model, now }: { model: LoadedModel; now: number }) {
  const cpu = Math.max(0, model.size_bytes - model.vram_bytes);
  const share = model.size_bytes > 0 ? (100 * model.vram_bytes) / model.size_bytes : 0;
  const left = model.expires_at === null ? null : (Date.parse(model.expires_at) - now) / 1000;
  return (
    <li class="loaded-model">
      <div>
        <ModelName model={model.name} />
        <span class="note">
          {[model.parameter_size, model.quantization, model.context_length === null ? null : `context ${plural(model.context_length, 'token')}`]
            .filter(Boolean)
            .join(' · ')}
        </span>
      </div>
      <div class="memory" role="img" aria-label={`${bytes(model.vram_bytes)} on the GPU, ${bytes(cpu)} on the CPU`}>
        <i class="gpu" style={{ width: `${share}%` }} />
      </div>
      <div class="note">
        <span>
          GPU <b>{bytes(model.vram_bytes)}</b>
          {cpu > 0 && (
            <>
              {' '}
              · CPU <b class={share < 100 ? 'warn-text' : ''}>{bytes(cpu)}</b>
            </>
          )}
        </span>
        <span title={model.expires_at === null ? undefined : fullTime(model.expires_at)}>
          {left === null ? 'stays loaded' : left > 0 ? `unloads in ${duration(Math.round(left))}` : 'about to unload'}
        </span>
      </div>
    </li>
  );
}

function Finished({ records, now }: { records: readonly RequestRecord[]; now: number }) {
  if (records.length === 0) {
    return <p class="quiet">Nothing yet.</p>;
  }
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Requests that just finished">
      <table class="list">
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Model</th>
            <th scope="col">Outcome</th>
            <th scope="col" class="number">
              Duration
            </th>
            <th scope="col" class="number wide-only">
              Tokens out
            </th>
            <th scope="col" class="number">
              Speed
            </th>
            <th scope="col" class="wide-only">
              Category
            </th>
            <th scope="col" class="wide-only">
              Application
            </th>
          </tr>
        </thead>
        <tbody>
          {records.map((record) => (
            <tr key={record.request_id}>
              <td>{record.id === null ? time(record.started_at, now) : <a href={format('request', {}, record.id)}>{time(record.started_at, now)}</a>}</td>
              <td>
                <ModelName model={record.model_name} />
              </td>
              <td>
                <Status record={record} />
              </td>
              <td class="number">{duration(record.latency)}</td>
              <td class="number wide-only">
                <OutputTokens record={record} />
              </td>
              <td class="number">
                <WritingSpeed record={record} />
              </td>
              <td class="wide-only">{say(record.category)}</td>
              <td class="wide-only">
                <span class="cut" title={record.user_agent ?? undefined}>
                  {record.application ?? record.user_agent ?? unknown}
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
