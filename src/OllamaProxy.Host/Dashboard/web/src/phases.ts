/** Where the time of a request went, and what is to be said about it. */
import type { RequestRecord } from './api';
import { count, duration } from './format';

export type PhaseKey = 'queue' | 'connect' | 'engine' | 'load' | 'prompt' | 'decode' | 'client' | 'rest';

export interface Phase {
  key: PhaseKey;
  name: string;
  meaning: string;
  /** Seconds from the request's beginning. Phases are drawn one behind the other. */
  start: number;
  /** Seconds. */
  length: number;
}

const meanings: Record<PhaseKey, [string, string]> = {
  queue: ['Queued', 'waiting for a slot in the proxy (MAX_CONCURRENT_REQUESTS)'],
  connect: ['Connecting', 'opening a connection to Ollama'],
  engine: ['Ollama’s own wait', 'waiting for one of the model’s slots inside Ollama, templating, decoding images'],
  load: ['Loading the model', 'until the model was in memory'],
  prompt: ['Reading the prompt', 'the part of it that was not cached'],
  decode: ['Writing', 'from the first token to the last'],
  client: ['Client took its time', 'the answer was there, and the client did not take it'],
  rest: ['Not accounted for', 'sending the request, the network, and what Ollama does not report'],
};

/** The phases that took any time, in the order in which they happen. */
export function phasesOf(record: RequestRecord): Phase[] {
  const lengths: [PhaseKey, number | null][] = [
    ['queue', record.queue_time],
    ['connect', record.connect_time],
    ['load', record.load_duration],
    ['engine', record.engine_wait],
    ['prompt', record.prompt_eval_duration],
    ['decode', record.decode_time],
    ['client', record.client_backpressure],
  ];
  // While an answer is written the client may be waited for: the two overlap by what there is too much of.
  const decode = lengths[5]!;
  const over = sum(lengths) - record.latency;
  if (over > 0 && decode[1] !== null && record.client_backpressure) {
    decode[1] = Math.max(0, decode[1] - Math.min(over, record.client_backpressure));
  }
  const known = sum(lengths);
  lengths.push(['rest', record.latency - known > Math.max(0.001, record.latency * 0.005) ? record.latency - known : null]);
  const phases: Phase[] = [];
  let start = 0;
  for (const [key, length] of lengths) {
    if (length !== null && length > 0) {
      const [name, meaning] = meanings[key];
      phases.push({ key, name, meaning, start, length });
      start += length;
    }
  }
  return phases;
}

function sum(lengths: [PhaseKey, number | null][]): number {
  return lengths.reduce((total, [, length]) => total + (length ?? 0), 0);
}

const causes: Record<string, string> = {
  cold: 'it had not been loaded before, as far as is known',
  expired: 'its keep_alive was over',
  evicted: 'another model had taken its place',
  params_changed: 'it was loaded with another num_ctx',
  restart: 'Ollama had been restarted',
  unknown: 'nobody knows why it was gone',
};

/** Why a load was needed, in words; null where that is not known. */
export function loadCause(cause: string | null): string | null {
  return cause === null ? null : (causes[cause] ?? cause.replaceAll('_', ' '));
}

/** Shorter than this, no part of a request is worth a word. */
const noticeable = 0.25;

/**
 * One sentence that says why a request took as long as it did: its largest parts, the ones that matter first. What is usual for a request (reading and
 * writing) is said only when nothing else was slow.
 */
export function whySlow(record: RequestRecord): string {
  const total = record.latency;
  const parts: { length: number; text: string; usual: boolean }[] = [];
  const add = (length: number | null, text: (time: string) => string, usual = false) => {
    if (length !== null && length >= noticeable && length >= total * 0.1) {
      parts.push({ length, text: text(duration(length)), usual });
    }
  };
  add(record.queue_time, (time) => `waited ${time} for a slot in the proxy`);
  add(record.connect_time, (time) => `needed ${time} to reach Ollama`);
  add(record.engine_wait, (time) => `waited ${time} inside Ollama for its turn`);
  add(record.load_duration, (time) => {
    const cause = loadCause(record.load_cause);
    return `spent ${time} loading the model${cause ? ` (${cause})` : ''}`;
  });
  const fresh = record.input_tokens === null ? null : record.input_tokens - (record.cached_input_tokens ?? 0);
  add(record.prompt_eval_duration, (time) => `read ${fresh === null ? 'the prompt' : `${count(fresh)} prompt tokens`} for ${time}`, true);
  add(record.decode_time, (time) => `wrote ${record.output_tokens === null ? 'its answer' : `${count(record.output_tokens)} ${record.output_tokens === 1 ? 'token' : 'tokens'}`} for ${time}`, true);
  add(record.client_backpressure, (time) => `waited ${time} for the client to take the answer`);

  const end = ending(record);
  if (total < 1 && !parts.some((part) => !part.usual)) {
    return `It took ${duration(total)}${end}.`;
  }
  const rest = phasesOf(record).find((phase) => phase.key === 'rest');
  if (parts.length === 0) {
    return rest && rest.length > total * 0.5
      ? `It took ${duration(total)}, and Ollama does not say what for${end}.`
      : `It took ${duration(total)}, with no part that stands out${end}.`;
  }
  return `It took ${duration(total)}: ${join(parts.map((part) => part.text))}${end}.`;
}

function ending(record: RequestRecord): string {
  switch (record.outcome) {
    case 'completed':
      return '';
    case 'client_cancelled':
      return ', until the client left';
    case 'rejected':
      return ', and was then refused by the proxy';
    case 'upstream_unreachable':
      return ', and Ollama could not be reached';
    case 'incomplete':
      return ', and the answer broke off';
    case 'proxy_stopped':
      return ', until the proxy was stopped';
    default:
      return ', and failed';
  }
}

function join(texts: string[]): string {
  return texts.length < 2 ? texts.join('') : `${texts.slice(0, -1).join(', ')} and ${texts[texts.length - 1]}`;
}

/** What a running request is doing, as far as can be told from its phase and from what Ollama has loaded. */
export function doing(phase: string, model: string | null, loaded: readonly { name: string }[] | null): { word: string; key: 'queued' | 'loading' | 'reading' | 'writing' | 'other' } {
  switch (phase) {
    case 'queued':
      return { word: 'queued', key: 'queued' };
    case 'waiting':
      return model !== null && loaded !== null && !loaded.some((known) => known.name === model)
        ? { word: 'loading the model', key: 'loading' }
        : { word: 'reading the prompt', key: 'reading' };
    case 'writing':
      return { word: 'writing', key: 'writing' };
    default:
      return { word: phase.replaceAll('_', ' '), key: 'other' };
  }
}
