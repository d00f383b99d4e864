/** Small pieces that several views are made of. */
import type { ComponentChildren } from 'preact';
import { type ApiError, base, type RequestRecord } from './api';
import { endingWord } from './endings';
import { change, count, duration, speed, unknown } from './format';
import { useApi, useColor } from './hooks';
import { isTrifle, phasesOf } from './phases';

export function Swatch({ model }: { model: string | null }) {
  const color = useColor();
  return <i class={`swatch ${color(model)}`} aria-hidden="true" />;
}

export function ModelName({ model }: { model: string | null }) {
  return (
    <span class="model" title={model ?? 'no model'}>
      <Swatch model={model} />
      <span class="cut">{model ?? unknown}</span>
    </span>
  );
}

interface DeltaProps {
  now: number | null;
  before: number | null | undefined;
  better: 'more' | 'less' | 'neither';
  than?: string;
}

export function Delta({ now, before, better, than = 'the period of the same length before' }: DeltaProps) {
  const changed = before === undefined ? null : change(now, before);
  if (!changed) {
    return null;
  }
  const isGood = better === 'neither' || changed.direction === 0 ? null : changed.direction > 0 === (better === 'more');
  return (
    <span class={`delta ${isGood === null ? '' : isGood ? 'good' : 'bad'}`} title={`compared with ${than}`}>
      <span class="hidden">compared with {than}: </span>
      {changed.text}
    </span>
  );
}

/** A number that was not measured, but found from what passed. */
function Estimated({ text, because }: { text: string; because: string }) {
  return <span title={because}>~ {text}</span>;
}

export function OutputTokens({ record }: { record: RequestRecord }) {
  const text = count(record.output_tokens);
  return record.tokens_estimated && record.output_tokens !== null ? (
    <Estimated text={text} because="estimated from the number of chunks, because Ollama reported no count" />
  ) : (
    <>{text}</>
  );
}

export function WritingSpeed({ record }: { record: RequestRecord }) {
  const text = speed(record.tokens_per_second);
  return record.tokens_per_second_estimated && record.tokens_per_second !== null ? (
    <Estimated text={text} because="estimated from the arrival of chunks, because Ollama reported no speed" />
  ) : (
    <>{text}</>
  );
}

export function Status({ record }: { record: RequestRecord }) {
  const text = endingWord(record);
  return (
    <span class={`status s-${record.status}`} title={text}>
      <i aria-hidden="true" />
      <span class="word">{text}</span>
    </span>
  );
}

export function Panel({
  title,
  note,
  children,
  tools,
  wide,
  id,
}: {
  title: string;
  note?: ComponentChildren;
  children: ComponentChildren;
  tools?: ComponentChildren;
  wide?: boolean;
  id?: string;
}) {
  return (
    <section class={`panel ${wide ? 'wide' : ''}`} aria-label={title} id={id}>
      <header>
        <h2>{title}</h2>
        {note && <span class="note">{note}</span>}
        {tools && <div class="tools">{tools}</div>}
      </header>
      {children}
    </section>
  );
}

/** Instead of a view that has nothing to show. */
export function Message({ title, children, kind = 'calm' }: { title: string; children?: ComponentChildren; kind?: 'calm' | 'bad' }) {
  return (
    <div class={`message ${kind}`} role={kind === 'bad' ? 'alert' : 'status'}>
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export function TroubleMessage({ error, retry }: { error: ApiError; retry: () => void }) {
  switch (error.trouble) {
    case 'off':
      return (
        <Message title="Nothing is recorded">
          <p>
            The proxy was started with <code>ANALYTICS_BACKEND=none</code>: it forwards requests and counts them for <code>/metrics</code>, but stores none.
          </p>
          <p>
            Start it with <code>ANALYTICS_BACKEND=sqlite</code> to see them here. Running requests are in <a href="#/now">Now</a>.
          </p>
        </Message>
      );
    case 'forbidden':
      return (
        <Message title="Access denied" kind="bad">
          <p>{error.message}</p>
          <p>
            <a class="button" href={`${base}login`}>
              Log in
            </a>
          </p>
        </Message>
      );
    case 'offline':
      return (
        <Message title="The proxy does not answer" kind="bad">
          <p>It may have been stopped, or the network is down. This page retries automatically.</p>
          <p>
            <button type="button" onClick={retry}>
              Try again now
            </button>
          </p>
        </Message>
      );
    default:
      return (
        <Message title="The request failed" kind="bad">
          <p>{error.message}</p>
          <p>
            <button type="button" onClick={retry}>
              Try again
            </button>
          </p>
        </Message>
      );
  }
}

/** The proxy's own address, as a client must name it. */
export const proxyAddress = () => location.origin + base.replace(/\/analytics\/$/, '');

/** What GET /test says. */
interface Test {
  models?: string[] | null;
}

/** Instead of a view of a store without a record: how to get one, with a model that is there. */
export function FirstRequest() {
  const test = useApi<Test>('../test', 0, true);
  const model = test.data?.models?.find((name) => !/embed|bge|minilm/i.test(name)) ?? test.data?.models?.[0];
  const address = proxyAddress();
  const ways: [string, string][] = [
    ['Shell', `curl ${address}/api/generate -d '{"model":"${model ?? 'llama3.2'}","prompt":"Why is the sky blue?"}'`],
    ['Ollama’s clients', `OLLAMA_HOST=${address} ollama run ${model ?? 'llama3.2'}`],
    ['OpenAI clients', `OPENAI_BASE_URL=${address}/v1 OPENAI_API_KEY=ollama`],
    ['Claude Code', `ANTHROPIC_BASE_URL=${address} ANTHROPIC_AUTH_TOKEN=ollama claude --model ${model ?? 'llama3.2'}`],
  ];
  return (
    <Message title="No request yet">
      <p class="phase p-writing">
        <i aria-hidden="true" />
        Waiting for the first request. It appears here by itself.
      </p>
      <p>
        Send one{model ? '' : ', with a model you have'}, or point a client at <code>{address}</code> instead of at Ollama:
      </p>
      {ways.map(([name, command]) => (
        <div class="command" key={name}>
          <span class="note">{name}</span>
          <pre tabIndex={0} aria-label={`Command: ${name}`} role="region">
            {command}
          </pre>
          <CopyButton text={command} label="Copy" />
        </div>
      ))}
    </Message>
  );
}

export function CopyButton({ text, label }: { text: string; label: string }) {
  return (
    <button
      type="button"
      onClick={(event) => {
        const button = event.currentTarget;
        void copy(text).then((done) => {
          button.textContent = done ? 'Copied' : 'Not allowed';
          setTimeout(() => (button.textContent = label), 1500);
        });
      }}
    >
      {label}
    </button>
  );
}

/** Without TLS a browser gives a page no clipboard, but an old way. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'hidden';
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}

/** A line without axes: how it went. Gaps where nothing is known. */
export function Sparkline({ values, isBad = false }: { values: readonly (number | null)[]; isBad?: boolean }) {
  const most = Math.max(...values.map((value) => value ?? 0)) || 1;
  if (values.filter((value) => value !== null).length < 2) {
    return <svg class="spark" aria-hidden="true" />;
  }
  const at = (index: number, value: number) => `${((100 * index) / (values.length - 1)).toFixed(1)},${(26 - (24 * value) / most).toFixed(1)}`;
  let line = '';
  let area = '';
  let start: string | null = null;
  values.forEach((value, index) => {
    if (value === null) {
      start = null;
      return;
    }
    const point = at(index, value);
    line += `${start === null ? 'M' : 'L'}${point} `;
    area += start === null ? `M${point.split(',')[0]},28 L${point} ` : `L${point} `;
    start = point;
    if (values[index + 1] === null || index === values.length - 1) {
      // A point alone is a short stroke.
      line += `l0.01,0 `;
      area += `L${point.split(',')[0]},28 Z `;
    }
  });
  return (
    <svg class={`spark ${isBad ? 'is-bad' : ''}`} viewBox="0 0 100 28" preserveAspectRatio="none" aria-hidden="true">
      <path class="area" d={area} />
      <path class="line" d={line} />
    </svg>
  );
}

/** Where the time of a request went, as one thin bar. */
export function PhaseBar({ record }: { record: RequestRecord }) {
  const phases = phasesOf(record).filter((phase) => !isTrifle(phase, record.latency));
  const text = phases.map((phase) => `${phase.name} ${duration(phase.length)}`).join(', ');
  return (
    <span class="phases" role="img" aria-label={text || 'no time'} title={phases.map((phase) => `${phase.name}: ${duration(phase.length)}`).join('\n')}>
      {phases.map((phase) => (
        <i key={phase.key} class={`phase-${phase.key}`} style={{ flexGrow: phase.length / (record.latency || 1) }} />
      ))}
    </span>
  );
}

export interface BarRow {
  key: string;
  label: ComponentChildren;
  value: number;
  text: string;
  detail?: string;
  color?: string | undefined;
  onClick?: (() => void) | undefined;
  title?: string;
}

/** Horizontal bars with names: a table that can be seen at a glance. */
export function BarList({ rows, empty, heads }: { rows: BarRow[]; empty: string; heads?: [name: string, detail: string, value: string] }) {
  const most = Math.max(...rows.map((row) => row.value), 0);
  if (rows.length === 0) {
    return <p class="quiet">{empty}</p>;
  }
  return (
    <>
      {heads && (
        <div class="bars-head" aria-hidden="true">
          <span class="label">{heads[0]}</span>
          <span class="detail">{heads[1]}</span>
          <span class="value">{heads[2]}</span>
        </div>
      )}
      <ul class="bars">
        {rows.map((row) => {
          const inside = (
            <>
              <span class={`fill ${row.color ?? 'plain-fill'}`} style={{ width: `calc((100% - 12px) * ${most ? row.value / most : 0})` }} aria-hidden="true" />
              <span class="label">{row.label}</span>
              {row.detail !== undefined && (
                <span class="detail">
                  {heads && <span class="hidden">{heads[1]}: </span>}
                  {row.detail}
                </span>
              )}
              <span class="value">
                {heads && <span class="hidden">{heads[2]}: </span>}
                {row.text}
              </span>
            </>
          );
          return (
            <li key={row.key}>
              {row.onClick ? (
                <button type="button" class="row" onClick={row.onClick} title={row.title}>
                  {inside}
                </button>
              ) : (
                <div class="row">{inside}</div>
              )}
            </li>
          );
        })}
      </ul>
    </>
  );
}
