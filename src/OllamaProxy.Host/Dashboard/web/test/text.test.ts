import { describe, expect, it } from 'vitest';
import { curlOf, quote } from '../src/curl';
import { excerpt, highlight } from '../src/text';
import { record } from './record';

describe('highlighting', () => {
  it('splits at each hit in any case', () => {
    expect(highlight('Köln, KÖLN', 'köln')).toEqual([
      { text: 'Köln', isHit: true },
      { text: ', ', isHit: false },
      { text: 'KÖLN', isHit: true },
    ]);
  });
  it.each(['a.b*', '(', '[x', '\\', '$&'])('takes %s literally', (search) => {
    const pieces = highlight(`before ${search} after`, search);
    expect(pieces.map((piece) => piece.text).join('')).toBe(`before ${search} after`);
    expect(pieces[1]).toEqual({ text: search, isHit: true });
  });
  it('leaves a text without a hit whole', () => expect(highlight('abc', 'x')).toEqual([{ text: 'abc', isHit: false }]));
  it('shows the part of a long text in which the hit is', () => {
    const text = `${'word '.repeat(100)}needle`;
    expect(excerpt(text, 'NEEDLE')).toContain('needle');
    expect(excerpt('a\n\n b', undefined)).toBe('a b');
  });
});

describe('curl', () => {
  it('survives every quote', () => {
    expect(quote(`it's "$(rm -rf /)" \`x\` \\`)).toBe(`'it'\\''s "$(rm -rf /)" \`x\` \\'`);
  });
  it('asks the same again', () => {
    expect(curlOf(record({ prompt: "What's up?", stream: false, max_tokens: 9, num_ctx: 2048, keep_alive: '0' }), 'http://localhost:11434/')).toBe(
      `curl 'http://localhost:11434/api/generate' \\\n  -H 'Content-Type: application/json' \\\n  -d '{"model":"phi4:latest","prompt":"What'\\''s up?","stream":false,"options":{"num_ctx":2048,"num_predict":9},"keep_alive":0}'`,
    );
  });
  it('speaks each dialect', () => {
    expect(curlOf(record({ endpoint: 'v1/messages', target: '/v1/messages', prompt: 'a', system: 's' }), 'http://h')).toContain(
      '"system":"s","messages":[{"role":"user","content":"a"}]',
    );
    expect(curlOf(record({ endpoint: 'v1/chat/completions', target: '/v1/chat/completions?x=1', prompt: 'a', system: 's' }), 'http://h')).toContain(
      `'http://h/v1/chat/completions' `,
    );
    expect(curlOf(record({ endpoint: 'tags', target: '/api/tags', method: 'GET' }), 'http://h')).toBe(`curl 'http://h/api/tags'`);
    expect(curlOf(record({ endpoint: 'delete', target: "/api/delete';x", method: "DELETE'" }), 'http://h')).toBe(
      `curl -X 'DELETE'\\''' 'http://h/api/delete'\\'';x'`,
    );
  });
});
