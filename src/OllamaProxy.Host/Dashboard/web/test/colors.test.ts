import { describe, expect, it } from 'vitest';
import { answeringIn, assign } from '../src/colors';
import { record } from './record';

describe('the colors of models', () => {
  it('belong to names as Ollama spells them, the most used first', () => {
    const of = (model_name: string) => record({ model: model_name.toLowerCase(), model_name });
    expect(answeringIn([of('phi4:latest'), of('hf.co/a/B:Q4'), of('hf.co/a/B:Q4')])).toEqual(['hf.co/a/B:Q4', 'phi4:latest']);
  });

  it('stay, and a new model gets a free one', () => {
    expect([...assign(new Map([['a', 1]]), ['b', 'a'], false)]).toEqual([
      ['a', 1],
      ['b', 0],
    ]);
  });
});
