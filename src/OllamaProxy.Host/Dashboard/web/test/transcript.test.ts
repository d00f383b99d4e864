import { describe, expect, it } from 'vitest';
import { turnsOf } from '../src/transcript';
import { record } from './record';

const roles = (...turns: ReturnType<typeof turnsOf>) => turns.map((turn) => turn.role);
const answerOf = (changes: Parameters<typeof record>[0]) => turnsOf(record(changes)).at(-1)!;

describe('a transcript', () => {
  it('goes from the system prompt to the answer', () => {
    expect(roles(...turnsOf(record({ system: 's', prompt: 'p', thinking: 't', tool_calls: '[{"name":"f","arguments":{}}]', response: 'r' })))).toEqual([
      'system',
      'user',
      'thinking',
      'tool',
      'assistant',
    ]);
  });
  it('has a turn for each tool call, with its arguments on one line', () => {
    const calls = turnsOf(
      record({ response: '', tool_calls: '[{"name":"get_weather","arguments":{"city":"Oslo","days":2}},{"name":"now","arguments":"{\\"zone\\":\\"UTC\\"}"}]' }),
    );
    expect(calls.filter((turn) => turn.role === 'tool').map((turn) => turn.summary)).toEqual(['get_weather(city: "Oslo", days: 2)', 'now(zone: "UTC")']);
    expect(calls.at(-1)!.note).toBe('no text: the model answered with the 2 tool calls above');
  });
  it.each(['[{"name":"get_we', '{"a":1}', '[1,null,"x",[]]', '[{"name":{"a":1},"arguments":[1]}]', ''])('does not fail on tool calls like %s', (calls) => {
    expect(turnsOf(record({ tool_calls: calls })).length).toBeGreaterThan(1);
  });
  it('counts images and earlier messages', () => {
    const user = turnsOf(record({ prompt: 'What is this?', image_count: 2, message_count: 5, tool_count: 1 })).find((turn) => turn.role === 'user')!;
    expect(user.note).toBe('the last of 5 messages · 2 images, not stored · 1 tool offered');
  });
  it.each<[string, Parameters<typeof record>[0], string]>([
    ['a failure', { response: null, status: 'error', outcome: 'upstream_error', error_type: 'model_not_found' }, 'no text: model not found'],
    ['a cancelled request', { response: null, status: 'cancelled', outcome: 'client_cancelled' }, 'no text: cancelled'],
    ['tool calls alone', { response: null, tool_calls: '[{"name":"f"}]' }, 'no text: the model answered with the tool call above'],
    ['tool calls that are not stored', { response: null, tool_call_count: 2 }, 'no text: the model answered with the 2 tool calls above'],
    ['embeddings', { response: null, endpoint: 'v1/embeddings' }, 'no text: embeddings are numbers, and are not stored'],
    ['a limit while thinking', { response: '', thinking: 'hm', finish_reason: 'length' }, 'no text: the token limit was reached while the model was thinking'],
    ['an empty answer', { response: '', output_tokens: 1 }, 'empty'],
    ['a store without texts', { response: null, output_tokens: 9 }, 'not stored (ANALYTICS_CAPTURE)'],
  ])('says why there is no text after %s', (_, changes, note) => expect(answerOf(changes)).toMatchObject({ role: 'assistant', text: null, note }));
  it('is empty for a call that runs no model', () => expect(turnsOf(record({ is_inference: false, prompt: null, response: null }))).toEqual([]));
});
