/** What happens at this moment. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { type LoadedModel, type Ollama, type Page, query, type RequestRecord, type Running } from '../api';
import { answeringIn, learnColors } from '../colors';
import { bytes, count, duration, fullTime, plural, words as say, speed, time, timeOfDay, unknown } from '../format';
import { useApi, useClock, useColor } from '../hooks';
import { listen } from '../live';
import { ModelName, OutputTokens, Panel, PhaseBar, proxyAddress, Sparkline, Status, WritingSpeed } from '../parts';
import { doing } from '../phases';
import { format } from '../route';
import { type Column, Table } from '../table';

/** A running request as it was told of last, and when that was. */
interface Seen extends Running {
  /** Milliseconds of this browser's clock. */
  at: number;
  /** When the first token came, by this browser's clock, and how many there were. */
  writing: { at: number; tokens: number } | null;
  /** When the last token came, by this browser's clock. */
  heard: number;
}

/** One second of the strip. */
interface Sample {
  tokens: number;
  running: number;
  queued: number;
}

/** A stream that brings nothing for so many seconds is marked. */
const silence = 10;

const recent = 15;

const learnOf = (page: Page) => learnColors(answeringIn(page.results));

export function Now({ ollama, storeIsOff }: { ollama: Ollama | null; storeIsOff: boolean }) {
  const now = useClock();
  const running = useRef(new Map<string, Seen>());
  const ended = useRef<RequestRecord[]>([]);
  const [isConnected, setConnected] = useState<boolean | null>(null);
  const [, draw] = useState(0);
  const [records, setRecords] = useState(0);
  const written = useRef(0);
  const samples = useRef<Sample[]>(Array.from({ length: 60 }, () => ({ tokens: 0, running: 0, queued: 0 })));
  const sampled = useRef(Date.now());

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
        // What was written before this page looked belongs to no second of it.
        written.current += before ? Math.max(0, request.output_tokens - before.output_tokens) : 0;
        if (request.phase === 'ended') {
          running.current.delete(request.request_id);
        } else {
          const at = Date.now();
          running.current.set(request.request_id, {
            ...request,
            at,
            heard: before && before.phase === request.phase && before.output_tokens === request.output_tokens ? before.heard : at,
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

  // A model in memory works, even before its first answer.
  useEffect(() => learnColors(ollama?.models?.map(({ name }) => name) ?? []), [ollama]);
  // With a store its records, which can be opened; else those that were told of while this page was open.
  const stored = useApi<Page>(storeIsOff ? null : `search${query({ limit: recent, inference: 'true' })}`, records, false, learnOf);
  const finished = stored.data?.results ?? ended.current;
  const all = [...running.current.values()].sort((one, other) => one.started_at.localeCompare(other.started_at));
  const queued = all.filter((request) => request.phase === 'queued');
  useEffect(() => {
    const seconds = Math.max(0.5, (now - sampled.current) / 1000);
    const sample = { tokens: written.current / seconds, running: all.length - queued.length, queued: queued.length };
    samples.current = [...samples.current.slice(1), sample];
    [written.current, sampled.current] = [0, now];
  }, [now]);
  return (
    <div class="view now">
      {isConnected === false && (
        <div class="banner" role="alert">
          The live connection is broken; trying again.
        </div>
      )}
      <Strip samples={samples.current} running={all.length - queued.length} queued={queued.length} />
      <Panel title="Running" note={all.length === 0 ? 'nothing' : `${count(all.length - queued.length)} in Ollama, ${count(queued.length)} queued`} wide>
        <RunningTable all={all} ollama={ollama} now={now} isConnected={isConnected} />
      </Panel>
      <Panel title="In memory" note={memoryNote(ollama, now)} wide>
        <Loaded ollama={ollama} now={now} />
      </Panel>
      <Panel title="Just finished" wide>
        <Finished records={finished} canOpen={!storeIsOff} />
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
  const places = new Map(all.filter((request) => request.phase === 'queued').map((request, index) => [request, index + 1]));
  const columns: Column<Seen>[] = [
    { name: 'Model', cell: (request) => <ModelName model={request.model} /> },
    {
      name: 'Doing',
      cell: (request) => {
        const silent = request.phase === 'writing' ? Math.floor((now - request.heard) / 1000) : 0;
        if (silent >= silence) {
          return (
            <span class="phase p-silent" title="No token has arrived for this long">
              <i aria-hidden="true" />
              silent for {duration(silent)}
            </span>
          );
        }
        const what = doing(request.phase, request.model, ollama?.models ?? null);
        return (
          <span class={`phase p-${what.key}`} title={what.key === 'loading' ? 'the model was not in memory at the last poll' : undefined}>
            <i aria-hidden="true" />
            {what.word}
            {what.key === 'queued' && `, place ${places.get(request)}`}
          </span>
        );
      },
    },
    { name: 'For', isNumber: true, cell: (request) => duration(request.elapsed + Math.max(0, now - request.at) / 1000) },
    {
      name: 'Tokens',
      isNumber: true,
      from: 'tablet',
      title: 'Chunks of the answer so far',
      cell: (request) => (request.phase === 'writing' ? count(request.output_tokens) : unknown),
    },
    {
      name: 'Speed',
      isNumber: true,
      from: 'tablet',
      cell: (request) => {
        const { writing } = request;
        const wrote = writing && request.at > writing.at + 400 ? (request.output_tokens - writing.tokens) / ((request.at - writing.at) / 1000) : null;
        return wrote === null ? unknown : <span title="measured by this page">~ {speed(wrote)}</span>;
      },
    },
    { name: 'Client', from: 'desktop', cell: (request) => request.client_ip ?? unknown },
    { name: 'Application', from: 'tablet', cell: (request) => <Agent of={request} /> },
    { name: 'Endpoint', from: 'desktop', cell: (request) => <code>{request.endpoint}</code> },
  ];
  return <Table label="Running requests" columns={columns} rows={all} keyOf={(request) => request.request_id} />;
}

function Agent({ of: { application, user_agent } }: { of: { application: string | null; user_agent: string | null } }) {
  return (
    <span class="cut" title={user_agent ?? undefined}>
      {application ?? user_agent ?? unknown}
    </span>
  );
}

/** The last minute, a sample each second: the newest is at the right. */
function Strip({ samples, running, queued }: { samples: readonly Sample[]; running: number; queued: number }) {
  const rate = samples[samples.length - 1]?.tokens ?? 0;
  const tracks: [name: string, value: number, values: number[]][] = [
    ['Tokens per second', Math.round(rate), samples.map((sample) => sample.tokens)],
    ['Running', running, samples.map((sample) => sample.running)],
    ['Queued', queued, samples.map((sample) => sample.queued)],
  ];
  return (
    <section class="strip" aria-label="The last 60 seconds">
      {tracks.map(([name, value, values]) => (
        <div key={name} class="card">
          <h2>{name}</h2>
          <p class="big">
            {count(value)} <span class="delta">peak {count(Math.round(Math.max(value, ...values)))}</span>
          </p>
          <Sparkline values={values} />
        </div>
      ))}
    </section>
  );
}

function Loaded({ ollama, now }: { ollama: Ollama | null; now: number }) {
  const color = useColor();
  if (!ollama?.models) {
    return <p class="quiet">{ollama?.problem ?? 'Unknown: Ollama was not polled, or did not answer (OLLAMA_POLL_SECONDS).'}</p>;
  }
  if (ollama.models.length === 0) {
    return <p class="quiet">No model is loaded. The next request has to load one.</p>;
  }
  const cpuOf = (model: LoadedModel) => Math.max(0, model.size_bytes - model.vram_bytes);
  const gpu = ollama.models.reduce((sum, model) => sum + model.vram_bytes, 0);
  const cpu = ollama.models.reduce((sum, model) => sum + cpuOf(model), 0);
  const columns: Column<LoadedModel>[] = [
    { name: 'Model', value: (model) => model.name, cell: (model) => <ModelName model={model.name} /> },
    { name: 'Size', from: 'tablet', cell: (model) => [model.parameter_size, model.quantization].filter(Boolean).join(' · ') || unknown },
    { name: 'Context', isNumber: true, from: 'tablet', value: (model) => model.context_length, cell: (model) => count(model.context_length) },
    { name: 'GPU', isNumber: true, value: (model) => model.vram_bytes, cell: (model) => bytes(model.vram_bytes) },
    {
      name: 'CPU',
      isNumber: true,
      value: cpuOf,
      title: 'The part that did not fit the GPU is slow',
      cell: (model) => (cpuOf(model) === 0 ? unknown : <span class="warn-text">{bytes(cpuOf(model))}</span>),
    },
    {
      name: 'Unloads in',
      isNumber: true,
      value: (model) => model.expires_at,
      cell: (model) => {
        const left = model.expires_at === null ? null : (Date.parse(model.expires_at) - now) / 1000;
        return (
          <span title={model.expires_at === null ? undefined : fullTime(model.expires_at)}>
            {left === null ? 'stays' : left > 0 ? duration(Math.round(left)) : 'now'}
          </span>
        );
      },
    },
  ];
  return (
    <>
      <div class="memory" role="img" aria-label={`${bytes(gpu)} on the GPU, ${bytes(cpu)} on the CPU`}>
        {ollama.models.map((model) => (
          <i key={model.name} class={color(model.name)} style={{ flexGrow: model.vram_bytes }} title={`${model.name}: ${bytes(model.vram_bytes)} on the GPU`} />
        ))}
        {cpu > 0 && <i class="cpu" style={{ flexGrow: cpu }} title={`${bytes(cpu)} on the CPU`} />}
      </div>
      <Table label="Models in memory" columns={columns} rows={ollama.models} keyOf={(model) => model.name} rowClass="loaded-model" />
    </>
  );
}

/** The word beside the heading: totals, and when they were true. */
function memoryNote(ollama: Ollama | null, now: number): string | undefined {
  if (!ollama?.models) {
    return undefined;
  }
  const asked = ollama.checked_at ? `, polled ${time(ollama.checked_at, now)}` : '';
  return `${plural(ollama.models.length, 'model')}, ${bytes(ollama.loaded_vram_bytes)} of ${bytes(ollama.loaded_bytes)} on the GPU${asked}`;
}

function Finished({ records, canOpen }: { records: readonly RequestRecord[]; canOpen: boolean }) {
  if (records.length === 0) {
    return <p class="quiet">Nothing yet.</p>;
  }
  const columns: Column<RequestRecord>[] = [
    {
      name: 'Time',
      cell: (record) => (canOpen ? <a href={format('request', {}, record.request_id)}>{timeOfDay(record.started_at)}</a> : timeOfDay(record.started_at)),
    },
    { name: 'Model', cell: (record) => <ModelName model={record.model_name} /> },
    { name: 'Outcome', cell: (record) => <Status record={record} /> },
    { name: 'Out', title: 'Completion tokens', isNumber: true, from: 'tablet', cell: (record) => <OutputTokens record={record} /> },
    { name: 'Speed', isNumber: true, from: 'tablet', cell: (record) => <WritingSpeed record={record} /> },
    { name: 'Where time went', from: 'tablet', cell: (record) => <PhaseBar record={record} /> },
    { name: 'Duration', isNumber: true, cell: (record) => duration(record.latency) },
    { name: 'Category', from: 'desktop', cell: (record) => say(record.category) },
    { name: 'Application', from: 'desktop', cell: (record) => <Agent of={record} /> },
  ];
  return <Table label="Requests that just finished" columns={columns} rows={records} keyOf={(record) => record.request_id} />;
}
