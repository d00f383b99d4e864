/** The part of a long table that is drawn: a few rows more than the page shows. Keys move a marked row through the whole table. */
import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useKeys } from './hooks';

/** Rows drawn above and below what is seen, so that scrolling shows no gap. */
const margin = 8;

export interface RowWindow {
  box: RefObject<HTMLTableElement | null>;
  /** The first row that is drawn, and the one behind the last. */
  start: number;
  end: number;
  rowHeight: number;
  /** How far it is scrolled, in pixels. */
  top: number;
  /** The marked row, or -1. */
  active: number;
  /** Rows that match, loaded or not; null as long as they are counted. */
  total: number | null;
  isBusy: boolean;
  open: (index: number) => void;
}

interface Options {
  /** The rows that are loaded. */
  count: number;
  total: number | null;
  isBusy: boolean;
  rowHeight: number;
  /** What the rows answer; another one begins at the top. */
  question: string;
  /** Where the table was left. */
  restored: { top: number; active: number } | null;
  open: (index: number) => void;
}

export function useRowWindow({ count, total, isBusy, rowHeight, question, restored, open }: Options): RowWindow {
  const box = useRef<HTMLTableElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const [active, setActive] = useState(restored?.active ?? -1);

  useEffect(() => {
    const element = box.current!;
    element.scrollTop = restored?.top ?? 0;
    const measure = () => setView({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener('scroll', measure, { passive: true });
    measure();
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', measure);
    };
  }, []);
  const answered = useRef(question);
  useEffect(() => {
    if (answered.current !== question) {
      answered.current = question;
      setActive(-1);
      box.current!.scrollTop = 0;
    }
  }, [question]);

  const move = (to: number) => {
    const next = Math.max(0, Math.min(count - 1, to));
    setActive(next);
    const element = box.current!;
    const top = next * rowHeight;
    if (top < element.scrollTop) {
      element.scrollTop = top;
    } else if (top + 2 * rowHeight > element.scrollTop + element.clientHeight) {
      // The heading covers the height of one row.
      element.scrollTop = top + 2 * rowHeight - element.clientHeight;
    }
  };
  const page = Math.max(1, Math.floor(view.height / rowHeight) - 2);
  useKeys({
    j: () => move(active + 1),
    k: () => move(active - 1),
    ArrowDown: () => move(active + 1),
    ArrowUp: () => move(active - 1),
    PageDown: () => move(active + page),
    PageUp: () => move(active - page),
    Home: () => move(0),
    End: () => move(count - 1),
    Enter: (event) => {
      const link = (event.target as HTMLElement).closest<HTMLElement>('a, button');
      if (link) {
        link.click();
      } else {
        open(active);
      }
    },
  });
  return {
    box,
    start: Math.max(0, Math.floor(view.top / rowHeight) - margin),
    end: Math.min(count, Math.ceil((view.top + view.height) / rowHeight) + margin),
    rowHeight,
    top: view.top,
    active,
    total,
    isBusy,
    open: (index) => {
      setActive(index);
      open(index);
    },
  };
}
