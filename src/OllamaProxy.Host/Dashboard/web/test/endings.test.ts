import { describe, expect, it } from 'vitest';
import type { RequestRecord } from '../src/api';
import { endingMeaning, endingWord } from '../src/endings';
import { whySlow } from '../src/phases';
import { errorTypes, outcomes } from '../src/words';
import { record } from './record';

const answered = { time_to_headers: 0.1, connect_time: 0, queue_time: 0 };
const begun = { ...answered, time_to_first_token: 0.5, tokens_estimated: true };

describe('how a request ended', () => {
  it.each<[string, string, Partial<RequestRecord>]>([
    ['ok', 'It took 900 ms.', { latency: 0.9, ...begun, decode_time: 0.4 }],
    [
      'cancelled',
      'The client disconnected after 1.70 s, about 16 tokens into the answer: queued 1.20 s, first token after 300 ms more.',
      {
        ...begun,
        outcome: 'client_cancelled',
        error_type: 'client_abort',
        latency: 1.7,
        queue_time: 1.2,
        time_to_first_token: 1.5,
        decode_time: 0.2,
        output_tokens: 16,
      },
    ],
    [
      'cancelled',
      'The client disconnected after 1.70 s, 1 token into the answer.',
      { ...answered, outcome: 'client_cancelled', latency: 1.7, output_tokens: 1, decode_time: 1.7 },
    ],
    ['cancelled', 'The client disconnected after 5.10 s, while it was queued.', { outcome: 'client_cancelled', latency: 5.1, queue_time: 5.1 }],
    ['cancelled', 'The client disconnected after 60.0 s, before the first token.', { ...answered, outcome: 'client_cancelled', latency: 60 }],
    [
      'cancelled',
      'The client disconnected after 60.0 s, before the answer began: queued 20.0 s, waited 40.0 s for Ollama.',
      { ...answered, queue_time: 20, time_to_headers: null, outcome: 'client_cancelled', latency: 60 },
    ],
    [
      'cancelled',
      'The client disconnected after 500 ms, before the answer was complete.',
      { ...answered, stream: false, outcome: 'client_cancelled', latency: 0.5 },
    ],
    [
      'incomplete',
      'Ollama’s answer ended without its last line after 20.0 s, about 40 tokens into the answer: first token after 2.00 s, wrote them in 8.00 s, nothing more came for 10.0 s.',
      { ...begun, outcome: 'incomplete', error_type: 'incomplete', latency: 20, time_to_first_token: 2, decode_time: 8, output_tokens: 40 },
    ],
    [
      'unreachable',
      'Ollama could not be reached, and the request failed after 2.00 s.',
      { outcome: 'upstream_unreachable', error_type: 'upstream_unreachable', latency: 2, connect_time: 0 },
    ],
    [
      'proxy stopped',
      'The proxy was stopped after 9.00 s, about 3 tokens into the answer: first token after 8.00 s, wrote them in 950 ms.',
      { ...begun, outcome: 'proxy_stopped', error_type: 'proxy_stopped', latency: 9, time_to_first_token: 8, decode_time: 0.95, output_tokens: 3 },
    ],
    [
      'queue full',
      'The proxy refused the request after 1.0 ms, because its queue was full.',
      { outcome: 'rejected', error_type: 'queue_full', latency: 0.001, queue_time: 0 },
    ],
    [
      'queue timeout',
      'The proxy refused the request after 30.0 s in the queue.',
      { outcome: 'rejected', error_type: 'queue_timeout', latency: 30, queue_time: 30 },
    ],
    [
      'body stalled',
      'The proxy gave up after 30.0 s, because the client stopped sending its request.',
      { outcome: 'rejected', error_type: 'body_stalled', latency: 30 },
    ],
    [
      'model not found',
      'Ollama answered after 12 ms that it does not have the model.',
      { ...answered, outcome: 'upstream_error', error_type: 'model_not_found', latency: 0.012 },
    ],
    [
      'out of memory',
      'Ollama gave up after 12.0 s, before the answer was complete, because the model did not fit the memory: spent 11.0 s loading the model.',
      { ...answered, stream: null, outcome: 'upstream_error', error_type: 'out_of_memory', latency: 12, load_duration: 11 },
    ],
    [
      'error in answer',
      'Ollama reported an error after 3.00 s, 20 tokens into the answer.',
      { ...answered, outcome: 'upstream_error', error_type: 'mid_stream', latency: 3, output_tokens: 20, decode_time: 3 },
    ],
  ])('%s: %s', (word, sentence, known) => {
    const ended = record(known);
    expect([endingWord(ended), whySlow(ended)]).toEqual([word, sentence]);
  });

  it('has a word, a sentence and a meaning for each outcome with each type of error', () => {
    for (const outcome of [...outcomes, 'something_new']) {
      for (const error_type of [...errorTypes, 'something_new', null]) {
        for (const known of [
          {},
          answered,
          begun,
          { ...begun, output_tokens: 1 },
          { ...answered, output_tokens: 16, decode_time: 3 },
          { queue_time: 4.9 },
          { latency: 0 },
          { stream: null },
        ]) {
          const ended = record({ latency: 5, outcome, error_type, status: 'error', ...known });
          const [word, sentence, meaning] = [endingWord(ended), whySlow(ended), endingMeaning(ended)];
          const place = `${outcome}, ${error_type}: ${word} / ${sentence} / ${meaning}`;
          expect(word.length, place).toBeLessThanOrEqual(17);
          expect(sentence, place).toMatch(/^[A-Z][^_]*[^.,: ]\.$/);
          expect(sentence, place).not.toMatch(/undefined|null|NaN| {2}|–|\b1 tokens/);
          expect(meaning === null, place).toBe(outcome === 'completed');
          expect(meaning ?? 'A.', place).toMatch(/^[A-Z].*\.$/);
        }
      }
    }
  });
  it('is named by its type for every error that Ollama reports', () => {
    const words = errorTypes.map((error_type) => endingWord(record({ outcome: 'upstream_error', error_type })));
    expect(words.filter((word) => word === 'Ollama error').length).toBe(1);
  });
});
