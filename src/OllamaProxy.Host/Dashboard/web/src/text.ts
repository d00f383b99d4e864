/** Texts in parts. Nothing here makes HTML: the page puts each part in as text. */

export interface Piece {
  text: string;
  isHit: boolean;
}

/** Splits a text at where a search occurs in it, in any case. */
export function highlight(text: string, search: string | undefined): Piece[] {
  if (!search) {
    return [{ text, isHit: false }];
  }
  // By regular expression, because lower case may be longer than upper.
  const pattern = new RegExp(search.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'), 'giu');
  const pieces: Piece[] = [];
  let at = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > at) {
      pieces.push({ text: text.slice(at, match.index), isHit: false });
    }
    pieces.push({ text: match[0], isHit: true });
    at = match.index + match[0].length;
  }
  if (at < text.length || pieces.length === 0) {
    pieces.push({ text: text.slice(at), isHit: false });
  }
  return pieces;
}

/** One line of a text, around the first hit of a search. */
export function excerpt(text: string, search: string | undefined, length = 200): string {
  const hit = search ? text.toLowerCase().indexOf(search.toLowerCase()) : -1;
  const start = hit > 32 ? hit - 14 : 0;
  const line = text
    .slice(start, start + length)
    .replace(/\s+/gu, ' ')
    .trim();
  return `${start > 0 ? '… ' : ''}${line}`;
}

export type Block =
  | { kind: 'paragraph'; lines: Inline[][] }
  | { kind: 'heading'; level: number; line: Inline[] }
  | { kind: 'code'; text: string; language: string }
  | { kind: 'list'; ordered: boolean; items: Inline[][] }
  | { kind: 'quote'; lines: Inline[][] }
  | { kind: 'rule' };

export interface Inline {
  kind: 'text' | 'code' | 'strong' | 'emphasis';
  text: string;
}

/** The Markdown that models write, as far as it helps reading; whatever else there is (HTML, links, pictures) stays the text it is. */
export function markdown(text: string): Block[] {
  const blocks: Block[] = [];
  const lines = text.split(/\r?\n/);
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    const fence = /^\s*(```+|~~~+)\s*([\w+#.-]*)\s*$/.exec(line);
    if (fence) {
      const code: string[] = [];
      while (++at < lines.length && !(lines[at]!.trim().startsWith(fence[1]!) && lines[at]!.trim().replace(/[`~]/g, '') === '')) {
        code.push(lines[at]!);
      }
      blocks.push({ kind: 'code', text: code.join('\n'), language: fence[2]! });
      continue;
    }
    const heading = /^(#{1,6})\s+(.*?)\s*#*$/.exec(line);
    const item = /^\s*([-*+]|\d{1,4}[.)])\s+(.*)$/.exec(line);
    const quoted = /^\s*>\s?(.*)$/.exec(line);
    const last = blocks[blocks.length - 1];
    const follows = at > 0 && lines[at - 1]!.trim() !== '';
    if (line.trim() === '') {
      continue;
    }
    if (heading) {
      blocks.push({ kind: 'heading', level: heading[1]!.length, line: inline(heading[2]!) });
    } else if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) {
      blocks.push({ kind: 'rule' });
    } else if (item) {
      const ordered = /\d/.test(item[1]!);
      if (last?.kind === 'list' && last.ordered === ordered) {
        last.items.push(inline(item[2]!));
      } else {
        blocks.push({ kind: 'list', ordered, items: [inline(item[2]!)] });
      }
    } else if (quoted) {
      if (last?.kind === 'quote' && follows) {
        last.lines.push(inline(quoted[1]!));
      } else {
        blocks.push({ kind: 'quote', lines: [inline(quoted[1]!)] });
      }
    } else if (last?.kind === 'paragraph' && follows) {
      last.lines.push(inline(line));
    } else {
      blocks.push({ kind: 'paragraph', lines: [inline(line)] });
    }
  }
  return blocks;
}

export function inline(line: string): Inline[] {
  const parts: Inline[] = [];
  let at = 0;
  for (const match of line.matchAll(/`([^`]+)`|\*\*([^*\s](?:[^*]*[^*\s])?)\*\*|(?<![\w*])\*([^*\s](?:[^*]*[^*\s])?)\*(?![\w*])/g)) {
    if (match.index > at) {
      parts.push({ kind: 'text', text: line.slice(at, match.index) });
    }
    const [whole, code, strong, emphasis] = match;
    parts.push(
      code !== undefined ? { kind: 'code', text: code } : strong !== undefined ? { kind: 'strong', text: strong } : { kind: 'emphasis', text: emphasis! },
    );
    at = match.index + whole.length;
  }
  if (at < line.length || parts.length === 0) {
    parts.push({ kind: 'text', text: line.slice(at) });
  }
  return parts;
}
