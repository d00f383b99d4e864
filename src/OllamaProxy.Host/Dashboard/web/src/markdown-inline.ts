/** The Markdown inside of a block: emphasis, code and links. Only web and mail addresses become links. */

export type Inline =
  | { kind: 'text' | 'code'; text: string }
  | { kind: 'strong' | 'emphasis' | 'deleted'; parts: Inline[] }
  | { kind: 'link'; href: string; parts: Inline[] }
  | { kind: 'break' };

/** Deeper nesting is shown as text: a hostile text must not exhaust the stack. */
export const maxDepth = 12;

/** An address that a link may lead to, as the browser will read it; null for every other (scripts, files, data, addresses of this page). */
export function safeAddress(text: string): string | null {
  try {
    const url = new URL(text);
    return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

export function inline(text: string): Inline[] {
  return new InlineReader(text, 0).read();
}

const marks = { '***': 'strong', ___: 'strong', '**': 'strong', __: 'strong', '~~': 'deleted', '*': 'emphasis', _: 'emphasis' } as const;
const markPattern = /\*\*\*|___|\*\*|__|~~|\*|_/y;
const punctuation = /[!-/:-@[-`{-~]/;
const letter = /[\p{L}\p{N}]/u;
const webAddress = /https?:\/\/[^\s<>"'`|\\]{1,2000}/y;
const lineBreak = /\n|<br ?\/?>/iy;

/** Reads a text once from its beginning to its end. A mark that was searched in vain is not searched again, so the time grows with the length alone. */
class InlineReader {
  private readonly parts: Inline[] = [];
  private readonly missing = new Set<string>();
  private plain = '';
  private at = 0;

  constructor(
    private readonly text: string,
    private readonly depth: number,
  ) {}

  read(): Inline[] {
    while (this.at < this.text.length) {
      const next = this.text[this.at]!;
      const isRead =
        next === '\\'
          ? this.escape()
          : next === '`'
            ? this.code()
            : next === '[' || (next === '!' && this.text[this.at + 1] === '[')
              ? this.link()
              : next === '*' || next === '_' || next === '~'
                ? this.marked()
                : next === 'h'
                  ? this.address()
                  : next === '\n' || next === '<'
                    ? this.lineBreak()
                    : false;
      if (!isRead) {
        this.plain += next;
        this.at++;
      }
    }
    this.endPlain();
    return this.parts;
  }

  private endPlain(): void {
    if (this.plain) {
      this.parts.push({ kind: 'text', text: this.plain });
      this.plain = '';
    }
  }

  private add(part: Inline, end: number): true {
    this.endPlain();
    this.parts.push(part);
    this.at = end;
    return true;
  }

  private inner(text: string): Inline[] {
    return this.depth < maxDepth ? new InlineReader(text, this.depth + 1).read() : [{ kind: 'text', text }];
  }

  /** Where a text is found next, or -1. */
  private find(wanted: string, from: number): number {
    const found = this.missing.has(wanted) ? -1 : this.text.indexOf(wanted, from);
    if (found < 0) {
      this.missing.add(wanted);
    }
    return found;
  }

  private match(pattern: RegExp): string | null {
    pattern.lastIndex = this.at;
    return pattern.exec(this.text)?.[0] ?? null;
  }

  private escape(): boolean {
    const next = this.text[this.at + 1];
    if (next === undefined || !punctuation.test(next)) {
      return false;
    }
    this.plain += next;
    this.at += 2;
    return true;
  }

  private lineBreak(): boolean {
    const found = this.match(lineBreak);
    return found !== null && this.add({ kind: 'break' }, this.at + found.length);
  }

  private code(): boolean {
    const ticks = this.match(/`+/y)!;
    const from = this.at + ticks.length;
    const end = this.find(ticks, from);
    if (end < 0) {
      this.plain += ticks;
      this.at = from;
      return true;
    }
    const text = this.text.slice(from, end).replaceAll('\n', ' ');
    return this.add({ kind: 'code', text: text.startsWith(' ') && text.endsWith(' ') && text.trim() ? text.slice(1, -1) : text }, end + ticks.length);
  }

  private marked(): boolean {
    const mark = this.match(markPattern) as keyof typeof marks | null;
    if (mark === null || this.missing.has(mark)) {
      return false;
    }
    const from = this.at + mark.length;
    const isWordly = mark.startsWith('_');
    if (/\s|^$/.test(this.text[from] ?? '') || (isWordly && letter.test(this.text[this.at - 1] ?? ''))) {
      return this.keep(mark);
    }
    for (let end = this.find(mark, from + 1); end >= 0; end = this.find(mark, end + 1)) {
      const behind: string = this.text[end + mark.length] ?? '';
      const isRun = mark.length === 1 && (behind === mark || this.text[end - 1] === mark);
      if (!/\s/.test(this.text[end - 1]!) && !isRun && !(isWordly && letter.test(behind))) {
        const parts = this.inner(this.text.slice(from, end));
        const isBoth = mark.length === 3;
        return this.add({ kind: marks[mark], parts: isBoth ? [{ kind: 'emphasis', parts }] : parts }, end + mark.length);
      }
    }
    // None of those that follow closes anything.
    this.missing.add(mark);
    return this.keep(mark);
  }

  private keep(text: string): true {
    this.plain += text;
    this.at += text.length;
    return true;
  }

  /** [text](address "title"), and the same of an image, which is not loaded. */
  private link(): boolean {
    const isImage = this.text[this.at] === '!';
    const from = this.at + (isImage ? 2 : 1);
    const middle = this.closing(from, '[', ']', 500);
    if (middle < 0 || this.text[middle + 1] !== '(') {
      return false;
    }
    const end = this.closing(middle + 2, '(', ')', 4000);
    const address =
      end < 0
        ? null
        : safeAddress(
            this.text
              .slice(middle + 2, end)
              .trim()
              .replace(/\s+["'(].*$/s, '')
              .replace(/^<(.*)>$/s, '$1'),
          );
    if (address === null) {
      return false;
    }
    const label = this.text.slice(from, middle);
    return this.add(
      { kind: 'link', href: address, parts: isImage ? [{ kind: 'text', text: `image: ${label || address}` }] : this.inner(label || address) },
      end + 1,
    );
  }

  /** Where the bracket is closed, on the same line and not too far; -1 where it is not. */
  private closing(from: number, open: string, close: string, limit: number): number {
    let depth = 1;
    for (let at = from; at < this.text.length && at < from + limit && this.text[at] !== '\n'; at++) {
      if (this.text[at] === '\\') {
        at++;
      } else if (this.text[at] === open) {
        depth++;
      } else if (this.text[at] === close && --depth === 0) {
        return at;
      }
    }
    return -1;
  }

  private address(): boolean {
    if (letter.test(this.text[this.at - 1] ?? '')) {
      return false;
    }
    let found = this.match(webAddress)?.replace(/[.,;:!?*_~]+$/, '');
    while (found?.endsWith(')') && !found.includes('(')) {
      found = found.slice(0, -1).replace(/[.,;:!?*_~]+$/, '');
    }
    const href = found ? safeAddress(found) : null;
    return href !== null && this.add({ kind: 'link', href, parts: [{ kind: 'text', text: found! }] }, this.at + found!.length);
  }
}
