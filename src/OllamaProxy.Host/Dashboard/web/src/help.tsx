/** Keyboard shortcuts, and what can be done with a mouse that one does not see. */
import { base } from './api';

const keys: [string, string][] = [
  ['1 2 3 4', 'Now, Overview, Requests, Models'],
  ['/', 'Search'],
  ['r', 'Refresh'],
  ['j k, ↓ ↑', 'Next and previous request in the table'],
  ['Enter', 'Open the request'],
  ['[ ]', 'Previous and next request of the same client'],
  ['Esc', 'Back to the table'],
  ['?', 'Show this help'],
];

export function Help({ dialog }: { dialog: { current: HTMLDialogElement | null } }) {
  return (
    <dialog ref={dialog} aria-label="Keyboard shortcuts and help" onClick={(event) => event.target === dialog.current && dialog.current?.close()}>
      <form method="dialog">
        {/* First, because a dialog gives the focus to the first element that takes it. */}
        <header>
          <h2>Keyboard shortcuts</h2>
          <button>Close</button>
        </header>
        <dl>
          {keys.map(([key, action]) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{action}</dd>
            </div>
          ))}
        </dl>
        <p>
          Drag over a chart to zoom in. Click a bar, or a name below a chart, to see only that one; click again to see all. The address holds period, filters
          and order, so a link to this page shows the same.
        </p>
        <p>
          The <a href={`${base}openapi.json`}>API</a> has everything that is shown here.
        </p>
      </form>
    </dialog>
  );
}
