/** Who asked for what: requests by model, application, client and category. A row filters by its name. */
import type { ComponentChildren } from 'preact';
import type { Group, Numbers } from '../api';
import { count, duration, percent, plural, words as say, speed, unknown } from '../format';
import { toggle, useColor } from '../hooks';
import { BarList, ModelName, Panel } from '../parts';
import type { Route } from '../route';
import type { Shown } from './overview-stats';

/** Names in each panel. */
const most = 6;

interface Share {
  title: string;
  groups: readonly Group[];
  /** The word of the address that filters by it. */
  word: 'model' | 'application' | 'client' | 'category';
  empty: string;
  heads: [name: string, detail: string];
  label: (name: string | null) => ComponentChildren;
  detail: (numbers: Numbers) => string;
  color?: (name: string | null) => string;
}

export function Shares({ route, stats, isSparse }: { route: Route; stats: Shown; isSparse: boolean }) {
  const color = useColor();
  const shares: Share[] = [
    {
      title: 'Models',
      groups: stats.models,
      word: 'model',
      empty: 'No model was named.',
      heads: ['Model', 'Speed p50'],
      label: (name) => <ModelName model={name} />,
      detail: (numbers) => speed(numbers.tokens_per_second.p50),
      color,
    },
    {
      title: 'Applications',
      groups: stats.applications,
      word: 'application',
      empty: 'None.',
      heads: ['By user agent', 'Duration p50'],
      label: (name) => name ?? 'unknown',
      detail: (numbers) => duration(numbers.latency.p50),
    },
    {
      title: 'Clients',
      groups: stats.clients,
      word: 'client',
      empty: 'None.',
      heads: [plural(stats.client_count, 'address', 'addresses'), 'Duration p50'],
      label: (name) => name ?? unknown,
      detail: (numbers) => duration(numbers.latency.p50),
    },
    {
      title: 'Categories',
      groups: stats.categories,
      word: 'category',
      empty: 'None.',
      heads: ['Of prompts', 'Share'],
      label: (name) => say(name ?? unknown),
      detail: (numbers) => percent(numbers.requests, stats.total.requests),
    },
  ];
  // The shares of a few requests say nothing; their models and applications do.
  return (
    <>
      {shares.slice(0, isSparse ? 2 : undefined).map((share) => (
        <SharePanel key={share.word} route={route} share={share} />
      ))}
    </>
  );
}

function SharePanel({ route, share: { title, groups, word, empty, heads, label, detail, color } }: { route: Route; share: Share }) {
  return (
    <Panel title={title}>
      <BarList
        empty={empty}
        heads={[...heads, 'Requests']}
        rows={groups.slice(0, most).map(({ name, numbers }) => ({
          key: name ?? '',
          label: label(name),
          value: numbers.requests,
          text: count(numbers.requests),
          detail: detail(numbers),
          color: color?.(name),
          title: `Only this ${word}`,
          onClick: toggle(route, word, name),
        }))}
      />
    </Panel>
  );
}
