/** Where the time of a request went, and the sentence that says so. */
import type { RequestRecord } from './api';
import { endingLead, isUnsent } from './endings';
import { duration, plural } from './format';

export type PhaseKey = 'queue' | 'connect' | 'rest' | 'first' | 'load' | 'engine' | 'prompt' | 'decode' | 'client' | 'tail' | 'wait';

export interface Phase {
  key: PhaseKey;
  name: string;
  meaning: string;
  /** Seconds from the request's beginning. Each phase begins where the one before it ends. */
  start: number;
  /** Seconds. */
  length: number;
}

const meanings: Record<PhaseKey, [string, string]> = {
  queue: ['Queued', 'waiting for a slot in the proxy (MAX_CONCURRENT_REQUESTS)'],
  connect: ['Connecting', 'opening a connection to Ollama, or waiting until Ollama has started'],
  rest: ['Not accounted for', 'sending the request, the network, and time that Ollama does not report'],
  first: ['Until the first token', 'loading the model and reading the prompt: Ollama reports neither for this answer'],
  load: ['Loading the model', 'until the model was in memory'],
  engine: ['Queued in Ollama', 'waiting for one of the model’s slots inside Ollama, templating, decoding images'],
  prompt: ['Reading the prompt', 'only the uncached part'],
  decode: ['Writing', 'from the first token to the last'],
  client: ['Waiting for the client', 'the client did not read the answer'],
  tail: ['After the last token', 'no more of the answer arrived before the request ended'],
  wait: ['Waiting for Ollama', 'Ollama reports no phases for this time'],
};

/** The phases that took any time, in the order in which they happened. Together they are as long as the request. */
export function phasesOf(record: RequestRecord): Phase[] {
  let left = Math.max(0, record.latency);
  const take = (length: number | null) => {
    const taken = Math.min(left, Math.max(0, length ?? 0));
    left -= taken;
    return taken;
  };
  const [queue, connect, load, engine, prompt] = [
    take(record.queue_time),
    take(record.connect_time),
    take(record.load_duration),
    take(record.engine_wait),
    take(record.prompt_eval_duration),
  ];
  const measured = queue + connect + load + engine + prompt;
  // Ollama reports its own phases only in the last line of its own API: /v1 has none, nor has an answer that was cancelled or cut. When the first token came is known.
  const first = record.time_to_first_token === null || isReported(record) ? 0 : take(record.time_to_first_token - measured);
  // The client may be waited for while the answer is written: what the two overlap is taken out of the writing.
  const client = take(record.client_backpressure);
  const decode = take(record.decode_time);
  const gap = unknownTime(record, left, measured, decode);
  const lengths: [PhaseKey, number][] = [
    ['queue', queue + (gap.queue ?? 0)],
    ['connect', connect],
    ['rest', gap.rest ?? 0],
    ['load', load],
    ['engine', engine],
    ['prompt', prompt],
    ['first', first],
    ['decode', decode + (gap.decode ?? 0)],
    ['client', client],
    ['tail', gap.tail ?? 0],
    ['wait', gap.wait ?? 0],
  ];
  let start = 0;
  return lengths
    .filter(([, length]) => length > 0)
    .map(([key, length]) => {
      const [name, meaning] = meanings[key];
      const phase = { key, name, meaning, start, length };
      start += length;
      return phase;
    });
}

/** The time that is left, by where it lies. */
function unknownTime(record: RequestRecord, left: number, measured: number, decode: number): Partial<Record<PhaseKey, number>> {
  if (isUnsent(record)) {
    return { queue: left };
  }
  if (record.time_to_first_token !== null) {
    const rest = isReported(record) ? Math.min(left, Math.max(0, record.time_to_first_token - measured)) : 0;
    // Records of other programs say when an answer began, and not how long it was written.
    const isWriting = decode === 0 && (record.output_tokens ?? 2) > 1;
    return { rest, [isWriting ? 'decode' : 'tail']: left - rest };
  }
  return decode > 0 ? { rest: left } : { wait: left };
}

/** True when Ollama reported how long it read and wrote. It leaves out durations of zero. */
function isReported(record: RequestRecord): boolean {
  return record.eval_duration !== null || record.prompt_eval_duration !== null;
}

/** True for time that nothing explains and that is too short to matter. */
export function isTrifle(phase: Phase, total: number): boolean {
  return ['rest', 'first', 'tail', 'wait'].includes(phase.key) && phase.length < total && phase.length <= Math.max(0.001, total * 0.005);
}

const causes: Record<string, string> = {
  cold: 'no earlier load is known',
  expired: 'its keep_alive had expired',
  evicted: 'evicted by another model',
  params_changed: 'it was loaded with another num_ctx',
  restart: 'Ollama had been restarted',
  unknown: 'unknown cause',
};

/** Why a load was needed, in words; null where that is not known. */
export function loadCause(cause: string | null): string | null {
  return cause === null ? null : (causes[cause] ?? cause.replaceAll('_', ' '));
}

/** What every request does. */
const usual: PhaseKey[] = ['first', 'prompt', 'decode', 'wait'];

/** Shorter than this, no part of a request is worth a word. */
const noticeable = 0.25;

/**
 * The sentence that says how a request ended and why it took as long as it did: its large parts, in the order in which they happened. What every request
 * does is said only when the request took a second or something else was slow.
 */
export function whySlow(record: RequestRecord): string {
  const total = record.latency;
  const parts: { text: string; isUsual: boolean }[] = [];
  for (const phase of phasesOf(record)) {
    // What was taken out of the writing because the client was waited for is writing all the same.
    const length = phase.key === 'decode' ? (record.decode_time ?? phase.length) : phase.length;
    const text = length >= noticeable && length >= total * 0.1 ? sayPhase(phase.key, duration(length), record, parts.length > 0) : null;
    if (text !== null) {
      parts.push({ text, isUsual: usual.includes(phase.key) });
    }
  }
  const lead = endingLead(record, duration(total));
  if (parts.length === 0) {
    return total < 1 || record.outcome !== 'completed' ? `${lead}.` : `${lead}, with no part that stands out.`;
  }
  if (total < 1 && parts.every((part) => part.isUsual)) {
    return `${lead}.`;
  }
  return `${lead}: ${parts.map((part) => part.text).join(', ')}.`;
}

/** A phase in the sentence; null for one that the sentence's beginning has told already, or that explains nothing. */
function sayPhase(key: PhaseKey, time: string, record: RequestRecord, isLater: boolean): string | null {
  const isCompleted = record.outcome === 'completed';
  switch (key) {
    case 'queue':
      return isUnsent(record) ? null : `queued ${time}`;
    case 'connect':
      return `needed ${time} to reach Ollama`;
    case 'first':
      return isLater ? `first token after ${time} more` : `first token after ${duration(record.time_to_first_token)}`;
    case 'engine':
      return `queued ${time} inside Ollama`;
    case 'load': {
      const cause = loadCause(record.load_cause);
      return `spent ${time} loading the model${cause ? ` (${cause})` : ''}`;
    }
    case 'prompt': {
      const fresh = record.input_tokens === null ? null : Math.max(0, record.input_tokens - (record.cached_input_tokens ?? 0));
      return `read ${fresh === null ? 'the prompt' : plural(fresh, 'prompt token')} in ${time}`;
    }
    case 'decode':
      if (!isCompleted) {
        // How many there were is said with how it ended.
        return isLater && record.output_tokens ? `wrote ${record.output_tokens === 1 ? 'it' : 'them'} in ${time}` : null;
      }
      return `wrote ${record.output_tokens === null ? 'the answer' : `${record.tokens_estimated ? 'about ' : ''}${plural(record.output_tokens, 'token')}`} in ${time}`;
    case 'client':
      return `waited ${time} for the client to read the answer`;
    case 'tail':
      return `nothing more came for ${time}`;
    case 'wait':
      return isCompleted && !isReported(record) && record.load_duration === null
        ? `waited ${time} for Ollama, which reports no details of this answer`
        : isCompleted || isLater
          ? `waited ${time} for Ollama`
          : null;
    case 'rest':
      return null;
  }
}

/** What a running request is doing, as far as can be told from its phase and from what Ollama has loaded. */
export function doing(
  phase: string,
  model: string | null,
  loaded: readonly { name: string }[] | null,
): { word: string; key: 'queued' | 'loading' | 'reading' | 'writing' | 'other' } {
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
