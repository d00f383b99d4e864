/** What is looked at: the period, and which requests. Everything chosen is in the address. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { errorWord, outcomeWord } from './endings';
import { activeFilters, type FilterName, groupOf, type Place, periodOf, places, type RangeKey, rangeOf, ranges } from './filters';
import { capital, words as say } from './format';
import { setWords } from './hooks';
import { Icon } from './icon';
import { setPreference } from './preferences';
import type { Route } from './route';
import { categories, errorTypes, inferenceEndpoints, otherEndpoints, outcomes } from './words';

/** The names in the store by which the filter bar filters. */
export type Names = Readonly<Record<'client' | 'application' | Place, readonly string[]>>;

interface Props {
  route: Route;
  models: readonly string[];
  names: Names;
}

export function FilterBar({ route, models, names }: Props) {
  const { words } = route;
  const active = activeFilters(words);
  const [isOpen, setOpen] = useState(false);
  const range = rangeOf(words);
  const choose = (key: RangeKey) => {
    setPreference('range', key === 'custom' ? '24h' : key);
    if (key === 'custom') {
      const { from, to } = periodOf(words, Date.now() / 1000);
      setWords(route, { range: key, from: String(Math.floor(from ?? Date.now() / 1000 - 86_400)), to: String(Math.floor(to ?? Date.now() / 1000)) });
    } else {
      setWords(route, { range: key, from: null, to: null });
    }
  };
  const set = (name: string) => (value: string) => setWords(route, { [name]: value });
  const type = (name: string) => (value: string) => setWords(route, { [name]: value }, true);
  return (
    <form class="filters" role="search" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
      <div class="segments" role="group" aria-label="Period">
        {ranges.map(({ key, label }) => (
          <button key={key} type="button" aria-pressed={range === key} onClick={() => choose(key)}>
            {label}
          </button>
        ))}
        <button type="button" aria-pressed={range === 'all'} onClick={() => choose('all')}>
          All
        </button>
        <button type="button" aria-pressed={range === 'custom'} onClick={() => choose('custom')}>
          Custom
        </button>
      </div>
      {range === 'custom' && (
        <span class="custom">
          <Instant label="From" value={words['from']} set={set('from')} />
          <Instant label="To" value={words['to']} set={set('to')} />
        </span>
      )}
      <input
        id="search"
        class="search"
        type="search"
        placeholder="Search prompts and answers"
        aria-label="Search prompts and answers"
        title="Press / to search"
        {...typed(words['search'], type('search'))}
      />
      <Select label="Model" value={words['model']} set={set('model')} all="All models" options={models.map((name) => [name, name])} />
      <button type="button" class="more" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        Filters{active.length ? ` (${active.length})` : ''}
      </button>
      <div class={`fields ${isOpen ? 'open' : ''}`}>
        <Select
          label="Kind"
          value={words['kind']}
          set={set('kind')}
          all="Inference"
          options={[
            ['all', 'Everything'],
            ['other', 'Everything else'],
          ]}
        />
        <Select
          label="Endpoint"
          value={words['endpoint']}
          set={set('endpoint')}
          all="All endpoints"
          options={[...inferenceEndpoints, ...otherEndpoints].map((name) => [name, name])}
        />
        <Select label="Category" value={words['category']} set={set('category')} all="All categories" options={categories.map((name) => [name, say(name)])} />
        <Select
          label="Outcome"
          value={words['outcome'] ? `outcome:${words['outcome']}` : words['status'] ? `status:${words['status']}` : undefined}
          set={(value) => {
            const [name, word] = value.split(':');
            setWords(route, { outcome: name === 'outcome' ? word! : null, status: name === 'status' ? word! : null });
          }}
          all="All outcomes"
          options={[
            ['status:error', 'any error'],
            ['status:success', 'no error'],
            ...outcomes.map((name): [string, string] => [`outcome:${name}`, outcomeWord(name)]),
          ]}
        />
        <Select label="Error type" value={words['error_type']} set={set('error_type')} all="Any" options={errorTypes.map((name) => [name, errorWord(name)])} />
        <Text label="Client" value={words['client']} set={type('client')} suggestions={names.client} />
        <Text label="Application" value={words['application']} set={type('application')} suggestions={names.application} />
        {places
          .filter((place) => names[place].length > 1 || words[place])
          .map((place) => (
            <Select
              key={place}
              label={capital(place)}
              value={words[place]}
              set={set(place)}
              all={`All ${groupOf[place]}`}
              options={names[place].map((name) => [name, name])}
            />
          ))}
        <Between route={route} label="Duration" unit="s" names={['min_latency', 'max_latency']} />
        <Between route={route} label="Prompt" unit="tokens" names={['min_input_tokens', 'max_input_tokens']} />
        <Between route={route} label="Completion" unit="tokens" names={['min_output_tokens', 'max_output_tokens']} />
      </div>
      <Chips route={route} />
    </form>
  );
}

/** What is chosen, each to be removed by a click. The search stands in its own field. */
function Chips({ route }: { route: Route }) {
  const { words } = route;
  const active = activeFilters(words).filter((name) => name !== 'search');
  const chips: { text: string; names: string[] }[] = [];
  const ranges = new Set<string>();
  for (const name of active) {
    const range = /^m(?:in|ax)_(.*)$/.exec(name)?.[1];
    if (range === undefined) {
      chips.push({ text: `${chipNames[name] ?? say(name)}: ${chipValue(name, words[name]!)}`, names: [name] });
    } else if (!ranges.has(range)) {
      ranges.add(range);
      chips.push({ text: rangeText(range, words[`min_${range}`], words[`max_${range}`]), names: [`min_${range}`, `max_${range}`] });
    }
  }
  if (words['kind']) {
    chips.push({ text: words['kind'] === 'all' ? 'Everything' : 'Everything else', names: ['kind'] });
  }
  if (chips.length === 0) {
    return null;
  }
  const without = (names: string[]) => setWords(route, Object.fromEntries(names.map((name) => [name, null])));
  return (
    <div class="chips" role="group" aria-label="Active filters">
      {chips.map(({ text, names }) => (
        <button key={text} type="button" class="chip" aria-label={`Remove filter ${text}`} title="Remove this filter" onClick={() => without(names)}>
          <span class="cut">{text}</span>
          <Icon name="close" />
        </button>
      ))}
      <button type="button" class="plain" onClick={() => without(['search', ...chips.flatMap((chip) => chip.names)])}>
        Clear all
      </button>
    </div>
  );
}

const chipNames: Partial<Record<FilterName, string>> = {
  model: 'Model',
  endpoint: 'Endpoint',
  category: 'Category',
  outcome: 'Outcome',
  status: 'Outcome',
  error_type: 'Error',
  client: 'Client',
  application: 'Application',
  proxy: 'Proxy',
  backend: 'Backend',
};

function chipValue(name: FilterName, value: string): string {
  switch (name) {
    case 'outcome':
      return outcomeWord(value);
    case 'error_type':
      return errorWord(value);
    case 'status':
      return value === 'error' ? 'any error' : value === 'success' ? 'no error' : say(value);
    case 'category':
      return say(value);
    default:
      return value;
  }
}

function rangeText(range: string, min: string | undefined, max: string | undefined): string {
  const [name, unit] = range === 'latency' ? ['Duration', ' s'] : [range === 'input_tokens' ? 'Prompt tokens' : 'Completion tokens', ''];
  return min && max ? `${name}: ${min} to ${max}${unit}` : min ? `${name}: from ${min}${unit}` : `${name}: up to ${max}${unit}`;
}

/** A field that tells of what is typed when nothing more was for a moment. */
function typed(value: string | undefined, set: (value: string) => void) {
  const timer = useRef(0);
  const [text, setText] = useState(value ?? '');
  // What the address says now, unless it says so because of what was typed.
  useEffect(() => setText(value ?? ''), [value]);
  return {
    value: text,
    onInput: (event: { currentTarget: HTMLInputElement }) => {
      const next = event.currentTarget.value;
      setText(next);
      clearTimeout(timer.current);
      timer.current = window.setTimeout(() => set(next.trim()), 250);
    },
  };
}

function Select({
  label,
  value,
  set,
  all,
  options,
}: {
  label: string;
  value: string | undefined;
  set: (value: string) => void;
  all: string;
  options: [string, string][];
}) {
  const known = !value || options.some(([key]) => key === value);
  return (
    <label class="field">
      <span>{label}</span>
      <select value={value ?? ''} onChange={(event) => set(event.currentTarget.value)} class={value ? 'set' : ''}>
        <option value="">{all}</option>
        {!known && <option value={value}>{value}</option>}
        {options.map(([key, text]) => (
          <option key={key} value={key}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

function Text({ label, value, set, suggestions }: { label: string; value: string | undefined; set: (value: string) => void; suggestions: readonly string[] }) {
  const list = `known-${label.toLowerCase()}`;
  return (
    <label class="field">
      <span>{label}</span>
      <input type="text" list={list} placeholder="Any" class={value ? 'set' : ''} spellcheck={false} autocomplete="off" {...typed(value, set)} />
      <datalist id={list}>
        {suggestions.map((text) => (
          <option key={text} value={text} />
        ))}
      </datalist>
    </label>
  );
}

function Between({ route, label, unit, names }: { route: Route; label: string; unit: string; names: [FilterName, FilterName] }) {
  const [min, max] = names;
  const set = (name: FilterName) => (value: string) => setWords(route, { [name]: /^\d+(\.\d+)?$/.test(value) ? value : null }, true);
  return (
    <fieldset class="field between">
      <legend>
        {label} ({unit})
      </legend>
      <input type="text" inputMode="decimal" placeholder="from" aria-label={`${label} from (${unit})`} {...typed(route.words[min], set(min))} />
      <input type="text" inputMode="decimal" placeholder="to" aria-label={`${label} to (${unit})`} {...typed(route.words[max], set(max))} />
    </fieldset>
  );
}

function Instant({ label, value, set }: { label: string; value: string | undefined; set: (value: string) => void }) {
  const seconds = Number(value);
  const date = value && Number.isFinite(seconds) ? new Date(seconds * 1000) : null;
  const text = date ? new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19) : '';
  return (
    <input
      type="datetime-local"
      step={1}
      aria-label={label}
      value={text}
      onChange={(event) => {
        const chosen = new Date(event.currentTarget.value).getTime();
        set(Number.isFinite(chosen) ? String(chosen / 1000) : '');
      }}
    />
  );
}
