/** The feed of what happens now: one connection for the whole page, open only while somebody wants it and the page is seen. */
import { base, type RequestRecord, type Running } from './api';

export interface LiveListener {
  request?: (running: Running) => void;
  record?: (record: RequestRecord) => void;
  /** Everything that ran is told again. */
  reset?: () => void;
  connected?: (isConnected: boolean) => void;
}

const listeners = new Set<LiveListener>();
let source: EventSource | null = null;

export function listen(listener: LiveListener): () => void {
  listeners.add(listener);
  if (source) {
    // A connection that is open tells nobody again what runs.
    close();
  }
  update();
  return () => {
    listeners.delete(listener);
    update();
  };
}

function update(): void {
  const wanted = listeners.size > 0 && !document.hidden;
  if (wanted && !source) {
    open();
  } else if (!wanted && source) {
    close();
  }
}

function open(): void {
  source = new EventSource(`${base}live`);
  source.onopen = () => {
    listeners.forEach((listener) => {
      listener.reset?.();
      listener.connected?.(true);
    });
  };
  source.onerror = () => {
    listeners.forEach((listener) => listener.connected?.(false));
    if (source?.readyState === EventSource.CLOSED) {
      // Refused (503, 403): the browser does not try again by itself.
      close();
      setTimeout(update, 5000);
    }
  };
  source.addEventListener('request', (event) => {
    const running = JSON.parse((event as MessageEvent<string>).data) as Running;
    listeners.forEach((listener) => listener.request?.(running));
  });
  source.addEventListener('record', (event) => {
    const record = JSON.parse((event as MessageEvent<string>).data) as RequestRecord;
    listeners.forEach((listener) => listener.record?.(record));
  });
  source.addEventListener('missed', () => {
    // The end of a request may be among what was missed: ask for everything again.
    close();
    update();
  });
}

function close(): void {
  source?.close();
  source = null;
}

document.addEventListener('visibilitychange', update);
