import { render } from 'preact';
import { App } from './app';
import './style.css';

/** When the frame that stands in the HTML is to be seen: the rest would hold it up. A page that nobody looks at is not painted, and a browser may not tell. */
function painted(): Promise<void> {
  const told = new Promise<void>((go) => new PerformanceObserver(() => go()).observe({ type: 'paint', buffered: true }));
  const patience = document.hidden || !PerformanceObserver.supportedEntryTypes.includes('paint') ? 0 : 300;
  return Promise.race([told, new Promise<void>((go) => setTimeout(go, patience))]);
}

void painted().then(() => render(<App />, document.getElementById('page')!));
