import type { Health } from './api';

/** What to say about a store that does not work: what happened, what it means, what to do. Null where all is well. */
export function degradedText(health: Health | null): string | null {
  if (health?.store?.state !== 'degraded') {
    return null;
  }
  const problem = (health.store.problem ?? '').trim().replace(/\.+$/, '') || 'the store cannot be opened';
  return `Records are kept in memory: ${problem}. Requests are served as usual. Fix the cause: the proxy retries and then writes the records. A restart before that loses them.`;
}
