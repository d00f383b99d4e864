import { render } from 'preact';
import { App } from './app';
import './style.css';

/** When the frame that stands in the HTML is painted: the rest would hold it up. A page that nobody sees is not painted. */
function painted(): Promise<void> {
  return document.hidden ? Promise.resolve() : new Promise((go) => requestAnimationFrame(() => setTimeout(go)));
}

void painted().then(() => render(<App />, document.getElementById('page')!));
