/**
 * The page's address: everything behind the "#", so that what is searched for (which may be part of a prompt) reaches no server's log, and any prefix before
 * it does not matter. "#/requests?model=phi4" is the view "requests" with one word.
 */
import type { Words } from './filters';

export const views = ['now', 'overview', 'requests', 'models'] as const;

export type View = (typeof views)[number] | 'request';

export interface Route {
  view: View;
  /** The record in the view "request": its request_id, or its number in this store, as in older links. */
  id: string | null;
  words: Words;
}

export function parse(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s);
  const words: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(search)) {
    if (value) {
      words[name] = value;
    }
  }
  const [view, id] = path.split('/');
  if (view === 'requests' && id && /^(?:\d{1,19}|[\da-f-]{32,36})$/i.test(id)) {
    return { view: 'request', id, words };
  }
  return { view: views.find((known) => known === view) ?? 'overview', id: null, words };
}

export function format(view: View, words: Words, id?: string | null): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(words)) {
    if (value) {
      search.set(name, value);
    }
  }
  const path = view === 'request' ? `requests/${id}` : view;
  const text = search.toString();
  return `#/${path}${text && `?${text}`}`;
}

/** Words with some changed; an empty one is taken away. */
export function change(words: Words, changes: Record<string, string | null>): Words {
  const changed: Record<string, string> = { ...words };
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === '') {
      delete changed[name];
    } else {
      changed[name] = value;
    }
  }
  return changed;
}
