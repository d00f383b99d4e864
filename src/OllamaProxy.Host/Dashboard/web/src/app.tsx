/** The page around the views. */
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { Group, Ollama, StatsOf } from './api';
import { answering, colorsPreference, learnColors, read as readColors } from './colors';
import { FilterBar } from './filterbar';
import { places } from './filters';
import { fullTime, words as say } from './format';
import { degradedText } from './health';
import { Help } from './help';
import { Colors, go, useApi, useClock, useHealth, useKeys, useRoute, useTick } from './hooks';
import { Icon } from './icon';
import { preference, usePreference } from './preferences';
import { change, format, type View, views } from './route';
import { Models } from './views/models';
import { Now } from './views/now';
import { Overview } from './views/overview';
import { OneRequest } from './views/request';
import { Requests } from './views/requests';

type Known = StatsOf<'models' | 'clients' | 'applications' | 'proxies' | 'backends'>;

const learnAll = (stats: Known) => learnColors(answering(stats.models), true);

const titles: Record<(typeof views)[number], string> = { now: 'Now', overview: 'Overview', requests: 'Requests', models: 'Models' };

export function App() {
  const route = useRoute();
  const [refresh, setRefresh] = usePreference('refresh', '10');
  const [tick, again] = useTick(route.view === 'now' || route.view === 'request' ? '0' : refresh);
  const [theme, setTheme] = usePreference('theme', 'auto');
  const help = useRef<HTMLDialogElement>(null);
  const slow = Math.floor(useClock() / 10_000);
  const ollama = useApi<Ollama>('ollama', slow);
  const models = useApi<string[]>('models', tick);

  // Before charts ask for the colors.
  useLayoutEffect(() => {
    document.documentElement.dataset['theme'] = theme;
  }, [theme]);
  // Keys and clicks are answered from here on.
  useLayoutEffect(() => {
    performance.mark('interactive');
  }, []);
  useEffect(() => {
    const title = route.view === 'request' ? `Request ${route.id}` : titles[route.view];
    document.title = `${title} · ollama-proxy`;
  }, [route.view, route.id]);
  // The period that was looked at last, where the address says none.
  const words = useMemo(() => (route.words['range'] ? route.words : change(route.words, { range: preference('range', '24h') })), [route]);
  const here = useMemo(() => ({ ...route, words }), [route, words]);
  // What the filters suggest, which nobody waits for, and where "All" begins; the same whatever is filtered.
  const known = useApi<Known>('stats?groups=model,client,application,proxy,backend&top=100', Math.floor(slow / 6), words['range'] !== 'all', learnAll);
  const namesOf = (groups: readonly Group[] | undefined) => groups?.flatMap((group) => group.name ?? []) ?? [];
  const names = {
    client: namesOf(known.data?.clients),
    application: namesOf(known.data?.applications),
    proxy: namesOf(known.data?.proxies),
    backend: namesOf(known.data?.backends),
  };
  const oldest = known.data || known.error ? (known.data?.oldest ?? null) : undefined;

  const open = (view: View) => () => go(view, words);
  useKeys({
    '1': open('now'),
    '2': open('overview'),
    '3': open('requests'),
    '4': open('models'),
    r: again,
    '/': () => document.querySelector<HTMLInputElement>('#search')?.focus(),
    '?': () => help.current?.showModal(),
  });
  const [colors] = usePreference(colorsPreference, '');
  const palette = useMemo(() => readColors(colors), [colors]);
  const isOffline = ollama.error?.trouble === 'offline';
  // What could not be read while the store was away is asked for again.
  const degraded = degradedText(useHealth(slow, again));

  return (
    <Colors.Provider value={palette}>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), document.getElementById('main')?.focus())}>
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href={format('overview', words)} aria-label="ollama-proxy, overview">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <rect width="32" height="32" rx="7" />
            <path d="M6 20h4l3-10 5 14 3-8h5" />
          </svg>
          <span>ollama-proxy</span>
        </a>
        <nav aria-label="Views">
          {views.map((view) => (
            <a
              key={view}
              href={format(view, words)}
              aria-current={route.view === view || (view === 'requests' && route.view === 'request') ? 'page' : undefined}
            >
              {titles[view]}
            </a>
          ))}
        </nav>
        <OllamaState ollama={ollama.data} isOffline={isOffline} />
        <div class="tools">
          {route.view !== 'now' && route.view !== 'request' && (
            <label class="refresh">
              <span>Refresh</span>
              <select value={refresh} onChange={(event) => setRefresh(event.currentTarget.value)}>
                <option value="0">off</option>
                <option value="live">live</option>
                {['1', '5', '10', '30', '60'].map((seconds) => (
                  <option key={seconds} value={seconds}>
                    {seconds} s
                  </option>
                ))}
              </select>
            </label>
          )}
          <button
            type="button"
            class="plain square"
            aria-label={`Colors: ${theme}. Change`}
            title={`Colors: ${theme}`}
            onClick={() => setTheme(theme === 'auto' ? 'dark' : theme === 'dark' ? 'light' : 'auto')}
          >
            <Icon name={theme === 'dark' ? 'moon' : theme === 'light' ? 'sun' : 'half'} />
          </button>
          <button
            type="button"
            class="plain square"
            aria-label="Keyboard shortcuts and help"
            title="Keyboard shortcuts and help (?)"
            onClick={() => help.current?.showModal()}
          >
            <Icon name="help" />
          </button>
        </div>
      </header>
      {degraded !== null && (
        <div class="banner" role="alert">
          {degraded}
        </div>
      )}
      {isOffline && (
        <div class="banner" role="alert">
          The proxy does not answer. This page shows older data and retries every 10 s.
        </div>
      )}
      {!isOffline && ollama.data?.is_up === false && (
        <div class="banner" role="alert">
          <b>Ollama does not answer</b> at {ollama.data.ollama_host}
          {ollama.data.problem ? `: ${ollama.data.problem.replace(/^No answer from Ollama: /, '').replace(/\.$/, '')}` : ''}. Requests fail until it runs: start
          it with <code>ollama serve</code>, or set <code>OLLAMA_BACKEND_URL</code> to its address. <code>ollama-proxy doctor</code> finds the cause.
        </div>
      )}
      {(route.view === 'overview' || route.view === 'requests' || route.view === 'models') && (
        <FilterBar route={here} models={models.data ?? []} names={names} />
      )}
      <main id="main" tabIndex={-1}>
        <h1 class="hidden">{route.view === 'request' ? `Request ${route.id}` : titles[route.view]}</h1>
        {route.view === 'now' && <Now ollama={ollama.data} storeIsOff={known.data?.backend === 'none'} />}
        {route.view === 'overview' && <Overview route={here} tick={tick} retry={again} oldest={oldest} />}
        {route.view === 'requests' && <Requests route={here} tick={tick} retry={again} hidden={places.filter((place) => names[place].length < 2)} />}
        {route.view === 'request' && <OneRequest id={route.id!} words={route.words} />}
        {route.view === 'models' && <Models route={here} tick={tick} retry={again} oldest={oldest} />}
      </main>
      <Help dialog={help} />
    </Colors.Provider>
  );
}

/** Words of Ollama's state that say how it is; one that is not known here is shown as it is. */
const conditions: Record<string, 'good' | 'warn' | 'bad'> = {
  external: 'good',
  ready: 'good',
  starting: 'warn',
  restarting: 'warn',
  stopping: 'warn',
  unhealthy: 'bad',
  crash_loop: 'bad',
  stopped: 'bad',
};

function OllamaState({ ollama, isOffline }: { ollama: Ollama | null; isOffline: boolean }) {
  if (!ollama || isOffline) {
    return <span class="state">{isOffline ? 'offline' : ''}</span>;
  }
  const isReady = ollama.state === 'external' || ollama.state === 'ready';
  const isSilent = ollama.is_up === null && ollama.problem !== null;
  const condition = ollama.is_up === false ? 'bad' : isReady && isSilent ? 'warn' : (conditions[ollama.state] ?? 'unsure');
  const text = ollama.is_up === false ? 'does not answer' : isReady ? (isSilent ? 'no answer' : 'ready') : say(ollama.state);
  return (
    <span
      class={`state ${condition}`}
      title={`${ollama.ollama_host}${ollama.problem ? `: ${ollama.problem}` : ''}${ollama.checked_at ? `, polled ${fullTime(ollama.checked_at)}` : ''}`}
    >
      <i aria-hidden="true" />
      Ollama {ollama.version} <b>{text}</b>
    </span>
  );
}
